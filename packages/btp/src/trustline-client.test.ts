import { readFileSync } from 'node:fs'
import { BtpFrame, IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import type { IncomingTransfer, OutgoingTransfer, Payee, Rejection, SendOutcome } from '@millstream/plugin'
import { Condition, Hex, Instant, TransferId } from '@millstream/units'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BtpEvent } from './btp-event.js'
import type * as BtpRefusal from './btp-refusal.js'
import { RefusedError } from './btp-refusal.js'
import { clientLimits } from './client-limits.js'
import { ClosedError, NoAnswerError, NotConnectedError, OtherLedgerError } from './internal/client-connection.js'
import { BadAnswerError } from './internal/ledger-dialect.js'
import type { Session } from './session.js'
import { createManualTime, createMemoryNetwork, type ManualTime, type MemoryNetwork } from './testing/index.js'
import { createScriptedHost, type ScriptedHost } from './testing/scripted-host.js'
import { createTrustlineClient, type TrustlineClient, type TrustlineClientOptions } from './trustline-client.js'

interface Recorded {
  readonly transfers: Record<string, readonly { readonly from: 'client' | 'server'; readonly hex: string }[]>
}
const recorded = JSON.parse(readFileSync(new URL('../vectors/plugin-2017.json', import.meta.url), 'utf8')) as Recorded

interface Payment {
  readonly transfer: OutgoingTransfer
  readonly fulfillment: Condition.Fulfillment
}

const credentials = 'btp+ws://alice:a-token-of-sixteen-bytes@host:9000/'
const noCredentials = 'btp+ws://:@host:9000/'
const expiresInMs = 30_000

describe('trustline client', () => {
  let time: ManualTime
  let network: MemoryNetwork
  let host: ScriptedHost
  let client: TrustlineClient
  let events: BtpEvent[]
  let made: number
  let clients: TrustlineClient[]

  beforeEach(() => {
    time = createManualTime()
    network = createMemoryNetwork()
    host = createScriptedHost({ network, clock: time.clock, timers: time.timers })
    events = []
    made = 0
    clients = []
    client = createClient()
  })

  afterEach(async () => {
    for (const each of clients) void each.close()
    await time.advance(clientLimits.closeTimeoutMs)
    await time.advance(clientLimits.connectionWaitMs)
    // Whatever happened, nothing stays behind.
    expect(time.pending).toBe(0)
    expect(events.filter(({ name }) => name === 'btp.handler_failed')).toEqual([])
  })

  function createClient(changes: Partial<TrustlineClientOptions> = {}): TrustlineClient {
    const created = createTrustlineClient({
      uri: credentials,
      connect: network.connect,
      clock: time.clock,
      timers: time.timers,
      hashes,
      randomBytes: (length) => new Uint8Array(length).fill(128),
      observer: (event) => void events.push(event),
      ...changes,
    })
    clients.push(created)
    return created
  }

  async function connect(connecting = client): Promise<void> {
    const connected = connecting.connect()
    await time.settle()
    await connected
  }

  function payment(change: Partial<OutgoingTransfer> = {}): Payment {
    made++
    const fulfillment = Condition.fulfillmentFrom(hashes.sha256(Uint8Array.of(made)))
    const transfer: OutgoingTransfer = {
      id: TransferId.from(hashes.sha256(Uint8Array.of(0, made)).slice(0, 16)),
      amount: 7n,
      condition: Condition.from(hashes.sha256(fulfillment)),
      expiresAt: Instant.after(time.clock(), expiresInMs),
      packet: IlpPacket.encodePayment(7n, 'test.host.server.user.1'),
      ...change,
    }
    return { transfer, fulfillment }
  }

  /** Sends, and shows the outcome once there is one. */
  function send(transfer: OutgoingTransfer, payer = client): { outcome: SendOutcome | undefined } {
    const seen: { outcome: SendOutcome | undefined } = { outcome: undefined }
    void payer.send(transfer).then((outcome) => {
      seen.outcome = outcome
    })
    return seen
  }

  const prepares = () => host.received.filter(({ type }) => type === 'prepare') as BtpFrame.PrepareFrame[]

  /** What the client answered to a request of the host. */
  function ask(request: Parameters<Session['request']>[0]): { answer: BtpFrame.Frame | undefined } {
    const seen: { answer: BtpFrame.Frame | undefined } = { answer: undefined }
    host.session.request(request, (answer) => {
      seen.answer = answer
    })
    return seen
  }

  function fulfill({ transfer, fulfillment }: Payment): { answer: BtpFrame.Frame | undefined } {
    return ask({ type: 'fulfill', transferId: transfer.id, fulfillment, protocolData: [] })
  }

  function reject({ transfer }: Payment, rejection?: Rejection): { answer: BtpFrame.Frame | undefined } {
    const data =
      rejection === undefined
        ? undefined
        : IlpPacket.encodeError({
            code: rejection.code,
            triggeredBy: 'test.host.server',
            triggeredAt: time.clock(),
            data: new TextEncoder().encode(JSON.stringify({ message: rejection.message })),
          })
    const protocolData = data === undefined ? [] : [{ name: 'ilp', contentType: 0, data }]
    return ask({ type: 'reject', transferId: transfer.id, protocolData })
  }

  const refuseWith = (name: BtpRefusal.ErrorName, message = 'so it is') => {
    return (frame: BtpFrame.PrepareFrame, session: Session) => session.refuse(frame.requestId, { name, message })
  }

  describe('connecting', () => {
    it('authenticates, asks for the ledger and says who it is', async () => {
      await connect()
      expect(host.credentials).toEqual([{ username: 'alice', token: 'a-token-of-sixteen-bytes' }])
      expect(client.info()).toEqual({
        prefix: 'test.host.',
        asset: { code: 'XRP', scale: 9 },
        account: 'test.host.client',
        direct: true,
      })
      expect(client.accountName).toMatch(/^[\w-]{22}$/)
      expect(client.isConnected).toBe(true)
      expect(events).toMatchObject([{ name: 'btp.client_connected', url: 'ws://host:9000/', prefix: 'test.host.' }])
    })

    it('has no account name without credentials', () => {
      expect(createClient({ uri: noCredentials }).accountName).toBeUndefined()
    })

    it('knows nothing before: info throws, sending and asking fail, and nothing is sent', async () => {
      expect(() => client.info()).toThrow(NotConnectedError)
      const seen = send(payment().transfer)
      await time.settle()
      expect(seen.outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'T00' })
    })

    it('fails when nobody listens, and does not try again by itself', async () => {
      host.listen(false)
      await expect(client.connect()).rejects.toThrow('connection refused')
      await time.advance(60_000)
      expect(network.attempts).toBe(1)
      host.listen(true)
      await connect()
      expect(client.isConnected).toBe(true)
    })

    it('fails with the words of the host when it does not take the credentials', async () => {
      host.authenticate = () => ({ refused: { name: 'NotAcceptedError', message: 'Account x is not known here.' } })
      await expect(client.connect()).rejects.toThrow(RefusedError)
      await expect(client.connect()).rejects.toThrow('Account x is not known here.')
    })

    it('fails when the host does not answer', async () => {
      network.deliver = (_bytes, to) => to === 'server'
      const connected = expect(client.connect()).rejects.toThrow(NoAnswerError)
      await time.advance(6_000)
      await connected
    })

    it('fails when the host keeps another ledger than was expected, or says what cannot be', async () => {
      const other = createClient({ expectedPrefix: 'test.other.' })
      await expect(other.connect()).rejects.toThrow(OtherLedgerError)
      host.info = 'what?'
      await expect(client.connect()).rejects.toThrow(BadAnswerError)
      expect(host.closures).toHaveLength(2)
    })

    it('speaks the older dialect to a host that does not know the newer', async () => {
      host.dialect = 'get_info'
      host.message = (frame, session) => {
        const { name } = frame.protocolData[0]!
        const data = new TextEncoder().encode(name === 'get_balance' ? '"5"' : '"1000"')
        session.respond(frame.requestId, [{ name, contentType: 2, data }])
      }
      await connect()
      expect(await client.balance()).toBe(-5n)
      expect(await client.limit()).toBe(1_000n)
    })

    it('does nothing more when it is asked twice', async () => {
      await connect()
      await client.connect()
      expect(host.sessions).toBe(1)
    })
  })

  describe('asking', () => {
    it('shows its balance as the other side of the host’s, and zero without a sign', async () => {
      let owed = 7n
      host.message = (frame, session) => {
        const data = new Uint8Array(8)
        new DataView(data.buffer).setBigInt64(0, owed)
        session.respond(frame.requestId, [{ name: 'balance', contentType: 0, data }])
      }
      await connect()
      expect(await client.balance()).toBe(-7n)
      owed = 0n
      expect(String(await client.balance())).toBe('0')
    })

    it('waits for a connection that is coming back, and not for ever', async () => {
      await connect()
      host.listen(false)
      network.cut()
      const asked = expect(client.message([])).rejects.toThrow(NotConnectedError)
      await time.advance(clientLimits.connectionWaitMs)
      await asked
      host.listen(true)
      host.message = (frame, session) => session.respond(frame.requestId, frame.protocolData)
      const entry = { name: 'custom', contentType: 2, data: Uint8Array.of(1) }
      const again = client.message([entry])
      await time.advance(clientLimits.reconnectMsMax)
      expect(await again).toEqual([entry])
    })

    it('gets an error with the host’s refusal for what it refuses', async () => {
      await connect()
      await expect(client.message([])).rejects.toMatchObject({ refusal: { name: 'NotAcceptedError', code: 'F00' } })
    })
  })

  describe('a message of the host', () => {
    it('is refused while nobody answers messages, and so is a second authentication', async () => {
      await connect()
      const seen = ask({ type: 'message', protocolData: [{ name: 'auth', contentType: 0, data: new Uint8Array(0) }] })
      await time.settle()
      expect(seen.answer).toMatchObject({ type: 'error', name: 'NotAcceptedError' })
    })

    it('is answered by whoever registered for it, now or later', async () => {
      await connect()
      client.handleMessages((protocolData) => protocolData)
      const now = ask({ type: 'message', protocolData: [{ name: 'x', contentType: 0, data: Uint8Array.of(1) }] })
      await time.settle()
      client.handleMessages(async (protocolData) => protocolData)
      const later = ask({ type: 'message', protocolData: [{ name: 'y', contentType: 0, data: Uint8Array.of(2) }] })
      await time.settle()
      expect([now.answer, later.answer]).toMatchObject([
        { type: 'response', protocolData: [{ name: 'x' }] },
        { type: 'response', protocolData: [{ name: 'y' }] },
      ])
    })

    it('is refused without the reason when that fails', async () => {
      await connect()
      client.handleMessages(() => Promise.reject(new Error('the secret is 42')))
      const seen = ask({ type: 'message', protocolData: [] })
      await time.settle()
      expect(seen.answer).toMatchObject({ type: 'error', name: 'NotAcceptedError' })
      expect(new TextDecoder().decode((seen.answer as BtpFrame.ErrorFrame).data)).not.toContain('42')
      expect(events.pop()).toMatchObject({ name: 'btp.handler_failed' })
      events = []
    })
  })

  describe('a transfer', () => {
    beforeEach(() => connect())

    it('goes out as one PREPARE with the packet, as it was given', async () => {
      const { transfer } = payment()
      send(transfer)
      await time.settle()
      expect(prepares()).toMatchObject([
        {
          transferId: transfer.id,
          amount: 7n,
          condition: transfer.condition,
          expiresAt: transfer.expiresAt,
          protocolData: [{ name: 'ilp', contentType: 0, data: transfer.packet }],
        },
      ])
    })

    it('is fulfilled by the fulfillment of its condition, and the host is told so', async () => {
      const paid = payment()
      const seen = send(paid.transfer)
      await time.settle()
      expect(seen.outcome).toBeUndefined()
      const told = fulfill(paid)
      await time.settle()
      expect(seen.outcome).toEqual({ status: 'fulfilled', fulfillment: paid.fulfillment })
      expect(told.answer).toMatchObject({ type: 'response', protocolData: [] })
      expect(client.unresolved).toBe(0)
    })

    it('is fulfilled by a FULFILL that overtakes the RESPONSE', async () => {
      const paid = payment()
      host.prepare = (frame, session) => {
        fulfill(paid)
        session.respond(frame.requestId)
      }
      const seen = send(paid.transfer)
      await time.settle()
      expect(seen.outcome).toEqual({ status: 'fulfilled', fulfillment: paid.fulfillment })
    })

    it('is not fulfilled by anything else: it stays held', async () => {
      const [paid, other] = [payment(), payment()]
      const seen = send(paid.transfer)
      await time.settle()
      const wrong = fulfill({ transfer: paid.transfer, fulfillment: other.fulfillment })
      await time.settle()
      expect(wrong.answer).toMatchObject({ type: 'error', code: 'F04', name: 'InvalidFulfillmentError' })
      expect(seen.outcome).toBeUndefined()
      fulfill(paid)
      await time.settle()
      expect(seen.outcome).toMatchObject({ status: 'fulfilled' })
    })

    it('is rejected with the payee’s reason', async () => {
      const refused = payment()
      const seen = send(refused.transfer)
      await time.settle()
      const told = reject(refused, { code: 'F99', message: 'content ended' })
      await time.settle()
      expect(seen.outcome).toEqual({ status: 'rejected', by: 'payee', code: 'F99', message: 'content ended' })
      expect(told.answer).toMatchObject({ type: 'response' })
    })

    it('is rejected with F00 when the REJECT gives no reason, or one that cannot be read', async () => {
      const some = [payment(), payment()]
      const seen = some.map(({ transfer }) => send(transfer))
      await time.settle()
      reject(some[0]!)
      const protocolData = [{ name: 'ilp', contentType: 0, data: Uint8Array.of(1, 2, 3) }]
      ask({ type: 'reject', transferId: some[1]!.transfer.id, protocolData })
      await time.settle()
      const outcome = { status: 'rejected', by: 'payee', code: 'F00' }
      expect(seen.map((each) => each.outcome)).toMatchObject([outcome, outcome])
    })

    it('has expired when the ledger says so', async () => {
      const late = payment()
      const seen = send(late.transfer)
      await time.settle()
      reject(late, { code: 'R00', message: 'expired' })
      await time.settle()
      expect(seen.outcome).toEqual({ status: 'expired' })
    })

    describe('that was asked for again after its expiry', () => {
      let late: ReturnType<typeof payment>
      let seen: ReturnType<typeof send>

      beforeEach(async () => {
        late = payment()
        seen = send(late.transfer)
        await time.settle()
        network.cut()
        time.jump(expiresInMs)
      })

      it('is unknown when the host holds it once more and says that it has expired', async () => {
        await time.advance(1_000)
        expect(prepares()).toHaveLength(2)
        const told = reject(late, { code: 'R00', message: 'expired' })
        await time.settle()
        expect(seen.outcome).toMatchObject({ status: 'unknown' })
        expect(told.answer).toMatchObject({ type: 'response' })
      })

      it.each([
        ['RESPONSE', undefined, { status: 'unknown' }],
        ['AlreadyRolledBackError', 'AlreadyRolledBackError', { status: 'expired' }],
        ['NotAcceptedError', 'NotAcceptedError', { status: 'rejected', by: 'ledger', code: 'F00' }],
      ] as const)('is what the host answers when that comes after its REJECT: %s', async (_, name, outcome) => {
        let answer = () => {}
        host.prepare = (frame, session) => {
          answer = () => (name === undefined ? session.respond(frame.requestId) : refuseWith(name)(frame, session))
        }
        await time.advance(1_000)
        reject(late, { code: 'R00', message: 'expired' })
        await time.settle()
        expect(seen.outcome).toBeUndefined()
        answer()
        await time.settle()
        expect(seen.outcome).toMatchObject(outcome)
      })

      it('is rejected by its payee for any other reason', async () => {
        await time.advance(1_000)
        reject(late, { code: 'F06', message: 'gone' })
        await time.settle()
        expect(seen.outcome).toMatchObject({ status: 'rejected', by: 'payee', code: 'F06' })
      })
    })

    it('has expired when the ledger says so of a transfer that was asked for again in time', async () => {
      const late = payment()
      const seen = send(late.transfer)
      await time.settle()
      network.cut()
      await time.advance(1_000)
      expect(prepares()).toHaveLength(2)
      time.jump(expiresInMs)
      reject(late, { code: 'R00', message: 'expired' })
      await time.settle()
      expect(seen.outcome).toEqual({ status: 'expired' })
    })

    it('bounds the payee’s words and takes control characters out', async () => {
      const refused = payment()
      const seen = send(refused.transfer)
      await time.settle()
      reject(refused, { code: 'F99', message: `\u001b[2J${'x'.repeat(1_000)}` })
      await time.settle()
      const { message } = seen.outcome as Rejection
      expect(message.length).toBeLessThanOrEqual(200)
      expect(message).toMatch(/^\[2Jx+$/)
    })

    it('is refused by the ledger with an ERROR, by the code of the RFC whichever table the host counts by', async () => {
      const outcomes: (SendOutcome | undefined)[] = []
      const names = ['InsufficientBalanceError', 'NotAcceptedError', 'InvalidFieldsError', 'UnreachableError'] as const
      for (const name of [...names, 'DuplicateIdError'] as const) {
        host.prepare = refuseWith(name)
        const seen = send(payment().transfer)
        await time.settle()
        outcomes.push(seen.outcome)
      }
      expect(outcomes).toEqual(
        ['F08', 'F00', 'F01', 'T00', 'F05'].map((code) => {
          return { status: 'rejected', by: 'ledger', code, message: 'so it is' }
        }),
      )
    })

    it('that cannot be one is refused without being sent', async () => {
      const { transfer } = payment()
      const bad: Partial<OutgoingTransfer>[] = [
        { amount: -1n },
        { amount: 2n ** 64n },
        { id: transfer.id.subarray(1) as TransferId.TransferId },
        { condition: transfer.condition.subarray(1) as Condition.Condition },
        { expiresAt: Number.NaN as Instant.Instant },
        { packet: new Uint8Array(70_000) },
      ]
      const seen = bad.map((change) => send({ ...payment().transfer, ...change }))
      const elsewhere = send({ ...transfer, target: 'test.host.bob' })
      await time.settle()
      const refused = { status: 'rejected', by: 'ledger' }
      expect(seen.map(({ outcome }) => outcome)).toMatchObject(bad.map(() => ({ ...refused, code: 'F01' })))
      expect(elsewhere.outcome).toMatchObject({ ...refused, code: 'F00' })
      expect(prepares()).toEqual([])
    })

    it('may name the host as its target', async () => {
      send({ ...payment().transfer, target: 'test.host.server' })
      await time.settle()
      expect(prepares()).toHaveLength(1)
    })

    it('sent twice while it is held is one transfer with one outcome for both', async () => {
      const paid = payment()
      const [first, second] = [send(paid.transfer), send(paid.transfer)]
      const other = send({ ...paid.transfer, amount: 8n })
      await time.settle()
      expect(prepares()).toHaveLength(1)
      expect(other.outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'F05' })
      fulfill(paid)
      await time.settle()
      expect(first.outcome).toEqual({ status: 'fulfilled', fulfillment: paid.fulfillment })
      expect(second.outcome).toEqual(first.outcome)
    })

    it('beyond the bound of transfers or requests in flight is refused without being sent', async () => {
      const small = createClient({ limits: { transfersMax: 2 } })
      await connect(small)
      const seen = [1, 2, 3].map(() => send(payment().transfer, small))
      const narrow = createClient({ sessionLimits: { requestsMax: 1 } })
      await connect(narrow)
      const also = [1, 2].map(() => send(payment().transfer, narrow))
      await time.settle()
      const refused = { status: 'rejected', by: 'ledger', code: 'T00' }
      expect(seen.map(({ outcome }) => outcome?.status)).toEqual([undefined, undefined, 'rejected'])
      expect(also.map(({ outcome }) => outcome?.status)).toEqual([undefined, 'rejected'])
      expect([seen[2]!.outcome, also[1]!.outcome]).toMatchObject([refused, refused])
      expect(prepares()).toHaveLength(3)
    })

    it('costs no timer of its own', async () => {
      for (let i = 0; i < 100; i++) send(payment().transfer)
      // One sweep of the client, one of each end's session.
      expect(time.pending).toBeLessThanOrEqual(3)
      await time.settle()
    })
  })

  describe('what a host says again', () => {
    beforeEach(() => connect())

    it('is answered as before: the same FULFILL with RESPONSE, another one with an error', async () => {
      const paid = payment()
      send(paid.transfer)
      await time.settle()
      fulfill(paid)
      await time.settle()
      const answers = [fulfill(paid), fulfill({ ...paid, fulfillment: payment().fulfillment }), reject(paid)]
      await time.settle()
      expect(answers.map(({ answer }) => answer)).toMatchObject([
        { type: 'response' },
        { type: 'error', name: 'InvalidFulfillmentError' },
        { type: 'error', name: 'AlreadyFulfilledError' },
      ])
    })

    it('after a rejection is AlreadyRolledBack for FULFILL, RESPONSE for REJECT', async () => {
      const refused = payment()
      send(refused.transfer)
      await time.settle()
      reject(refused, { code: 'F99', message: 'no' })
      await time.settle()
      const answers = [fulfill(refused), reject(refused)]
      await time.settle()
      expect(answers.map(({ answer }) => answer)).toMatchObject([
        { type: 'error', name: 'AlreadyRolledBackError' },
        { type: 'response' },
      ])
    })

    it('of a transfer that nobody knows is TransferNotFound', async () => {
      const answers = [fulfill(payment()), reject(payment())]
      await time.settle()
      const notFound = { type: 'error', code: 'F03', name: 'TransferNotFoundError' }
      expect(answers.map(({ answer }) => answer)).toMatchObject([notFound, notFound])
    })
  })

  describe('a connection that is cut', () => {
    beforeEach(() => connect())

    it('comes back by itself, soon, with the credentials, and tells who listens', async () => {
      const changes: boolean[] = []
      const end = client.onConnectionChange((isConnected) => void changes.push(isConnected))
      network.cut()
      expect(client.isConnected).toBe(false)
      await time.advance(clientLimits.reconnectMs)
      expect(client.isConnected).toBe(true)
      expect(host.credentials).toHaveLength(2)
      end()
      const bug = new Error('a bug')
      const endBroken = client.onConnectionChange(() => {
        throw bug
      })
      network.cut()
      endBroken()
      expect(changes).toEqual([false, true])
      expect(events.splice(0).slice(-2)).toMatchObject([
        { name: 'btp.client_disconnected', unresolved: 0 },
        { name: 'btp.handler_failed', error: bug },
      ])
    })

    it('is tried with growing pauses up to a largest one, for as long as it takes', async () => {
      host.listen(false)
      network.cut()
      await time.advance(120_000)
      const pauses = events.flatMap((event) => (event.name === 'btp.client_connect_failed' ? [event.retryInMs] : []))
      expect(pauses.slice(0, 6)).toEqual([150, 300, 600, 1_200, 2_400, 4_800])
      expect(Math.max(...pauses)).toBe(7_500)
      host.listen(true)
      await time.advance(10_000)
      expect(client.isConnected).toBe(true)
    })

    it('is not hammered at by a client whose host takes connections and ends them', async () => {
      host.opened = (session) => session.close(1011, 'broken')
      network.cut()
      await time.advance(60_000)
      expect(network.attempts).toBeLessThan(20)
    })

    it('is asked again for every unresolved transfer, byte for byte, oldest first', async () => {
      const some = [payment(), payment(), payment()]
      for (const { transfer } of some) send(transfer)
      await time.settle()
      network.cut()
      await time.advance(1_000)
      const [first, again] = [prepares().slice(0, 3), prepares().slice(3)]
      const withoutId = (frame: BtpFrame.PrepareFrame) => Hex.fromBytes(BtpFrame.encode({ ...frame, requestId: 0 }))
      expect(again.map(withoutId)).toEqual(first.map(withoutId))
    })

    it('loses no transfer: RESPONSE means still held, and FULFILL comes later', async () => {
      const paid = payment()
      const seen = send(paid.transfer)
      await time.settle()
      network.cut()
      await time.advance(1_000)
      expect(seen.outcome).toBeUndefined()
      fulfill(paid)
      await time.settle()
      expect(seen.outcome).toEqual({ status: 'fulfilled', fulfillment: paid.fulfillment })
    })

    it('hides a fulfillment: AlreadyFulfilled and a FULFILL that follows give it', async () => {
      const paid = payment()
      const seen = send(paid.transfer)
      await time.settle()
      network.cut()
      host.prepare = refuseWith('AlreadyFulfilledError')
      await time.advance(1_000)
      expect(seen.outcome).toBeUndefined()
      const contradiction = reject(paid)
      await time.settle()
      expect(contradiction.answer).toMatchObject({ type: 'error', name: 'AlreadyFulfilledError' })
      fulfill(paid)
      await time.settle()
      expect(seen.outcome).toEqual({ status: 'fulfilled', fulfillment: paid.fulfillment })
    })

    it('hides a fulfillment that never comes: paid, without it', async () => {
      const paid = payment()
      const seen = send(paid.transfer)
      await time.settle()
      network.cut()
      host.prepare = refuseWith('AlreadyFulfilledError')
      await time.advance(clientLimits.fulfillmentWaitMs + 1_000)
      expect(seen.outcome).toEqual({ status: 'fulfilled' })
      const late = fulfill(paid)
      const wrong = fulfill({ ...paid, fulfillment: payment().fulfillment })
      await time.settle()
      expect([late.answer, wrong.answer]).toMatchObject([
        { type: 'response' },
        { type: 'error', name: 'InvalidFulfillmentError' },
      ])
    })

    it('hides a rejection: AlreadyRolledBack means that nothing was paid', async () => {
      const refused = payment()
      const seen = send(refused.transfer)
      await time.settle()
      network.cut()
      host.prepare = refuseWith('AlreadyRolledBackError')
      await time.advance(1_000)
      expect(seen.outcome).toMatchObject({ status: 'rejected', by: 'payee' })
    })

    it('hides an expiry: AlreadyRolledBack after the expiry means that', async () => {
      host.listen(false)
      const late = payment({ expiresAt: Instant.after(time.clock(), 3_000) })
      const seen = send(late.transfer)
      await time.settle()
      network.cut()
      host.prepare = refuseWith('AlreadyRolledBackError')
      await time.advance(3_000)
      host.listen(true)
      await time.advance(5_000)
      expect(seen.outcome).toEqual({ status: 'expired' })
    })

    it('sends a transfer that was given to it meanwhile, once it is back', async () => {
      host.listen(false)
      network.cut()
      const paid = payment()
      const seen = send(paid.transfer)
      await time.advance(2_000)
      host.listen(true)
      await time.advance(5_000)
      expect(prepares()).toHaveLength(1)
      fulfill(paid)
      await time.settle()
      expect(seen.outcome).toMatchObject({ status: 'fulfilled' })
    })

    it('refuses a transfer that was never sent when its time is over', async () => {
      host.listen(false)
      network.cut()
      const seen = send(payment().transfer)
      await time.advance(expiresInMs - 1)
      expect(seen.outcome).toBeUndefined()
      await time.advance(500)
      expect(seen.outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'T00' })
    })

    it('does not take another transfer of the host for ours: DuplicateId to what was sent before is unknown', async () => {
      const seen = send(payment().transfer)
      await time.settle()
      network.cut()
      host.prepare = refuseWith('DuplicateIdError')
      await time.advance(1_000)
      expect(seen.outcome).toMatchObject({ status: 'unknown' })
    })

    it('asks again when the host cannot say now', async () => {
      const paid = payment()
      const seen = send(paid.transfer)
      await time.settle()
      network.cut()
      host.prepare = refuseWith('UnreachableError')
      await time.advance(expiresInMs)
      expect(seen.outcome).toBeUndefined()
      host.prepare = refuseWith('AlreadyRolledBackError')
      await time.advance(clientLimits.graceMs + 1_000)
      expect(seen.outcome).toEqual({ status: 'expired' })
    })

    it('gives thousands of transfers back to the host a bounded number at a time', async () => {
      client = createClient({ limits: { resendMax: 10 } })
      await connect()
      for (let i = 0; i < 100; i++) send(payment().transfer)
      await time.settle()
      network.cut()
      const held: BtpFrame.PrepareFrame[] = []
      host.received.length = 0
      host.prepare = (frame) => void held.push(frame)
      await time.advance(1_000)
      expect(held).toHaveLength(10)
      host.session.respond(held[0]!.requestId)
      await time.settle()
      expect(held).toHaveLength(11)
      host.prepare = (frame, session) => session.respond(frame.requestId)
      for (const { requestId } of held.slice(1)) host.session.respond(requestId)
      await time.settle()
      expect(new Set(prepares().map(({ transferId }) => Hex.fromBytes(transferId))).size).toBe(100)
    })
  })

  describe('a host that does not answer', () => {
    beforeEach(() => connect())

    it('is left for a new connection when the old one is dead', async () => {
      const paid = payment()
      network.freeze()
      const seen = send(paid.transfer)
      await time.advance(7_000)
      expect(host.sessions).toBe(2)
      expect(prepares()).toHaveLength(1)
      fulfill(paid)
      await time.settle()
      expect(seen.outcome).toMatchObject({ status: 'fulfilled' })
    })

    it('to a PREPARE is not taken for a refusal: FULFILL still counts', async () => {
      const paid = payment()
      host.prepare = () => undefined
      const seen = send(paid.transfer)
      await time.advance(4_000)
      ask({ type: 'message', protocolData: [] })
      await time.advance(4_000)
      expect(seen.outcome).toBeUndefined()
      fulfill(paid)
      await time.settle()
      expect(seen.outcome).toMatchObject({ status: 'fulfilled' })
    })

    it('is asked once more when a transfer has expired, and takes its answer', async () => {
      const paid = payment()
      const seen = send(paid.transfer)
      await time.settle()
      await time.advance(expiresInMs + clientLimits.graceMs - 1)
      expect(prepares()).toHaveLength(1)
      host.prepare = refuseWith('AlreadyRolledBackError')
      await time.advance(1_000)
      expect(prepares()).toHaveLength(2)
      expect(seen.outcome).toEqual({ status: 'expired' })
    })

    it('in time leaves the outcome unknown, and says so', async () => {
      const seen = send(payment().transfer)
      await time.settle()
      network.deliver = () => false
      await time.advance(expiresInMs + clientLimits.graceMs + clientLimits.settleMs - 1_000)
      expect(seen.outcome).toBeUndefined()
      await time.advance(1_000)
      expect(seen.outcome).toMatchObject({ status: 'unknown' })
      expect(events.filter(({ name }) => name === 'btp.client_unknown')).toMatchObject([{ count: 1 }])
      expect(client.unresolved).toBe(0)
    })

    it('in time is asked again when the same transfer is sent again: it is still not known to be unpaid', async () => {
      const { transfer } = payment()
      const first = send(transfer)
      await time.settle()
      network.deliver = () => false
      await time.advance(expiresInMs + clientLimits.graceMs + clientLimits.settleMs + 1_000)
      expect(first.outcome).toMatchObject({ status: 'unknown' })
      network.deliver = () => true
      host.prepare = refuseWith('UnreachableError')
      await time.advance(clientLimits.reconnectMsMax)
      const again = send(transfer)
      await time.settle()
      expect(again.outcome).toBeUndefined()
      host.prepare = refuseWith('AlreadyFulfilledError')
      await time.advance(5_000)
      expect(again.outcome).toEqual({ status: 'fulfilled' })
    })

    it('in time may still fulfill later: that is taken, and so is a rejection', async () => {
      const [paid, refused] = [payment(), payment()]
      for (const { transfer } of [paid, refused]) send(transfer)
      host.prepare = () => undefined
      await time.settle()
      for (let i = 0; i < 60; i++) {
        ask({ type: 'message', protocolData: [] })
        await time.advance(1_000)
      }
      expect(client.unresolved).toBe(0)
      const answers = [fulfill(paid), fulfill(paid), reject(paid), reject(refused)]
      await time.settle()
      expect(answers.map(({ answer }) => answer?.type)).toEqual(['response', 'response', 'error', 'response'])
    })

    it('is given its time after a clock has jumped', async () => {
      const seen = send(payment().transfer)
      await time.settle()
      time.jump(86_400_000)
      host.prepare = refuseWith('AlreadyRolledBackError')
      await time.advance(1_000)
      expect(seen.outcome).toEqual({ status: 'expired' })
    })
  })

  it('outlives its connections when it has credentials', async () => {
    await connect()
    let ends = 0
    client.onAccountEnded(() => ends++)
    network.cut()
    await time.advance(1_000)
    expect(host.sessions).toBe(2)
    expect(ends).toBe(0)
  })

  describe('an account without credentials', () => {
    beforeEach(async () => {
      client = createClient({ uri: noCredentials })
      await connect()
    })

    it('ends with its connection: what is unresolved is unknown at once, and nothing is sent again', async () => {
      const seen = send(payment().transfer)
      await time.settle()
      network.cut()
      await time.settle()
      expect(seen.outcome).toEqual({
        status: 'unknown',
        reason: 'an account without credentials ends with its connection',
      })
      await time.advance(5_000)
      expect(host.sessions).toBe(2)
      expect(prepares()).toHaveLength(1)
    })

    it('gives up all of it once when the connection ends under an asking of the sweep', async () => {
      let buffered = 0
      const connect: typeof network.connect = async (url, listener) => {
        const socket = await network.connect(url, listener)
        return {
          send: (frame) => socket.send(frame),
          close: (code, reason) => socket.close(code, reason),
          get bufferedBytes() {
            return buffered
          },
        }
      }
      // A host that reads nothing more: what is asked of it piles up until the session closes.
      const limits = { settleMs: 2_000 }
      const payer = createClient({ uri: noCredentials, connect, limits, sessionLimits: { bufferedBytesMax: 1 } })
      const connected = payer.connect()
      await time.settle()
      await connected
      const large = { packet: IlpPacket.encodePayment(7n, 'test.host.server.user.1', new Uint8Array(32_000)) }
      const seen = Array.from({ length: 8 }, () => send(payment().transfer, payer))
      // Those are given up in the very sweep in which these are asked about first.
      await time.advance(2_000)
      for (let i = 0; i < 8; i++) seen.push(send(payment(large).transfer, payer))
      await time.settle()
      buffered = 2
      await time.advance(expiresInMs + clientLimits.graceMs + 4_000)
      expect(new Set(seen.map(({ outcome }) => outcome?.status))).toEqual(new Set(['unknown']))
      expect(host.closures).toMatchObject([{ code: 1008 }])
    })

    it('is paid for what the host had said before', async () => {
      const paid = payment()
      host.prepare = refuseWith('AlreadyFulfilledError')
      const seen = send(paid.transfer)
      await time.settle()
      network.cut()
      await time.settle()
      expect(seen.outcome).toEqual({ status: 'fulfilled' })
    })

    it('says that it has ended when all outcomes are told, before there is another one', async () => {
      const seen = send(payment().transfer)
      await time.settle()
      const ends: unknown[] = []
      const forget = client.onAccountEnded(() => ends.push([client.isConnected, client.unresolved, host.sessions]))
      network.cut()
      expect(ends).toEqual([[false, 0, 1]])
      await time.settle()
      expect(seen.outcome).toMatchObject({ status: 'unknown' })
      await time.advance(1_000)
      network.cut()
      expect(ends).toHaveLength(2)
      forget()
      await time.advance(1_000)
      network.cut()
      expect(ends).toHaveLength(2)
    })

    it('does not end when the client is closed', async () => {
      let ends = 0
      client.onAccountEnded(() => ends++)
      const closed = client.close()
      await time.advance(2_000)
      await closed
      expect(ends).toBe(0)
    })

    it('refuses new transfers until it has another one', async () => {
      network.cut()
      const refused = send(payment().transfer)
      await time.settle()
      expect(refused.outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'T00' })
      await time.advance(1_000)
      const paid = payment()
      const seen = send(paid.transfer)
      await time.settle()
      fulfill(paid)
      await time.settle()
      expect(seen.outcome).toMatchObject({ status: 'fulfilled' })
    })
  })

  describe('a host that has changed', () => {
    beforeEach(() => connect())

    it.each([
      ['prefix', { prefix: 'test.other.', currencyCode: 'XRP', currencyScale: 9 }],
      ['currency', { prefix: 'test.host.', currencyCode: 'EUR', currencyScale: 9 }],
      ['scale', { prefix: 'test.host.', currencyCode: 'XRP', currencyScale: 6 }],
    ])('its %s is refused: nothing is sent to it, and it is tried again', async (_what, info) => {
      const paid = payment()
      const seen = send(paid.transfer)
      await time.settle()
      const right = host.info
      host.info = info
      network.cut()
      await time.advance(5_000)
      expect(client.isConnected).toBe(false)
      expect(prepares()).toHaveLength(1)
      expect(events).toContainEqual(expect.objectContaining({ name: 'btp.client_connect_failed' }))
      expect(client.info()).toMatchObject({ prefix: 'test.host.', asset: { code: 'XRP', scale: 9 } })
      host.info = right
      await time.advance(clientLimits.reconnectMsMax)
      fulfill(paid)
      await time.settle()
      expect(seen.outcome).toMatchObject({ status: 'fulfilled' })
    })

    it('may name another account for us, and may refuse us for a while', async () => {
      host.info = { prefix: 'test.host.', currencyCode: 'XRP', currencyScale: 9, account: 'test.host.other' }
      host.authenticate = () => ({ refused: { name: 'UnreachableError', message: 'shutting down' } })
      network.cut()
      await time.advance(5_000)
      expect(client.isConnected).toBe(false)
      host.authenticate = (username) => ({ account: username })
      await time.advance(clientLimits.reconnectMsMax)
      expect(client.info().account).toBe('test.host.other')
    })
  })

  describe('closing', () => {
    it('waits for what is in flight', async () => {
      await connect()
      const paid = payment()
      const seen = send(paid.transfer)
      await time.settle()
      let closed = false
      const closing = client.close().then(() => {
        closed = true
      })
      await time.advance(1_000)
      expect(closed).toBe(false)
      fulfill(paid)
      await time.settle()
      await closing
      expect(seen.outcome).toMatchObject({ status: 'fulfilled' })
      expect(host.closures).toMatchObject([{ by: 'peer', code: 1000 }])
    })

    it('waits a bounded time: what is unresolved is then unknown, and what was never sent is refused', async () => {
      await connect()
      const seen = send(payment().transfer)
      await time.settle()
      host.listen(false)
      network.cut()
      const unsent = send(payment().transfer)
      const closing = client.close()
      await time.advance(clientLimits.closeTimeoutMs)
      await closing
      expect(seen.outcome).toMatchObject({ status: 'unknown', reason: 'the client was closed' })
      expect(unsent.outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'T00' })
    })

    it('is for good: nothing is sent, nobody comes back', async () => {
      await connect()
      await client.close()
      const seen = send(payment().transfer)
      await expect(client.connect()).rejects.toThrow(ClosedError)
      await expect(client.balance()).rejects.toThrow(ClosedError)
      await time.advance(60_000)
      expect(seen.outcome).toMatchObject({ status: 'rejected', by: 'ledger', code: 'T00' })
      expect(network.attempts).toBe(1)
      expect(client.isConnected).toBe(false)
    })

    it('while it connects gives that up, at once', async () => {
      const connecting = expect(client.connect()).rejects.toThrow(ClosedError)
      await client.close()
      await connecting
      const silent = createClient()
      network.deliver = (_bytes, to) => to === 'server'
      const waiting = expect(silent.connect()).rejects.toThrow(ClosedError)
      await time.settle()
      await silent.close()
      await waiting
      await time.settle()
      expect([client.isConnected, silent.isConnected]).toEqual([false, false])
      expect(host.closures.map(({ code }) => code)).toEqual([1000, 1000])
    })
  })

  describe('being paid by the host', () => {
    let log: string[]
    let answer: (transfer: IncomingTransfer) => ReturnType<Payee['fulfill']>
    let check: Payee['check']

    beforeEach(async () => {
      log = []
      check = () => undefined
      await connect()
      client.receive({
        check(transfer) {
          log.push('check')
          return check(transfer)
        },
        fulfill(transfer) {
          log.push('fulfill')
          return answer(transfer)
        },
        settled: (_transfer, outcome, cursor) => void log.push(`settled ${outcome} ${cursor}`),
      })
    })

    const pay = ({ transfer }: Payment) => {
      const { id, amount, condition, expiresAt, packet } = transfer
      return ask({
        type: 'prepare',
        transferId: id,
        amount,
        condition,
        expiresAt,
        protocolData: [{ name: 'ilp', contentType: 0, data: packet }],
      })
    }
    const refund = () => payment({ packet: IlpPacket.encodePayment(7n, 'test.host.client.user.r1') })
    const rejections = () => {
      return host.received.flatMap((frame) => {
        if (frame.type !== 'reject') return []
        const packet = IlpPacket.decode(frame.protocolData[0]!.data) as IlpPacket.ErrorPacket
        return [packet.code]
      })
    }

    it('goes check, fulfill, RESPONSE, FULFILL, and settled once the host has confirmed', async () => {
      const refunded = refund()
      let seen: IncomingTransfer | undefined
      answer = (transfer) => {
        seen = transfer
        return refunded.fulfillment
      }
      host.fulfill = (frame, session) => {
        log.push('confirm')
        session.respond(frame.requestId)
      }
      const told = pay(refunded)
      await time.settle()
      expect(told.answer).toMatchObject({ type: 'response' })
      expect(seen).toEqual({
        id: refunded.transfer.id,
        source: 'test.host.server',
        amount: 7n,
        condition: refunded.transfer.condition,
        expiresAt: refunded.transfer.expiresAt,
        packet: refunded.transfer.packet,
        destination: 'test.host.client.user.r1',
        destinationAmount: 7n,
      })
      expect(log).toEqual(['check', 'fulfill', 'confirm', 'settled fulfilled 1'])
      expect(host.received.at(-1)).toMatchObject({ type: 'fulfill', fulfillment: refunded.fulfillment })
    })

    it('is refused with the reason of check, and leaves no record', async () => {
      const refunded = refund()
      check = () => ({ code: 'F03', message: 'too much' })
      const told = pay(refunded)
      await time.settle()
      expect(told.answer).toMatchObject({ type: 'response' })
      expect(rejections()).toEqual(['F03'])
      check = () => undefined
      answer = () => refunded.fulfillment
      pay(refunded)
      await time.settle()
      expect(log).toEqual(['check', 'check', 'fulfill', 'settled fulfilled 1'])
    })

    it('is refused with F06 where nobody receives, F01 without a payment packet, T00 where the payee fails', async () => {
      const alone = createClient()
      await connect(alone)
      pay(refund())
      await time.settle()
      expect(rejections()).toEqual(['F06'])
      host.received.length = 0
      await alone.close()
      network.cut()
      await time.advance(200)
      pay(payment({ packet: Uint8Array.of(1, 2, 3) }))
      await time.settle()
      answer = () => Promise.reject(new Error('a bug'))
      pay(refund())
      await time.settle()
      answer = () => {
        throw new Error('a bug')
      }
      pay(refund())
      await time.settle()
      check = () => {
        throw new Error('a bug')
      }
      pay(refund())
      await time.settle()
      answer = () => payment().fulfillment
      check = () => undefined
      pay(refund())
      await time.settle()
      expect(rejections()).toEqual(['F01', 'T00', 'T00', 'T00', 'F05'])
    })

    it('waits for a payee that waits, until the transfer expires', async () => {
      const [quick, late] = [refund(), refund()]
      const answers: ((fulfillment: Condition.Fulfillment) => void)[] = []
      answer = () => new Promise((resolve) => void answers.push(resolve))
      pay(quick)
      pay(late)
      await time.settle()
      answers[0]!(quick.fulfillment)
      await time.advance(expiresInMs)
      await time.advance(500)
      answers[1]!(late.fulfillment)
      await time.settle()
      expect(log.slice(-2)).toEqual(['settled fulfilled 1', 'settled expired 1'])
      expect(rejections()).toEqual(['R00'])
    })

    it('answers a repeated PREPARE by what became of it, without asking the payee again', async () => {
      const [paid, refused] = [refund(), refund()]
      answer = ({ id }) => (id[0] === paid.transfer.id[0] ? paid.fulfillment : { code: 'F99', message: 'no' })
      for (const each of [paid, refused]) pay(each)
      await time.settle()
      const other = pay({ ...paid, transfer: { ...paid.transfer, amount: 8n } })
      const answers = [pay(paid), pay(refused)]
      await time.settle()
      expect([...answers, other].map(({ answer: told }) => told)).toMatchObject([
        { type: 'error', name: 'AlreadyFulfilledError' },
        { type: 'error', name: 'AlreadyRolledBackError' },
        { type: 'error', name: 'DuplicateIdError' },
      ])
      expect(log.filter((entry) => entry === 'fulfill')).toHaveLength(2)
    })

    it('sends the FULFILL again after a cut, until the host has confirmed it', async () => {
      const refunded = refund()
      answer = () => refunded.fulfillment
      host.fulfill = () => network.cut()
      pay(refunded)
      await time.advance(10)
      expect(log.at(-1)).toBe('fulfill')
      host.fulfill = (frame, session) => session.respond(frame.requestId)
      await time.advance(1_000)
      expect(log.at(-1)).toBe('settled fulfilled 1')
      expect(host.received.filter(({ type }) => type === 'fulfill')).toHaveLength(2)
    })

    it('sends the FULFILL again when the connection ended under the first one', async () => {
      let isEnding = true
      const connect: typeof network.connect = async (url, listener) => {
        const socket = await network.connect(url, listener)
        return {
          send(frame) {
            const ends = isEnding && frame[0] === BtpFrame.encode(fulfillFrame)[0]
            if (!ends) return socket.send(frame)
            isEnding = false
            network.cut()
          },
          close: (code, reason) => socket.close(code, reason),
          bufferedBytes: 0,
        }
      }
      const refunded = refund()
      const { id: transferId } = refunded.transfer
      const { fulfillment } = refunded
      const fulfillFrame = { type: 'fulfill', requestId: 0, transferId, fulfillment, protocolData: [] } as const
      const payee = createClient({ connect })
      const connected = payee.connect()
      await time.settle()
      await connected
      const outcomes: string[] = []
      payee.receive({
        check: () => undefined,
        fulfill: () => fulfillment,
        settled: (_transfer, outcome) => void outcomes.push(outcome),
      })
      pay(refunded)
      await time.advance(1_000)
      expect(outcomes).toEqual(['fulfilled'])
    })

    it('counts as not paid what the host does not confirm', async () => {
      const [refused, silent] = [refund(), refund()]
      answer = ({ id }) => (id[0] === refused.transfer.id[0] ? refused.fulfillment : silent.fulfillment)
      host.fulfill = (frame, session) => {
        if (frame.transferId[0] !== refused.transfer.id[0]) return
        session.refuse(frame.requestId, { name: 'AlreadyRolledBackError', message: 'too late' })
      }
      for (const each of [refused, silent]) pay(each)
      await time.settle()
      expect(log.at(-1)).toBe('settled rejected 0')
      for (let i = 0; i < 50; i++) {
        ask({ type: 'message', protocolData: [] })
        await time.advance(1_000)
      }
      expect(log.at(-1)).toBe('settled expired 0')
    })

    it('is no payer’s business: FULFILL or REJECT of the host for it is refused', async () => {
      const refunded = refund()
      answer = () => new Promise(() => undefined)
      pay(refunded)
      await time.settle()
      const answers = [fulfill(refunded), reject(refunded)]
      await time.settle()
      const refused = { type: 'error', code: 'F00', name: 'NotAcceptedError' }
      expect(answers.map(({ answer: told }) => told)).toMatchObject([refused, refused])
      await client.close()
      expect(log.at(-1)).toBe('settled rejected 0')
    })

    it('refuses what has expired, and what is too much to remember', async () => {
      const dead = pay(payment({ expiresAt: time.clock() }))
      const small = createClient({ limits: { incomingMax: 1 } })
      await connect(small)
      small.receive({ check: () => undefined, fulfill: () => new Promise(() => undefined), settled: () => undefined })
      const told = [pay(refund()), pay(refund())]
      await time.settle()
      expect([dead, ...told].map(({ answer: each }) => each)).toMatchObject([
        { type: 'error', name: 'NotAcceptedError' },
        { type: 'response' },
        { type: 'error', name: 'UnreachableError' },
      ])
    })
  })

  describe('frames that were recorded in 2017', () => {
    /** Replays a transfer: the client sends its PREPARE, the host what the server of then sent. */
    async function replay(name: string): Promise<{ outcome: SendOutcome | undefined; answers: string[] }> {
      const frames = recorded.transfers[name]!.map(({ from, hex }) => ({
        from,
        frame: BtpFrame.decode(Hex.toBytes(hex)),
      }))
      const prepare = frames[0]!.frame as BtpFrame.PrepareFrame
      const answers: string[] = []
      time.jump(prepare.expiresAt - 10_000 - time.clock())
      await connect()
      host.prepare = (frame, session) => {
        for (const { from, frame: said } of frames.slice(1)) {
          if (from === 'client') continue
          if (said.type === 'response') session.respond(frame.requestId)
          else if (said.type === 'error')
            session.refuse(frame.requestId, { name: said.name as 'NotAcceptedError', message: 'x' })
          else if (said.type === 'fulfill' || said.type === 'reject') {
            session.request(said, (answer) => void answers.push(answer?.type ?? 'none'))
          }
        }
      }
      const seen = send({
        id: prepare.transferId,
        amount: prepare.amount,
        condition: prepare.condition,
        expiresAt: prepare.expiresAt,
        packet: prepare.protocolData[0]!.data,
      })
      await time.settle()
      const sent = BtpFrame.encode({ ...prepares()[0]!, requestId: prepare.requestId })
      expect(Hex.fromBytes(sent)).toBe(recorded.transfers[name]![0]!.hex)
      return { outcome: seen.outcome, answers }
    }

    it('say the same as then: a transfer that was fulfilled, without and with data', async () => {
      expect(await replay('fulfilled')).toMatchObject({ outcome: { status: 'fulfilled' }, answers: ['response'] })
      client = createClient()
      host.received.length = 0
      expect(await replay('fulfilledWithData')).toMatchObject({
        outcome: { status: 'fulfilled' },
        answers: ['response'],
      })
    })

    it('say the same as then: rejected, expired, over the limit', async () => {
      expect(await replay('rejected')).toMatchObject({
        outcome: { status: 'rejected', by: 'payee' },
        answers: ['response'],
      })
      client = createClient()
      host.received.length = 0
      expect(await replay('expired')).toMatchObject({ outcome: { status: 'expired' }, answers: ['response'] })
      client = createClient()
      host.received.length = 0
      expect(await replay('overLimit')).toMatchObject({ outcome: { status: 'rejected', by: 'ledger', code: 'F00' } })
    })
  })
})
