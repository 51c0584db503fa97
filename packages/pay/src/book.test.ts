import { describe, expect, it } from 'vitest'
import { type BookState, createBook, emptyBook, streamsKept } from './book.js'
import { createDrivenTime } from './internal/testing/driven-time.js'

const address = 'g.letter-shop.mytrustline.server.UUxOFrawp0A'
const nothingYet = { next: 1, posted: 0n, unresolved: 0n }

/** A medium that keeps what was saved; `crash` gives the book that the next life finds. */
function createMedium(time = createDrivenTime()) {
  const saved: BookState[] = []
  const open = (state?: BookState) =>
    createBook({
      clock: time.clock,
      ...(state === undefined ? {} : { state }),
      save: async (state) => void saved.push(state),
    })
  return { time, saved, open, crash: () => open(saved.at(-1) ?? emptyBook) }
}

describe('numbers', () => {
  it('begin at 1', async () => {
    const book = createBook({ clock: createDrivenTime().clock })
    expect((await book.open(address, 1n)).first).toBe(1)
  })

  it('go on where the last stream to the same address ended', async () => {
    const book = createBook({ clock: createDrivenTime().clock })
    const stream = await book.open(address, 1n)
    void stream.reserve(100, nothingYet)
    await stream.close({ next: 8, posted: 7n, unresolved: 0n })
    expect((await book.open(address, 1n)).first).toBe(8)
  })

  it('skip the whole block after a crash', async () => {
    const { open, crash } = createMedium()
    const stream = await open().open(address, 1n)
    await stream.reserve(100, nothingYet)
    expect((await crash().open(address, 1n)).first).toBe(100)
  })

  it('are not given to two streams at once', async () => {
    const book = createBook({ clock: createDrivenTime().clock })
    await book.open(address, 1n)
    await expect(book.open(address, 1n)).rejects.toMatchObject({ code: 'PAY_ADDRESS_IN_USE' })
  })

  it('are remembered for the latest addresses, and for those in use', async () => {
    const { open, saved, crash } = createMedium()
    const book = open()
    const lasting = await book.open('g.x.lasting', 1n)
    await lasting.reserve(5, nothingYet)
    for (let i = 0; i < streamsKept + 50; i++) {
      const stream = await book.open(`g.x.${i}`, 1n)
      await stream.close({ next: 3, posted: 2n, unresolved: 0n })
    }
    expect(saved.at(-1)!.streams).toHaveLength(streamsKept + 1)
    const next = crash()
    expect((await next.open('g.x.lasting', 1n)).first).toBe(5)
    expect((await next.open(`g.x.${streamsKept + 49}`, 1n)).first).toBe(3)
    expect((await next.open('g.x.0', 1n)).first).toBe(1)
  })
})

describe('what is written', () => {
  it('is written before the numbers may be used', async () => {
    let written = () => {}
    const states: BookState[] = []
    const book = createBook({
      clock: createDrivenTime().clock,
      save: (state) => {
        states.push(state)
        return new Promise((resolve) => {
          written = resolve
        })
      },
    })
    const stream = await book.open(address, 3n)
    let granted = false
    const reserved = stream.reserve(11, nothingYet)!.then(() => {
      granted = true
    })
    await Promise.resolve()
    expect(granted).toBe(false)
    expect(states.at(-1)!.streams).toEqual([{ address, next: 11, reserved: 30n }])
    written()
    await reserved
    expect(granted).toBe(true)
  })

  it('gathers what changes during a write into one more', async () => {
    const pending: (() => void)[] = []
    let writes = 0
    const book = createBook({
      clock: createDrivenTime().clock,
      save: () => {
        writes++
        return new Promise((resolve) => void pending.push(resolve))
      },
    })
    const streams = await Promise.all(['a', 'b', 'c', 'd'].map((user) => book.open(`g.x.${user}`, 1n)))
    const reserved = streams.map((stream) => stream.reserve(5, nothingYet))
    pending.shift()!()
    await reserved[0]
    await Promise.resolve()
    pending.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
    pending.shift()?.()
    await Promise.all(reserved)
    expect(writes).toBe(2)
  })

  it('fails for those who asked, and may work the next time', async () => {
    let full = true
    const book = createBook({
      clock: createDrivenTime().clock,
      save: async () => {
        if (full) throw new Error('disk full')
      },
    })
    const stream = await book.open(address, 1n)
    await expect(stream.reserve(5, nothingYet)).rejects.toThrow('disk full')
    full = false
    await stream.reserve(5, nothingYet)
    expect(book.unresolved()).toBe(4n)
  })

  it('counts the rest of the block as unresolved after a crash, and what was in flight', async () => {
    const { open, crash } = createMedium()
    const stream = await open().open(address, 2n)
    await stream.reserve(11, nothingYet)
    await stream.reserve(21, { next: 9, posted: 10n, unresolved: 6n })
    const book = crash()
    expect(book.spent()).toBe(10n)
    expect(book.unresolved()).toBe(6n + 12n * 2n)
  })
})

describe('reconciliation', () => {
  it('agrees with a host that says what was paid', async () => {
    const { open, time } = createMedium()
    const book = open()
    expect(await book.reconcile(1000n)).toEqual({ status: 'agrees' })
    const stream = await book.open(address, 1n)
    await stream.reserve(11, nothingYet)
    await stream.close({ next: 11, posted: 10n, unresolved: 0n })
    await time.advance(45_000)
    expect(await book.reconcile(990n)).toEqual({ status: 'agrees' })
    expect(book.spent()).toBe(10n)
  })

  it('agrees with anything between nothing and all of what is unresolved', async () => {
    for (const balance of [0n, -1n, -9n, -10n]) {
      const { open, crash, time } = createMedium()
      const before = open()
      await before.reconcile(0n)
      await (await before.open(address, 1n)).reserve(11, nothingYet)
      const book = crash()
      await time.advance(45_000)
      const settled = { amount: 10n, spent: -balance, isCertain: true }
      expect(await book.reconcile(balance)).toEqual({ status: 'agrees', settled })
      expect(await book.reconcile(balance)).toEqual({ status: 'agrees' })
      expect(book.spent()).toBe(-balance)
      expect(book.unresolved()).toBe(0n)
    }
  })

  it('keeps counting as spent what may still be held', async () => {
    const { open, crash, time } = createMedium()
    const before = open()
    await before.reconcile(0n)
    await (await before.open(address, 1n)).reserve(11, nothingYet)
    const book = crash()
    await time.advance(44_999)
    await book.reconcile(-4n)
    expect(book.unresolved()).toBe(10n)
    await time.advance(1)
    expect(await book.reconcile(-7n)).toMatchObject({ status: 'agrees', settled: { amount: 10n, spent: 7n } })
    expect(book.spent()).toBe(7n)
  })

  it('reports a host that took more than was ever sent, and goes on from its balance', async () => {
    const { open, crash, time } = createMedium()
    const before = open()
    await before.reconcile(100n)
    const stream = await before.open(address, 1n)
    await stream.reserve(11, nothingYet)
    await stream.close({ next: 6, posted: 3n, unresolved: 2n })
    await time.advance(45_000)
    const book = crash()
    const unexplained = { status: 'unexplained', amount: 1n, expectedMin: 95n, balance: 94n }
    expect(await book.reconcile(94n)).toEqual({ ...unexplained, settled: { amount: 2n, spent: 2n, isCertain: true } })
    expect(await book.reconcile(94n)).toEqual({ status: 'agrees' })
    expect(book.spent()).toBe(5n)
  })

  it('reports it while a stream is running, without mistaking what is reserved', async () => {
    const { open } = createMedium()
    const book = open()
    await book.reconcile(100n)
    const stream = await book.open(address, 1n)
    await stream.reserve(11, nothingYet)
    expect(await book.reconcile(93n)).toEqual({ status: 'agrees' })
    expect(await book.reconcile(90n)).toEqual({ status: 'agrees' })
    expect(await book.reconcile(89n)).toMatchObject({ status: 'unexplained', amount: 1n })
    await stream.close({ next: 11, posted: 10n, unresolved: 0n })
    expect(await book.reconcile(89n)).toEqual({ status: 'agrees' })
  })

  it('tells of money that was given to the account', async () => {
    const { open } = createMedium()
    const book = open()
    await book.reconcile(-5n)
    expect(await book.reconcile(995n)).toEqual({ status: 'credited', amount: 1000n })
    expect(await book.reconcile(995n)).toEqual({ status: 'agrees' })
  })

  it('counts what is unresolved as spent when a credit hides what became of it', async () => {
    const { open, crash, time } = createMedium()
    const before = open()
    await before.reconcile(0n)
    await (await before.open(address, 1n)).reserve(11, nothingYet)
    const book = crash()
    await time.advance(45_000)
    expect(await book.reconcile(500n)).toMatchObject({ status: 'credited' })
    expect(book.spent()).toBe(10n)
  })

  it('counts it as spent also when the credit came while it could still be held, and over another crash', async () => {
    const { open, crash, time } = createMedium()
    const before = open()
    await before.reconcile(0n)
    await (await before.open(address, 1n)).reserve(11, nothingYet)
    // Ten may be spent: three are, and 503 are given to the account before anybody asks.
    expect(await crash().reconcile(500n)).toMatchObject({ status: 'credited' })
    const book = crash()
    await time.advance(45_000)
    const settled = { amount: 10n, spent: 10n, isCertain: false }
    expect(await book.reconcile(500n)).toEqual({ status: 'agrees', settled })
    expect(book.spent()).toBe(10n)
    expect(book.unresolved()).toBe(0n)
    // From then on balances tell again.
    await (await book.open('g.x.next', 1n)).reserve(11, nothingYet)
    const last = crash()
    await time.advance(45_000)
    expect(await last.reconcile(496n)).toMatchObject({ settled: { amount: 10n, spent: 4n, isCertain: true } })
    expect(last.spent()).toBe(14n)
  })

  it('counts it as spent when the host was never asked before', async () => {
    const { open, crash, time } = createMedium()
    await (await open().open(address, 1n)).reserve(11, nothingYet)
    const book = crash()
    await time.advance(45_000)
    const settled = { amount: 10n, spent: 10n, isCertain: false }
    expect(await book.reconcile(-3n)).toEqual({ status: 'agrees', settled })
    expect(book.spent()).toBe(10n)
  })
})
