import type { IncomingTransfer } from '@millstream/plugin'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { at, openTestShop } from './testing/shop.fixture.js'

/**
 * Anything that can happen to a stream, in any order. The test is the plugin and the ledger: it decides which of the
 * payments whose fulfillment it has are posted and which come to nothing.
 */
type Step =
  | { readonly do: 'pay'; readonly pieces: number; readonly from: string; readonly repeat: boolean }
  | { readonly do: 'post' | 'drop' | 'expire'; readonly which: number }
  | { readonly do: 'feed'; readonly bytes: number }
  | { readonly do: 'end' | 'fail' | 'leave' | 'close' | 'full' | 'drain' }

const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary })
const step: fc.Arbitrary<Step> = fc.oneof(
  often(
    12,
    fc.record({
      do: fc.constant('pay' as const),
      pieces: fc.constantFrom(1, 1, 1, 1, 2, 5),
      from: fc.constantFrom('alice', 'alice', 'alice', 'bob'),
      repeat: fc.boolean(),
    }),
  ),
  often(8, fc.record({ do: fc.constant('post' as const), which: fc.nat(9) })),
  often(2, fc.record({ do: fc.constant('drop' as const), which: fc.nat(9) })),
  often(2, fc.record({ do: fc.constant('expire' as const), which: fc.nat(9) })),
  often(8, fc.record({ do: fc.constant('feed' as const), bytes: fc.integer({ min: 0, max: 30 }) })),
  often(1, fc.record({ do: fc.constantFrom('end', 'fail', 'leave', 'close' as const) })),
  often(2, fc.record({ do: fc.constantFrom('full', 'drain' as const) })),
)

const price = 3n
const pieceBytes = 4

interface Payment {
  readonly transfer: IncomingTransfer
  readonly pieces: number
  readonly number: number
  answer: 'pending' | 'fulfilled' | 'refused'
  settled: boolean
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

describe('whatever happens to a stream', () => {
  it('nothing is delivered unpaid, nothing is paid that is neither delivered nor owed, and no payment is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, declared) => {
        const { shop, open, incoming, named, streams } = await openTestShop({
          limits: { bufferBytesMax: 40, inFlightBytesMax: 24 },
        })
        const payments: Payment[] = []
        let posted = 0
        let whole = ''
        let waiting: ((chunk: Uint8Array | undefined) => void) | undefined
        let fails: ((error: Error) => void) | undefined
        const arrived: (Uint8Array | undefined)[] = []
        let readBytes = 0
        let readTooFar = false
        const heldOrPosted = () =>
          payments.reduce(
            (sum, { answer, settled, pieces }) => (answer === 'refused' || settled ? sum : sum + pieces),
            posted,
          )
        const reader = {
          read() {
            // Never beyond one piece more than is held or paid; a chunk may bring more than was asked for.
            if (Math.floor(readBytes / pieceBytes) > heldOrPosted()) readTooFar = true
            if (arrived.length > 0) {
              const chunk = arrived.shift()
              readBytes += chunk?.length ?? 0
              return chunk
            }
            return new Promise<Uint8Array | undefined>((resolve, reject) => {
              waiting = (chunk) => {
                readBytes += chunk?.length ?? 0
                resolve(chunk)
              }
              fails = reject
            })
          },
          close() {},
        }
        const { stream, body } = open({
          content: reader,
          price,
          piece: `bytes:${pieceBytes}`,
          ...(declared ? { pieces: Number.POSITIVE_INFINITY } : {}),
        })
        let next = 1
        let cursor = 0
        let sourceOver = false
        let owner: string | undefined

        const pick = (which: number, of: (payment: Payment) => boolean) => {
          const some = payments.filter((payment) => !payment.settled && of(payment))
          return some[which % Math.max(1, some.length)]
        }
        const settle = (payment: Payment | undefined, outcome: 'fulfilled' | 'expired' | 'rejected') => {
          if (payment === undefined) return
          payment.settled = true
          if (outcome === 'fulfilled') {
            posted += payment.pieces
            owner ??= payment.transfer.source
            expect(payment.transfer.source).toBe(owner)
          }
          shop.settled(payment.transfer, outcome, at(++cursor))
        }
        const invariants = () => {
          const { paid, delivered, owed, amount } = stream.totals()
          expect(paid).toBe(BigInt(posted))
          expect(amount).toBe(BigInt(posted) * price)
          expect(paid).toBe(delivered + owed)
          expect(body.text()).toBe(whole.slice(0, body.text().length))
          expect(Math.ceil(body.text().length / pieceBytes)).toBe(Number(delivered))
          const promised = payments.filter(({ answer, settled }) => answer === 'fulfilled' && !settled)
          const inHand = promised.reduce((sum, { pieces }) => sum + pieces, posted)
          expect(inHand).toBeLessThanOrEqual(Math.ceil(readBytes / pieceBytes))
          expect(readTooFar).toBe(false)
          const used = payments
            .filter(({ answer, settled }) => answer === 'fulfilled' && !settled)
            .map(({ number }) => number)
          expect(new Set(used).size).toBe(used.length)
        }

        for (const action of steps) {
          if (action.do === 'pay') {
            const number = action.repeat ? Math.max(1, next - 1) : next++
            const transfer = incoming(stream, number, {
              source: `g.letter-shop.mytrustline.${action.from}`,
              amount: price * BigInt(action.pieces),
              destinationAmount: price * BigInt(action.pieces),
            })
            if (shop.check(transfer) === undefined) {
              const payment: Payment = { transfer, pieces: action.pieces, number, answer: 'pending', settled: false }
              payments.push(payment)
              const hear = (answer: object) => {
                payment.answer = answer instanceof Uint8Array ? 'fulfilled' : 'refused'
              }
              const answer = shop.fulfill(transfer)
              if (answer instanceof Promise) answer.then(hear)
              else hear(answer)
            }
          } else if (action.do === 'post') {
            settle(
              pick(action.which, ({ answer }) => answer === 'fulfilled'),
              'fulfilled',
            )
          } else if (action.do === 'drop') {
            settle(
              pick(action.which, ({ answer }) => answer === 'fulfilled'),
              'expired',
            )
          } else if (action.do === 'expire') {
            settle(
              pick(action.which, ({ answer }) => answer === 'pending'),
              'expired',
            )
          } else if (action.do === 'feed' && !sourceOver) {
            const text = Array.from({ length: action.bytes }, (_, i) =>
              String.fromCharCode(97 + ((whole.length + i) % 26)),
            ).join('')
            whole += text
            const chunk = new TextEncoder().encode(text)
            if (waiting === undefined) arrived.push(chunk)
            else waiting(chunk)
            waiting = undefined
          } else if (action.do === 'end' && !sourceOver) {
            sourceOver = true
            if (waiting === undefined) arrived.push(undefined)
            else waiting(undefined)
            waiting = undefined
          } else if (action.do === 'fail' && !sourceOver) {
            sourceOver = true
            fails?.(new Error('broke'))
          } else if (action.do === 'leave') {
            stream.left()
          } else if (action.do === 'close') {
            stream.close()
          } else if (action.do === 'full') {
            body.room = false
          } else if (action.do === 'drain') {
            body.room = true
            stream.drained()
          }
          await turn()
          for (const payment of payments)
            if (payment.answer === 'refused' && !payment.settled) settle(payment, 'rejected')
          await turn()
          invariants()
        }

        // The end of it all: what the ledger has is posted, the reader goes, and with it what waits.
        const promised = () => payments.filter(({ answer, settled }) => answer === 'fulfilled' && !settled)
        while (promised().length > 0) {
          for (const payment of promised()) settle(payment, 'fulfilled')
          await turn()
        }
        stream.left()
        await turn()
        expect(payments.filter(({ answer }) => answer === 'pending')).toEqual(
          payments.filter(({ answer, settled }) => answer === 'pending' && settled),
        )
        for (const payment of payments) if (!payment.settled) settle(payment, 'rejected')
        await turn()
        invariants()
        expect(shop.counts().open).toBe(0)
        expect(named('shop.stream_ended')).toHaveLength(1)
        expect(named('shop.stream_ended')[0]!.totals).toEqual(stream.totals())
        const record = await streams.get(stream.userId)
        expect(record?.pieces ?? 0n).toBe(BigInt(posted))
      }),
      { numRuns: 300 },
    )
  })
})
