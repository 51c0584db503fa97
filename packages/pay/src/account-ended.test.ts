/** An account that ends with its connection, and the streams that it paid. */
import { describe, expect, it } from 'vitest'
import { createFakeShop, letters } from './internal/testing/fake-shop.js'
import { createWorld, failureOf, story, textOf, url } from './internal/testing/payer-world.js'

/** A world whose account can be ended: what is in flight then gets no answer any more. */
function createPassingWorld() {
  const ledger = createWorld()
  const listeners = new Set<() => void>()
  const unresolved = new Set<(reason: string) => void>()
  let silent = false
  let opened = 0
  const world = createWorld({
    payer: {
      http: ledger.shop.http,
      clock: ledger.time.clock,
      now: ledger.time.now,
      timers: ledger.time.timers,
      async openPlugin() {
        opened++
        const { payer } = ledger.pair
        return {
          plugin: {
            info: () => payer.info(),
            receive: (payee) => payer.receive(payee),
            balance: () => payer.balance(),
            send: (transfer) =>
              silent
                ? new Promise((resolve) => {
                    unresolved.add((reason) => resolve({ status: 'unknown', reason }))
                  })
                : payer.send(transfer),
            onAccountEnded(listener) {
              listeners.add(listener)
              return () => listeners.delete(listener)
            },
          },
        }
      },
    },
  })
  return {
    ...world,
    ledger,
    time: ledger.time,
    opened: () => opened,
    listeners,
    silence() {
      silent = true
    },
    end() {
      for (const resolve of unresolved) resolve('it ended')
      unresolved.clear()
      silent = false
      for (const listener of listeners) listener()
    },
  }
}

describe('a stream whose account has ended with its connection', () => {
  it('ends too when nothing was paid yet, and pays nothing from the next account', async () => {
    const { payer, ledger, end } = createPassingWorld()
    const response = await payer.fetch(url)
    end()
    const summary = await response.summary
    expect(summary).toMatchObject({ stopped: 'account_ended', ended: false, paid: 0n, unknown: 0n, held: 0n })
    expect(summary.error).toMatchObject({ code: 'PAY_ACCOUNT_ENDED' })
    expect(await failureOf(textOf(response))).toMatchObject({ code: 'PAY_ACCOUNT_ENDED' })
    expect(ledger.shop.seen).toEqual([])
  })

  it('ends with what is unresolved counted as spent, and sends nothing again', async () => {
    const { payer, ledger, time, silence, end } = createPassingWorld()
    const response = await payer.fetch(url, { limits: { window: 4 } })
    const reading = failureOf(
      (async () => {
        for await (const _ of response.body) silence()
      })(),
    )
    await time.settle()
    const { inFlight } = response.progress()
    expect(inFlight).toBeGreaterThan(0)
    const { length } = ledger.shop.seen
    end()
    await time.advance(1_000)
    const summary = await response.summary
    expect(summary).toMatchObject({ stopped: 'account_ended', unknown: BigInt(inFlight), held: 0n })
    expect(summary.spent).toBe(summary.paid + summary.unknown)
    expect(await reading).toMatchObject({ code: 'PAY_ACCOUNT_ENDED', money: { unknown: BigInt(inFlight) } })
    expect(ledger.shop.seen).toHaveLength(length)
  })

  it('is whole all the same when the content ends', async () => {
    const { payer, ledger, time, end } = createPassingWorld()
    const response = await payer.fetch(url)
    let text = ''
    for await (const chunk of response.body) {
      text += new TextDecoder().decode(chunk)
      if (ledger.shop.paid.length === story.length) end()
    }
    await time.settle()
    expect(text).toBe(story)
    expect(await response.summary).toMatchObject({ stopped: 'content_ended', error: undefined })
  })

  it('leaves the payer able to pay for the next stream, from another account with a book of its own', async () => {
    const { payer, ledger, events, opened, end } = createPassingWorld()
    const first = await payer.fetch(url)
    await textOf(first)
    end()
    // The account that comes next has spent nothing.
    const before = await ledger.pair.payer.balance()
    const { payer: rail } = ledger.pair
    const balance = rail.balance.bind(rail)
    rail.balance = async () => (await balance()) - before
    createFakeShop({ plugin: ledger.pair.payee, pieces: letters(story) })
    const again = await payer.fetch(url)
    again.stop()
    expect((await again.summary).stopped).toBe('stopped')
    await payer.reconcile()
    expect(events.filter(({ name }) => name.startsWith('pay.balance'))).toEqual([])
    expect(opened()).toBe(1)
  })

  it('is not stopped twice by a payer that was closed', async () => {
    const { payer, listeners } = createPassingWorld()
    const response = await payer.fetch(url)
    expect(listeners.size).toBe(1)
    await payer.close()
    expect(listeners.size).toBe(0)
    expect((await response.summary).stopped).toBe('stopped')
  })
})
