import { BtpFrame, IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import type { SendOutcome } from '@millstream/plugin'
import { Condition, Instant, TransferId } from '@millstream/units'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientLimits } from './client-limits.js'
import { type Answer, createSession, type Session } from './session.js'
import { createManualTime, createMemoryNetwork } from './testing/index.js'
import { createScriptedHost } from './testing/scripted-host.js'
import { createTrustlineClient } from './trustline-client.js'

/** Frames that are nearly right: changed, cut or longer than they were. */
const nearlyFrames = fc
  .tuple(
    fc.constantFrom<BtpFrame.KnownFrame>(
      { type: 'response', requestId: 1, protocolData: [] },
      { type: 'message', requestId: 1, protocolData: [{ name: 'info', contentType: 0, data: Uint8Array.of(2) }] },
      { type: 'reject', requestId: 1, transferId: TransferId.from(new Uint8Array(16)), protocolData: [] },
      {
        type: 'error',
        requestId: 1,
        code: 'F00',
        name: 'NotAcceptedError',
        triggeredAt: Instant.from(0),
        data: new Uint8Array(0),
        protocolData: [],
      },
    ),
    fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 }),
    fc.integer({ min: -5, max: 3 }),
  )
  .map(([frame, changes, more]) => {
    const bytes = [...BtpFrame.encode(frame)]
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
    return Uint8Array.from(more < 0 ? bytes.slice(0, more) : [...bytes, ...Array(more).fill(0)])
  })
const message = fc.oneof(
  { weight: 2, arbitrary: nearlyFrames },
  fc.uint8Array({ maxLength: 80 }),
  fc.string({ maxLength: 20 }),
)

describe('a session', () => {
  it('never throws and answers each of its requests once, whatever comes and however it ends', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), fc.nat(20), fc.boolean(), (messages, requests, cut) => {
        const time = createManualTime()
        const answers: Answer[] = []
        let handled = 0
        let closures = 0
        const handle = () => void handled++
        const session: Session = createSession({
          socket: { send: () => undefined, close: () => undefined, bufferedBytes: 0 },
          clock: time.clock,
          timers: time.timers,
          handler: { prepare: handle, fulfill: handle, reject: handle, message: handle, closed: () => void closures++ },
        })
        for (let i = 0; i < requests; i++) {
          session.request({ type: 'message', protocolData: [] }, (answer) => void answers.push(answer))
        }
        for (const each of messages) session.receive(each)
        if (session.isOpen) expect(session.requestsInFlight + answers.length).toBe(requests)
        if (cut) session.socketClosed(1006)
        else session.close(1000, '')
        expect([answers.length, session.requestsInFlight, closures, time.pending]).toEqual([requests, 0, 1, 0])
        expect(handled).toBeLessThanOrEqual(messages.length)
      }),
      { numRuns: 1_000 },
    )
  })
})

/** What a host may do that has lost its mind, step by step. */
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('fulfill', 'wrong', 'reject') as fc.Arbitrary<string>, n: fc.nat(5) }),
  fc.record({ kind: fc.constantFrom('cut', 'silence', 'speech', 'wait', 'long wait', 'send'), n: fc.nat(5) }),
  fc.record({
    kind: fc.constantFrom('AlreadyFulfilledError', 'AlreadyRolledBackError', 'DuplicateIdError', 'UnreachableError'),
    n: fc.nat(5),
  }),
  fc.record({ kind: fc.constant('hold'), n: fc.constant(0) }),
)

describe('a trustline client', () => {
  it('tells one outcome for each transfer, keeps nothing, and pays only what the host was given', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.boolean(), async (steps, isPassing) => {
        const time = createManualTime()
        const network = createMemoryNetwork()
        const host = createScriptedHost({ network, clock: time.clock, timers: time.timers })
        const client = createTrustlineClient({
          uri: isPassing ? 'btp+ws://:@host/' : 'btp+ws://alice:a-token-of-sixteen-bytes@host/',
          connect: network.connect,
          clock: time.clock,
          timers: time.timers,
          hashes,
          randomBytes: (length) => new Uint8Array(length),
        })
        const connecting = client.connect()
        await time.settle()
        await connecting
        const fulfillments = Array.from({ length: 6 }, (_, n) =>
          Condition.fulfillmentFrom(hashes.sha256(Uint8Array.of(n))),
        )
        const transfers = fulfillments.map((fulfillment, n) => ({
          id: TransferId.from(new Uint8Array(16).fill(n)),
          amount: BigInt(n),
          condition: Condition.from(hashes.sha256(fulfillment)),
          expiresAt: Instant.after(time.clock(), 20_000 + n * 5_000),
          packet: IlpPacket.encodePayment(1n, 'test.host.server.user.1'),
        }))
        const told: SendOutcome[][] = []
        const fulfilled = new Set<number>()

        for (const { kind, n } of steps) {
          const { id: transferId } = transfers[n]!
          const request = (asked: Parameters<Session['request']>[0]) => host.session.request(asked, () => undefined)
          switch (kind) {
            case 'send': {
              const outcomes: SendOutcome[] = []
              told.push(outcomes)
              void client.send(transfers[n]!).then((outcome) => {
                if (outcome.status === 'fulfilled' && outcome.fulfillment !== undefined) fulfilled.add(n)
                outcomes.push(outcome)
              })
              break
            }
            case 'fulfill':
              request({ type: 'fulfill', transferId, fulfillment: fulfillments[n]!, protocolData: [] })
              break
            case 'wrong':
              request({ type: 'fulfill', transferId, fulfillment: fulfillments[(n + 1) % 6]!, protocolData: [] })
              break
            case 'reject':
              request({ type: 'reject', transferId, protocolData: [] })
              break
            case 'cut':
              network.cut()
              break
            case 'silence':
              network.deliver = () => false
              break
            case 'speech':
              network.deliver = () => true
              break
            case 'wait':
              await time.advance(1_000)
              break
            case 'long wait':
              await time.advance(15_000)
              break
            case 'hold':
              host.prepare = (frame, session) => session.respond(frame.requestId)
              break
            default:
              host.prepare = (frame, session) => {
                session.refuse(frame.requestId, { name: kind as 'UnreachableError', message: '' })
              }
          }
          await time.settle()
        }

        // Every transfer has its outcome some seconds after its expiry, whatever the host does.
        await time.advance(20_000 + 30_000 + clientLimits.graceMs + clientLimits.settleMs + 1_000)
        expect(told.map((outcomes) => outcomes.length)).toEqual(told.map(() => 1))
        expect(client.unresolved).toBe(0)
        // Proven to be paid is only what the host has fulfilled with the right fulfillment.
        const given = new Set(steps.flatMap(({ kind, n }) => (kind === 'fulfill' ? [n] : [])))
        expect([...fulfilled].filter((n) => !given.has(n))).toEqual([])
        // On the wire one id is one transfer, always the same bytes.
        const seen = new Map<string, string>()
        for (const frame of host.received) {
          if (frame.type !== 'prepare') continue
          const id = String(frame.transferId)
          const bytes = String(BtpFrame.encode({ ...frame, requestId: 0 }))
          expect(seen.get(id) ?? bytes).toBe(bytes)
          seen.set(id, bytes)
        }
        await client.close()
        // What the other end's sessions still wait for ends with them.
        await time.advance(10_000)
        expect(time.pending).toBe(0)
      }),
      { numRuns: 150 },
    )
  }, 60_000)
})
