/**
 * What every plugin must do, sentence by sentence of `Plugin` and `Payee`. Run by vitest, on each rail:
 *
 * ```ts
 * pluginContract('hosted trustline over a loopback WebSocket', async () => ({ payer, payee, … }))
 * ```
 */
import { Condition, type Hashes, Instant, TransferId } from '@millstream/units'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Cursor, Payee, Plugin, Posted, SettledOutcome } from '../plugin.js'
import type { IncomingTransfer, OutgoingTransfer, Rejection, SendOutcome } from '../transfer.js'
import { encodePayment } from './payment-packet.js'

/** Two connected plugins on one new ledger. Nobody has called `receive` yet. */
export interface PairedPlugins {
  /** Pays its peer when a transfer has no target. */
  readonly payer: Plugin
  readonly payee: Plugin
  readonly hashes: Hashes
  /** The ledger's clock. It stands still but for `advance`. */
  readonly clock: Instant.Clock
  /** What the payer can still spend: its balance and its credit. At least 10,000. */
  readonly spendable: bigint
  /** Moves the clock and lets both sides see what time it is. */
  advance(ms: number): void | Promise<void>
  /** What the network has taken from each so far, where it takes fees; the rest must add up without them. */
  fees?(): Promise<{ readonly payer: bigint; readonly payee: bigint }>
  /** Breaks the connection between the two. It comes back by itself, and what was under way goes on. */
  cut?(): void | Promise<void>
  close?(): void | Promise<void>
}

type Answer = Condition.Fulfillment | Rejection

/** A payment and the fulfillment that its payee would give. */
interface Payment {
  readonly transfer: OutgoingTransfer
  readonly fulfillment: Condition.Fulfillment
}

/** What a rail may lack; the tests of it are then left out. */
export interface PluginContractOptions {
  /** The payee keeps the book and has its feed. True */
  readonly feed?: boolean
  /** `cut` is there. True */
  readonly cut?: boolean
  /** A rejection reaches the payer. Where a ledger knows none, it learns at the expiry that nothing was paid. True */
  readonly rejects?: boolean
  /** The payee's `settled` is called before the payer is told; on a ledger of others each hears for itself. True */
  readonly payeeFirst?: boolean
  /** Nothing is an amount. True */
  readonly zero?: boolean
  /** How long the transfers live; more than the rail's `expiryMarginMs`. 30,000 */
  readonly expiresInMs?: number
  /** How far the ledger's own time may be from the clock. 0 */
  readonly clockWithinMs?: number
}

export function pluginContract(
  name: string,
  open: () => Promise<PairedPlugins>,
  {
    feed: hasFeed = true,
    cut: canCut = true,
    rejects = true,
    payeeFirst = true,
    zero = true,
    expiresInMs = 30_000,
    clockWithinMs = 0,
  }: PluginContractOptions = {},
): void {
  describe(`plugin contract: ${name}`, () => {
    let pair: PairedPlugins
    let payer: Plugin
    let payee: Plugin
    let made: number

    beforeEach(async () => {
      pair = await open()
      payer = pair.payer
      payee = pair.payee
      made = 0
    })
    afterEach(async () => {
      await pair.close?.()
    })

    /** The next payment from `from` to `to`, unlike all others. */
    function payment(amount: bigint, change: Partial<OutgoingTransfer> = {}, to = payee): Payment {
      made++
      const fulfillment = Condition.fulfillmentFrom(pair.hashes.sha256(Uint8Array.of(made & 0xff, made >> 8)))
      const id = TransferId.from(pair.hashes.sha256(Uint8Array.of(1, made & 0xff, made >> 8)).slice(0, 16))
      const transfer: OutgoingTransfer = {
        id,
        amount,
        condition: Condition.from(pair.hashes.sha256(fulfillment)),
        expiresAt: Instant.after(pair.clock(), expiresInMs),
        packet: encodePayment(amount, `${to.info().account}.user.${made}`),
        ...(to === payee ? {} : { target: to.info().account }),
        ...change,
      }
      return { transfer, fulfillment }
    }

    /** Everything that may be asked for, so that a payee can answer at once. */
    function payments(count: number, amount: bigint): Payment[] {
      return Array.from({ length: count }, () => payment(amount))
    }

    async function balances(): Promise<{ readonly payer: bigint; readonly payee: bigint }> {
      const fees = (await pair.fees?.()) ?? { payer: 0n, payee: 0n }
      return { payer: (await payer.balance()) + fees.payer, payee: (await payee.balance()) + fees.payee }
    }

    /**
     * What a payer is told of a transfer that nobody takes: the payee's words, or after its time that it has expired.
     *
     * @param judged - Resolves when the payee has decided.
     */
    async function untaken(sent: Promise<SendOutcome>, judged: Promise<void>, words: object): Promise<void> {
      if (rejects) {
        expect(await sent).toMatchObject({ status: 'rejected', by: 'payee', ...words })
        return
      }
      await judged
      await pair.advance(expiresInMs)
      expect(await sent).toEqual({ status: 'expired' })
    }

    /** The payee's calls, and among them when the payer was told, where that has a place. */
    function logged(log: readonly string[], ...calls: string[]): void {
      if (payeeFirst) expect(log).toEqual(calls)
      else expect(log.filter((call) => call !== 'told')).toEqual(calls.filter((call) => call !== 'told'))
    }

    /** How long a transfer may be held and still be fulfilled. */
    function lastMs(): number {
      return expiresInMs - Math.max(1, (payee.info().expiryMarginMs ?? 0) + clockWithinMs)
    }

    describe('info', () => {
      it('names one ledger, with a prefix that ends in a dot and accounts below it', () => {
        const ofPayer = payer.info()
        const ofPayee = payee.info()
        expect(ofPayer.prefix).toBe(ofPayee.prefix)
        expect(ofPayer.prefix).toMatch(/\.$/)
        expect(ofPayer.asset).toEqual(ofPayee.asset)
        expect(ofPayer.account.startsWith(ofPayer.prefix)).toBe(true)
        expect(ofPayee.account.startsWith(ofPayee.prefix)).toBe(true)
        expect(ofPayer.account).not.toBe(ofPayee.account)
      })
    })

    describe('fulfilled', () => {
      it('gives the payer the fulfillment and moves the amount', async () => {
        const { transfer, fulfillment } = payment(7n)
        const seen = payeeThat(() => fulfillment)
        payee.receive(seen)
        const before = await balances()
        expect(await payer.send(transfer)).toEqual({ status: 'fulfilled', fulfillment })
        await seen.ended(1)
        const after = await balances()
        expect(after).toEqual({ payer: before.payer - 7n, payee: before.payee + 7n })
      })

      it('shows the payee the transfer as it was sent, from the payer’s account, with what the packet says', async () => {
        const { transfer, fulfillment } = payment(7n)
        const changed = { ...transfer, packet: encodePayment(5n, `${payee.info().account}.user.x`, Uint8Array.of(9)) }
        const seen = payeeThat(() => fulfillment)
        payee.receive(seen)
        await payer.send(changed)
        const [incoming] = seen.held
        expect(incoming).toMatchObject({
          source: payer.info().account,
          amount: 7n,
          expiresAt: transfer.expiresAt,
          destination: `${payee.info().account}.user.x`,
          destinationAmount: 5n,
        })
        expect(incoming!.id).toEqual(transfer.id)
        expect(incoming!.condition).toEqual(transfer.condition)
        expect(incoming!.packet).toEqual(changed.packet)
      })

      it('leaves the byte strings of a transfer alone, whatever arrives later', async () => {
        const some = payments(20, 1n)
        const seen = payeeThat(fulfillmentOf(some))
        payee.receive(seen)
        for (const { transfer } of some) await payer.send(transfer)
        expect(seen.held.map((incoming) => [...incoming.id])).toEqual(some.map(({ transfer }) => [...transfer.id]))
        expect(seen.held.map((incoming) => [...incoming.packet])).toEqual(
          some.map(({ transfer }) => [...transfer.packet]),
        )
      })

      it('goes check, fulfill, settled, and only then the payer is told', async () => {
        const { transfer, fulfillment } = payment(1n)
        const seen = payeeThat(() => fulfillment)
        payee.receive(seen)
        await payer.send(transfer).then(() => seen.log.push('told'))
        if (!payeeFirst) await seen.ended(1)
        logged(seen.log, 'check', 'fulfill', 'settled fulfilled', 'told')
      })

      it('takes many at once, each with its own outcome, settled in the order of the feed', async () => {
        const some = payments(100, 2n)
        const seen = payeeThat(fulfillmentOf(some))
        payee.receive(seen)
        const before = await balances()
        const outcomes = await Promise.all(some.map(({ transfer }) => payer.send(transfer)))
        expect(outcomes).toEqual(some.map(({ fulfillment }) => ({ status: 'fulfilled', fulfillment })))
        expect((await balances()).payer).toBe(before.payer - 200n)
        if (!payeeFirst) await seen.ended(100)
        const cursors = seen.settlements.map(({ cursor }) => cursor)
        expect(cursors).toHaveLength(100)
        expect(cursors).toEqual([...cursors].sort((a, b) => a - b))
        expect(new Set(cursors).size).toBe(100)
      })

      if (zero)
        it('carries an amount of zero', async () => {
          const { transfer, fulfillment } = payment(0n)
          payee.receive(payeeThat(() => fulfillment))
          const before = await balances()
          expect(await payer.send(transfer)).toMatchObject({ status: 'fulfilled' })
          expect(await balances()).toEqual(before)
        })
    })

    describe('refused by check', () => {
      it('tells the payer code and message, holds nothing and asks for no fulfillment', async () => {
        const { transfer } = payment(7n)
        const seen = payeeThat(neverAsked, () => ({ code: 'F03', message: 'The price is 8.' }))
        payee.receive(seen)
        const before = await balances()
        await untaken(payer.send(transfer), seen.checked(1), { code: 'F03', message: 'The price is 8.' })
        expect(seen.log).toEqual(['check'])
        expect(await balances()).toEqual(before)
      })

      if (rejects)
        it('leaves no record: the same transfer is judged anew', async () => {
          const { transfer, fulfillment } = payment(7n)
          let open = false
          const check = () => (open ? undefined : { code: 'F06', message: 'Not yet.' })
          payee.receive(payeeThat(() => fulfillment, check))
          expect(await payer.send(transfer)).toMatchObject({ status: 'rejected', by: 'payee', code: 'F06' })
          open = true
          expect(await payer.send(transfer)).toEqual({ status: 'fulfilled', fulfillment })
        })

      it('takes a check that throws for a refusal with T00', async () => {
        const { transfer } = payment(1n)
        const check = () => {
          throw new Error('a bug')
        }
        const seen = payeeThat(neverAsked, check)
        payee.receive(seen)
        await untaken(payer.send(transfer), seen.checked(1), { code: 'T00' })
      })

      if (rejects)
        it('refuses with F06 while no payee is registered', async () => {
          expect(await payer.send(payment(1n).transfer)).toMatchObject({ status: 'rejected', by: 'payee', code: 'F06' })
        })

      if (!rejects)
        it('holds for a payee that comes later', async () => {
          const { transfer, fulfillment } = payment(7n)
          const sent = payer.send(transfer)
          await pair.advance(0)
          payee.receive(payeeThat(() => fulfillment))
          expect(await sent).toEqual({ status: 'fulfilled', fulfillment })
        })

      it('refuses with F01 a packet that is not an ILP payment, without asking the payee', async () => {
        const seen = payeeThat(neverAsked)
        payee.receive(seen)
        const { packet } = payment(1n).transfer
        for (const bad of [Uint8Array.of(), Uint8Array.of(1), packet.subarray(0, -1), Uint8Array.of(...packet, 0)]) {
          const { transfer } = payment(1n, { packet: bad })
          // Where the packet alone says who is paid, it goes nowhere.
          if (rejects)
            expect(await payer.send(transfer)).toMatchObject({ status: 'rejected', by: 'payee', code: 'F01' })
          else expect(await payer.send(transfer)).toMatchObject({ status: 'rejected', by: 'ledger' })
        }
        expect(seen.log).toEqual([])
      })
    })

    describe('rejected by the payee', () => {
      it('gives the amount back and tells the payer why', async () => {
        const { transfer } = payment(7n)
        const seen = payeeThat(() => ({ code: 'F99', message: 'content ended' }))
        payee.receive(seen)
        const before = await balances()
        const told = payer.send(transfer).then((outcome) => {
          seen.log.push('told')
          return outcome
        })
        await untaken(told, seen.ended(1), { code: 'F99', message: 'content ended' })
        expect(seen.log).toEqual(['check', 'fulfill', 'settled rejected', 'told'])
        expect(await balances()).toEqual(before)
      })

      it('rejects with T00 when the promise of a fulfillment rejects or the call throws', async () => {
        const answers = [
          () => Promise.reject<Answer>(new Error('a bug')),
          () => {
            throw new Error('another bug')
          },
        ]
        const seen = payeeThat(() => answers.shift()!())
        payee.receive(seen)
        const before = await balances()
        for (let i = 1; i <= 2; i++) await untaken(payer.send(payment(1n).transfer), seen.ended(i), { code: 'T00' })
        expect(seen.settlements.map(({ outcome }) => outcome)).toEqual(['rejected', 'rejected'])
        expect(await balances()).toEqual(before)
      })

      it('rejects with F05 when the fulfillment is not that of the condition', async () => {
        const { transfer } = payment(1n)
        const other = payment(1n).fulfillment
        const seen = payeeThat(() => other)
        payee.receive(seen)
        const before = await balances()
        await untaken(payer.send(transfer), seen.ended(1), { code: 'F05' })
        expect(seen.settlements.map(({ outcome }) => outcome)).toEqual(['rejected'])
        expect(await balances()).toEqual(before)
      })
    })

    describe('a payee that waits', () => {
      it('leaves both balances as they were until it answers', async () => {
        const { transfer, fulfillment } = payment(7n)
        const seen = slowPayee()
        payee.receive(seen)
        const before = await balances()
        const sent = payer.send(transfer)
        await seen.asked(1)
        expect(await balances()).toEqual(before)
        seen.answer(0, fulfillment)
        expect(await sent).toEqual({ status: 'fulfilled', fulfillment })
        if (!payeeFirst) await seen.ended(1)
        expect(await balances()).toEqual({ payer: before.payer - 7n, payee: before.payee + 7n })
      })

      it('holds up nobody else', async () => {
        const slow = payment(1n)
        const seen = slowPayee()
        payee.receive(seen)
        const first = payer.send(slow.transfer)
        await seen.asked(1)
        const quick = payment(1n)
        const second = payer.send(quick.transfer)
        await seen.asked(2)
        seen.answer(1, quick.fulfillment)
        expect(await second).toMatchObject({ status: 'fulfilled' })
        if (!payeeFirst) await seen.ended(1)
        seen.answer(0, { code: 'F99', message: 'content ended' })
        await untaken(first, seen.ended(2), { code: 'F99' })
        expect(seen.settlements.map(({ outcome }) => outcome)).toEqual(['fulfilled', 'rejected'])
      })
    })

    describe('limits', () => {
      it('takes exactly what the payer can spend, and one more is refused by the ledger, again and again', async () => {
        const most = payment(pair.spendable)
        payee.receive(payeeThat(fulfillmentOf([most])))
        const tooMuch = payment(pair.spendable + 1n).transfer
        const refused = { status: 'rejected', by: 'ledger' }
        expect(await payer.send(tooMuch)).toMatchObject(refused)
        expect(await payer.send(tooMuch)).toMatchObject(refused)
        expect(await payer.send(most.transfer)).toMatchObject({ status: 'fulfilled' })
        expect(await payer.send(payment(1n).transfer)).toMatchObject(refused)
      })

      it('counts what is held, and gives it back when it is rejected', async () => {
        const seen = slowPayee()
        payee.receive(seen)
        const all = payer.send(payment(pair.spendable).transfer)
        await seen.asked(1)
        expect(await payer.send(payment(1n).transfer)).toMatchObject({ status: 'rejected', by: 'ledger' })
        seen.answer(0, { code: 'F99', message: 'content ended' })
        await untaken(all, seen.ended(1), { code: 'F99' })
        const { transfer, fulfillment } = payment(1n)
        const sent = payer.send(transfer)
        await seen.asked(2)
        seen.answer(1, fulfillment)
        expect(await sent).toMatchObject({ status: 'fulfilled' })
      })

      it('never rejects the promise: what cannot be sent is an outcome', async () => {
        payee.receive(payeeThat(neverAsked))
        const { id, condition } = payment(1n).transfer
        const changes: Partial<OutgoingTransfer>[] = [
          { amount: -1n },
          { amount: 2n ** 64n },
          { id: id.subarray(1) as TransferId.TransferId },
          { condition: condition.subarray(1) as Condition.Condition },
        ]
        for (const change of changes) {
          const outcome = await payer.send({ ...payment(1n).transfer, ...change })
          expect(outcome).toMatchObject({ status: 'rejected', by: 'ledger' })
        }
      })
    })

    describe('expiry', () => {
      it('refuses a transfer that is dead on arrival, and one that expires too far away', async () => {
        payee.receive(payeeThat(neverAsked))
        const before = await balances()
        const dead = payment(1n, { expiresAt: pair.clock() }).transfer
        expect(['rejected', 'expired']).toContain((await payer.send(dead)).status)
        const far = payment(1n, { expiresAt: Instant.after(pair.clock(), 400 * 86_400_000) }).transfer
        expect(await payer.send(far)).toMatchObject({ status: 'rejected', by: 'ledger' })
        expect(await balances()).toEqual(before)
      })

      it('lets a transfer be fulfilled in its last millisecond', async () => {
        const { transfer, fulfillment } = payment(1n)
        const seen = slowPayee()
        payee.receive(seen)
        const sent = payer.send(transfer)
        await seen.asked(1)
        await pair.advance(lastMs())
        seen.answer(0, fulfillment)
        expect(await sent).toMatchObject({ status: 'fulfilled' })
      })

      it('holds a transfer dead at its instant, tells both and moves nothing', async () => {
        const { transfer, fulfillment } = payment(7n)
        const seen = slowPayee()
        payee.receive(seen)
        const before = await balances()
        const sent = payer.send(transfer).then((outcome) => {
          seen.log.push('told')
          return outcome
        })
        await seen.asked(1)
        await pair.advance(expiresInMs)
        seen.answer(0, fulfillment)
        expect(await sent).toEqual({ status: 'expired' })
        if (!payeeFirst) await seen.ended(1)
        logged(seen.log, 'check', 'fulfill', 'settled expired', 'told')
        expect(await balances()).toEqual(before)
      })

      it('gives what was held back to the payer', async () => {
        const seen = slowPayee()
        payee.receive(seen)
        const all = payer.send(payment(pair.spendable).transfer)
        await seen.asked(1)
        await pair.advance(expiresInMs)
        await all
        const { transfer, fulfillment } = payment(pair.spendable)
        const sent = payer.send(transfer)
        await seen.asked(2)
        seen.answer(1, fulfillment)
        expect(await sent).toMatchObject({ status: 'fulfilled' })
      })
    })

    describe('the same transfer again', () => {
      it('is one payment, whether it is sent while held or after it was fulfilled', async () => {
        const { transfer, fulfillment } = payment(7n)
        const seen = slowPayee()
        payee.receive(seen)
        const before = await balances()
        const first = payer.send(transfer)
        await seen.asked(1)
        const second = payer.send(transfer)
        seen.answer(0, fulfillment)
        expect(await first).toEqual({ status: 'fulfilled', fulfillment })
        expect(await second).toEqual({ status: 'fulfilled', fulfillment })
        expect(await payer.send(transfer)).toMatchObject({ status: 'fulfilled' })
        if (!payeeFirst) await seen.ended(1)
        expect(seen.held).toHaveLength(1)
        expect(seen.settlements).toHaveLength(1)
        expect(await balances()).toEqual({ payer: before.payer - 7n, payee: before.payee + 7n })
      })

      it('stays unpaid once it was rejected or has expired', async () => {
        const answers: Answer[] = [{ code: 'F99', message: 'content ended' }]
        const seen = payeeThat(() => answers.shift()!)
        payee.receive(seen)
        const { transfer } = payment(7n)
        await untaken(payer.send(transfer), seen.ended(1), {})
        expect(['rejected', 'expired']).toContain((await payer.send(transfer)).status)
        expect(seen.held).toHaveLength(1)
      })

      it('refuses an id that is taken by another transfer', async () => {
        const first = payment(7n)
        const seen = payeeThat(fulfillmentOf([first]))
        payee.receive(seen)
        await payer.send(first.transfer)
        for (const change of [{ amount: 8n }, { packet: encodePayment(7n, `${payee.info().account}.user.other`) }]) {
          const outcome = await payer.send({ ...first.transfer, ...change })
          expect(outcome).toMatchObject({ status: 'rejected', by: 'ledger' })
        }
        expect(seen.held).toHaveLength(1)
      })
    })

    describe('the other direction', () => {
      it('carries a payment from the payee’s side to the payer’s account', async () => {
        const forward = payment(9n)
        const there = payeeThat(() => forward.fulfillment)
        payee.receive(there)
        await payer.send(forward.transfer)
        if (!payeeFirst) await there.ended(1)
        const back = payment(4n, {}, payer)
        const seen = payeeThat(() => back.fulfillment)
        payer.receive(seen)
        const before = await balances()
        const outcome = await payee.send(back.transfer)
        expect(outcome).toEqual({ status: 'fulfilled', fulfillment: back.fulfillment })
        expect(seen.held[0]).toMatchObject({ source: payee.info().account, amount: 4n })
        // Here the payer may be the one who keeps the book: then it knows first.
        await seen.ended(1)
        expect(seen.log).toEqual(['check', 'fulfill', 'settled fulfilled'])
        expect(await balances()).toEqual({ payer: before.payer + 4n, payee: before.payee - 4n })
      })

      it('tells the payee’s side why the other refuses, with code and message', async () => {
        const seen = payeeThat(() => ({ code: 'F99', message: 'no change, please' }))
        payer.receive(seen)
        const before = await balances()
        const sent = payee.send(payment(4n, {}, payer).transfer)
        await untaken(sent, seen.ended(1), { code: 'F99', message: 'no change, please' })
        expect(await balances()).toEqual(before)
      })

      it('does not pay an account that nobody has', async () => {
        const target = `${payee.info().prefix}nobody-of-this-name`
        const outcome = await payee.send(payment(4n, { target }, payer).transfer)
        expect(outcome).toMatchObject({ status: 'rejected', by: 'ledger' })
      })
    })

    if (hasFeed)
      describe('the feed', () => {
        it('lists what was posted, in order, after any cursor, and settled names the same places', async () => {
          const some = payments(5, 3n)
          const fulfillments = fulfillmentOf(some)
          const seen = payeeThat((incoming) =>
            incoming.destination.endsWith('.2') ? { code: 'F99', message: 'not this one' } : fulfillments(incoming),
          )
          payee.receive(seen)
          for (const [i, { transfer }] of some.entries()) {
            const sent = payer.send(transfer)
            if (rejects || i !== 1) await sent
            if (!payeeFirst) await seen.ended(i + 1)
          }
          const all = await collect(payee.posted!(0 as Cursor))
          expect(all.map(({ source, destination, amount }) => [source, destination, amount])).toEqual(
            [1, 3, 4, 5].map((n) => [payer.info().account, `${payee.info().account}.user.${n}`, 3n]),
          )
          for (const { postedAt } of all) expect(Math.abs(postedAt - pair.clock())).toBeLessThanOrEqual(clockWithinMs)
          const settled = seen.settlements.filter(({ outcome }) => outcome === 'fulfilled')
          expect(all.map(({ cursor }) => cursor)).toEqual(settled.map(({ cursor }) => cursor))
          expect(await collect(payee.posted!(all[1]!.cursor))).toEqual(all.slice(2))
          expect(await collect(payee.posted!(all[3]!.cursor))).toEqual([])
        })

        it('holds nothing that was paid in the other direction', async () => {
          const back = payment(4n, {}, payer)
          payer.receive(payeeThat(() => back.fulfillment))
          await payee.send(back.transfer)
          expect(await collect(payee.posted!(0 as Cursor))).toEqual([])
        })
      })

    if (canCut)
      describe('a connection that breaks', () => {
        it('learns of a fulfillment that was given while it was cut, and pays once', async () => {
          const { transfer, fulfillment } = payment(7n)
          const seen = slowPayee()
          payee.receive(seen)
          const before = await balances()
          const sent = payer.send(transfer)
          await seen.asked(1)
          await pair.cut!()
          seen.answer(0, fulfillment)
          expect((await sent).status).toBe('fulfilled')
          if (!payeeFirst) await seen.ended(1)
          expect(seen.settlements).toHaveLength(1)
          expect(await balances()).toEqual({ payer: before.payer - 7n, payee: before.payee + 7n })
        })

        it('learns of a rejection that was given while it was cut', async () => {
          const seen = slowPayee()
          payee.receive(seen)
          const before = await balances()
          const sent = payer.send(payment(7n).transfer)
          await seen.asked(1)
          await pair.cut!()
          seen.answer(0, { code: 'F99', message: 'content ended' })
          if (!rejects) await pair.advance(expiresInMs)
          expect(['rejected', 'expired']).toContain((await sent).status)
          expect(await balances()).toEqual(before)
        })

        it('asks the payee once for a transfer that is held over a cut', async () => {
          const some = payments(10, 1n)
          const seen = slowPayee()
          payee.receive(seen)
          const before = await balances()
          const sent = some.map(({ transfer }) => payer.send(transfer))
          await seen.asked(10)
          await pair.cut!()
          const afterCut = payment(1n)
          const late = payer.send(afterCut.transfer)
          await seen.asked(11)
          some.forEach(({ fulfillment }, i) => {
            seen.answer(i, fulfillment)
          })
          seen.answer(10, afterCut.fulfillment)
          const outcomes = await Promise.all([...sent, late])
          expect(outcomes.map(({ status }) => status)).toEqual(Array(11).fill('fulfilled'))
          expect(seen.held).toHaveLength(11)
          expect((await balances()).payer).toBe(before.payer - 11n)
        })
      })
  })
}

interface Settlement {
  readonly transfer: IncomingTransfer
  readonly outcome: SettledOutcome
  readonly cursor: Cursor
}

interface RecordingPayee extends Payee {
  /** The calls by name, in order. */
  readonly log: string[]
  /** What `fulfill` was called with. */
  readonly held: IncomingTransfer[]
  readonly settlements: Settlement[]
  /** Resolves when so many have been settled. */
  ended(count: number): Promise<void>
  /** Resolves when so many have been judged. */
  checked(count: number): Promise<void>
}

function payeeThat(
  answer: (transfer: IncomingTransfer) => Answer | Promise<Answer>,
  check: (transfer: IncomingTransfer) => Rejection | undefined = () => undefined,
): RecordingPayee {
  const watchers: Watcher[] = []
  const judges: Watcher[] = []
  let judged = 0
  const recording: RecordingPayee = {
    ended: (count) => watch(watchers, count, () => recording.settlements.length),
    checked: (count) => watch(judges, count, () => judged),
    log: [],
    held: [],
    settlements: [],
    check(transfer) {
      recording.log.push('check')
      judged++
      notify(judges, judged)
      return check(transfer)
    },
    fulfill(transfer) {
      recording.log.push('fulfill')
      recording.held.push(transfer)
      return answer(transfer)
    },
    settled(transfer, outcome, cursor) {
      recording.log.push(`settled ${outcome}`)
      recording.settlements.push({ transfer, outcome, cursor })
      notify(watchers, recording.settlements.length)
    },
  }
  return recording
}

/** A payee that answers when the test says so, by the number of the call. */
function slowPayee(): RecordingPayee & {
  asked(count: number): Promise<void>
  answer(index: number, value: Answer): void
} {
  const pending: ((answer: Answer) => void)[] = []
  const watchers: Watcher[] = []
  const recording = payeeThat(
    () =>
      new Promise((resolve) => {
        pending.push(resolve)
        notify(watchers, pending.length)
      }),
  )
  return Object.assign(recording, {
    asked: (count: number) => watch(watchers, count, () => pending.length),
    answer: (index: number, value: Answer) => pending[index]!(value),
  })
}

interface Watcher {
  readonly count: number
  readonly resolve: () => void
}

function watch(watchers: Watcher[], count: number, reached: () => number): Promise<void> {
  return new Promise((resolve) => {
    if (reached() >= count) resolve()
    else watchers.push({ count, resolve })
  })
}

function notify(watchers: readonly Watcher[], reached: number): void {
  for (const { count, resolve } of watchers) if (reached >= count) resolve()
}

function fulfillmentOf(some: readonly Payment[]): (transfer: IncomingTransfer) => Answer {
  const byId = new Map(some.map(({ transfer, fulfillment }) => [transfer.id.join(), fulfillment]))
  return (transfer) => byId.get(transfer.id.join()) ?? { code: 'F06', message: 'Not one of these.' }
}

function neverAsked(): Answer {
  throw new Error('The payee was asked for a fulfillment that nobody may have.')
}

async function collect(feed: AsyncIterable<Posted>): Promise<Posted[]> {
  const all: Posted[] = []
  for await (const posted of feed) all.push(posted)
  return all
}
