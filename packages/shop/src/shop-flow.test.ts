import { describe, expect, it } from 'vitest'
import { at, createHandFed, openTestShop, quiet } from './testing/shop.fixture.js'

const fulfilled = { status: 'fulfilled' }
const rejected = (code: string, message?: string) => ({
  status: 'rejected',
  by: 'payee',
  code,
  ...(message === undefined ? {} : { message }),
})

describe('a window of payments', () => {
  it('is fulfilled at once when the pieces are at hand, and leaves in one write', async () => {
    const { open, pay } = await openTestShop()
    const { stream, body } = open({ content: 'x'.repeat(1000) })
    await pay(stream, 1)
    const outcomes = await Promise.all(Array.from({ length: 256 }, (_, i) => pay(stream, i + 2)))
    expect(outcomes.every(({ status }) => status === 'fulfilled')).toBe(true)
    expect(body.writes.map((write) => write.length)).toEqual([1, 256])
  })

  it('needs one promise for the record of the stream, and none after it', async () => {
    const { open, shop, incoming } = await openTestShop()
    const { stream } = open({ content: 'abcdef' })
    const [first, second, third] = [1, 2, 3].map((n) => incoming(stream, n))
    for (const transfer of [first!, second!, third!]) expect(shop.check(transfer)).toBeUndefined()
    const answer = shop.fulfill(first!)
    expect(answer).toBeInstanceOf(Promise)
    await answer
    expect(shop.fulfill(second!)).toBeInstanceOf(Uint8Array)
    expect(shop.fulfill(third!)).toBeInstanceOf(Uint8Array)
  })

  it('leaves nothing of the stream on a transfer that is settled', async () => {
    const { open, shop, incoming } = await openTestShop()
    const { stream } = open({ content: 'abcdef' })
    const transfer = incoming(stream, 1)
    shop.check(transfer)
    await shop.fulfill(transfer)
    expect(transfer.note).toBeDefined()
    shop.settled(transfer, 'fulfilled', at(1))
    expect(transfer.note).toBeUndefined()
  })

  it('brings each payer the content in order, whatever the order of its numbers', async () => {
    const { open, pay } = await openTestShop()
    const { stream, body } = open({ content: 'abcdef' })
    await Promise.all([5, 3, 4, 1, 2].map((n) => pay(stream, n)))
    expect(body.text()).toBe('abcde')
  })
})

describe('the source', () => {
  it('is not read, nor opened, before something is held', async () => {
    const { open, pay } = await openTestShop()
    const fed = createHandFed()
    let opened = 0
    const { stream } = open({
      content: () => {
        opened++
        return fed.reader
      },
    })
    await quiet()
    expect(await pay(stream, 1, { amount: 0n })).toMatchObject(rejected('F04'))
    expect(opened).toBe(0)
    void pay(stream, 1)
    await quiet()
    expect(opened).toBe(1)
    expect(fed.state.reads).toBe(1)
  })

  it('is not read when the body has room before that', async () => {
    const { open } = await openTestShop()
    const fed = createHandFed()
    const { stream } = open({ content: fed.reader })
    stream.drained()
    await quiet()
    expect(fed.state.reads).toBe(0)
  })

  it('is read for what is held and for one piece more, and not further', async () => {
    const { open, pay } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader, piece: 'line' })
    const first = pay(stream, 1)
    await quiet()
    await fed.feed('one\n')
    expect(await first).toMatchObject(fulfilled)
    // One piece beyond what is held, to see the end.
    expect(fed.state.reads).toBe(2)
    await fed.feed('two\n')
    await quiet()
    expect(fed.state.reads).toBe(2)
    expect(body.text()).toBe('one\n')
    expect(await pay(stream, 2)).toMatchObject(fulfilled)
    await quiet()
    expect(fed.state.reads).toBe(3)
    expect(body.text()).toBe('one\ntwo\n')
  })

  it('is not read again as long as its last chunk has pieces enough', async () => {
    const { open, pay } = await openTestShop()
    const fed = createHandFed()
    const { stream } = open({ content: fed.reader })
    const first = pay(stream, 1)
    await quiet()
    await fed.feed('abcd')
    await first
    for (const n of [2, 3]) {
      await pay(stream, n)
      expect(fed.state.reads).toBe(1)
    }
    await pay(stream, 4)
    await quiet()
    expect(fed.state.reads).toBe(2)
  })

  it('may be slow: payments wait for their pieces, in the order in which they were held', async () => {
    const { open, pay } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    const log: number[] = []
    const outcomes = [1, 2, 3].map((n) => pay(stream, n).then(() => log.push(n)))
    await quiet()
    expect(log).toEqual([])
    await fed.feed('a')
    expect(log).toEqual([1])
    expect(body.text()).toBe('a')
    await fed.feed('bc')
    await Promise.all(outcomes)
    expect(log).toEqual([1, 2, 3])
    expect(body.text()).toBe('abc')
  })

  it('may give a piece in parts', async () => {
    const { open, pay } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader, piece: 'bytes:4' })
    const outcome = pay(stream, 1)
    await quiet()
    for (const part of ['a', 'b', '', 'c']) await fed.feed(part)
    expect(body.text()).toBe('')
    await fed.feed('d')
    expect(await outcome).toMatchObject(fulfilled)
    expect(body.text()).toBe('abcd')
  })

  it('is not read beyond the memory of a stream, whatever is held', async () => {
    const { open, pay } = await openTestShop({ limits: { bufferBytesMax: 20 } })
    let chunks = 0
    const content = (function* () {
      for (;;) {
        chunks++
        yield 'x'.repeat(10)
      }
    })()
    const { stream, body } = open({ content, piece: 'bytes:10' })
    await pay(stream, 1)
    body.room = false
    await pay(stream, 2)
    const rest = Array.from({ length: 50 }, (_, i) => pay(stream, i + 3))
    await quiet()
    expect(chunks).toBeLessThanOrEqual(4)
    body.room = true
    stream.drained()
    const outcomes = await Promise.all(rest)
    expect(outcomes.every(({ status }) => status === 'fulfilled')).toBe(true)
    expect(body.text().length).toBe(520)
  })
})

describe('a payment that expires while it waits', () => {
  it('leaves its piece to the next, and its number too', async () => {
    const { open, pay, spent, advance, pair } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    const first = pay(stream, 1, { expiresInMs: 1000 })
    await quiet()
    await advance(1000)
    expect(await first).toEqual({ status: 'expired' })
    expect(pair.held()).toBe(0)
    await fed.feed('abc')
    expect(body.text()).toBe('')
    expect(await pay(stream, 1)).toMatchObject(fulfilled)
    expect(body.text()).toBe('a')
    expect(await spent()).toBe(1n)
  })

  it('does not hold up those behind it', async () => {
    const { open, pay, advance } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    const first = pay(stream, 1, { expiresInMs: 1000 })
    const second = pay(stream, 2)
    await quiet()
    await advance(1000)
    expect(await first).toEqual({ status: 'expired' })
    await fed.feed('abc')
    expect(await second).toMatchObject(fulfilled)
    expect(body.text()).toBe('a')
  })

  it('is not fulfilled within the margin of the rail', async () => {
    const { open, pay, spent, clock } = await openTestShop({
      plugin: (plugin) => ({ ...plugin, info: () => ({ ...plugin.info(), expiryMarginMs: 500 }) }),
    })
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    const first = pay(stream, 1, { expiresInMs: 1000 })
    const second = pay(stream, 2)
    await quiet()
    clock.advance(500)
    await fed.feed('abc')
    expect(await first).toMatchObject(rejected('R02'))
    expect(await second).toMatchObject(fulfilled)
    expect(body.text()).toBe('a')
    expect(await spent()).toBe(1n)
  })

  it('can do so thousands of times behind one that goes on waiting', async () => {
    const { open, pay, advance, pair } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    const first = pay(stream, 1, { expiresInMs: 100_000 })
    for (let round = 0; round < 5; round++) {
      const others = Array.from({ length: 1000 }, (_, i) => pay(stream, i + 2, { expiresInMs: 1000 }))
      await quiet()
      await advance(1000)
      expect((await Promise.all(others)).every(({ status }) => status === 'expired')).toBe(true)
    }
    expect(pair.held()).toBe(1)
    await fed.feed('ab')
    expect(await first).toMatchObject(fulfilled)
    expect(body.text()).toBe('a')
  })
})

describe('a payment that is fulfilled and comes to nothing at the ledger', () => {
  it.each(['expired', 'rejected'] as const)('because it %s gives its pieces and its number back', async (outcome) => {
    const { open, shop, incoming } = await openTestShop()
    const { stream, body } = open({ content: 'a\nbb\nccc\ndddd\n', piece: 'line', pieces: 4 })
    const [first, second, third] = [
      incoming(stream, 1),
      incoming(stream, 2, { amount: 2n, destinationAmount: 2n }),
      incoming(stream, 3),
    ]
    for (const transfer of [first!, second!, third!]) {
      expect(shop.check(transfer)).toBeUndefined()
      expect(await shop.fulfill(transfer)).toBeInstanceOf(Uint8Array)
    }
    shop.settled(second!, outcome, at(0))
    shop.settled(first!, 'fulfilled', at(1))
    shop.settled(third!, 'fulfilled', at(2))
    await quiet()
    expect(body.text()).toBe('a\nbb\n')
    const again = incoming(stream, 2, { amount: 2n, destinationAmount: 2n })
    expect(shop.check(again)).toBeUndefined()
    expect(shop.fulfill(again)).toBeInstanceOf(Uint8Array)
    shop.settled(again, 'fulfilled', at(3))
    await quiet()
    expect(body.text()).toBe('a\nbb\nccc\ndddd\n')
    expect(stream.totals()).toEqual({ paid: 4n, delivered: 4n, owed: 0n, amount: 4n })
  })
})

describe('a body above its high-water mark', () => {
  it('stops all fulfillments until it has drained', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: 'abcdef' })
    body.room = false
    expect(await pay(stream, 1)).toMatchObject(fulfilled)
    const waiting = [pay(stream, 2), pay(stream, 3)]
    await quiet()
    expect(body.text()).toBe('a')
    expect(await spent()).toBe(1n)
    body.room = true
    stream.drained()
    expect(await Promise.all(waiting)).toMatchObject([fulfilled, fulfilled])
    expect(body.text()).toBe('abc')
  })

  it('lets what waits expire, and the payer keep its money', async () => {
    const { open, pay, spent, advance } = await openTestShop()
    const { stream, body } = open({ content: 'abcdef' })
    body.room = false
    await pay(stream, 1)
    const waiting = pay(stream, 2, { expiresInMs: 1000 })
    await quiet()
    await advance(1000)
    expect(await waiting).toEqual({ status: 'expired' })
    expect(await spent()).toBe(1n)
  })

  it('never has more on its way to it than the bound, but always one payment', async () => {
    const { open, pay } = await openTestShop({ limits: { inFlightBytesMax: 100 } })
    const { stream, body } = open({ content: 'x'.repeat(2000), piece: 'bytes:40', pieces: 50 })
    await pay(stream, 1)
    await Promise.all(Array.from({ length: 20 }, (_, i) => pay(stream, i + 2)))
    expect(body.writes.every((write) => write.length <= 100)).toBe(true)
    expect(body.text().length).toBe(840)
    await pay(stream, 30, { amount: 5n })
    expect(body.writes.at(-1)!.length).toBe(200)
  })
})

describe('the end of the content', () => {
  it('rejects what is held beyond it, and ends the body', async () => {
    const { open, pay, spent, named, advance } = await openTestShop()
    const { stream, body } = open({ content: 'ab' })
    const outcomes = await Promise.all([1, 2, 3, 4].map((n) => pay(stream, n)))
    expect(outcomes).toMatchObject([
      fulfilled,
      fulfilled,
      rejected('F99', 'content ended'),
      rejected('F99', 'content ended'),
    ])
    expect(body.text()).toBe('ab')
    expect(body.state).toBe('ended')
    expect(await spent()).toBe(2n)
    expect(named('shop.stream_ended')).toMatchObject([
      { end: 'content_ended', totals: { paid: 2n, delivered: 2n, owed: 0n, amount: 2n } },
    ])
    await advance(1000)
    expect(named('shop.payments_refused')).toMatchObject([{ reason: 'content_ended', count: 2 }])
  })

  it('is seen as soon as the last piece is paid', async () => {
    const { open, pay } = await openTestShop()
    const { stream, body } = open({ content: 'ab' })
    await pay(stream, 1)
    await quiet()
    expect(body.state).toBe('open')
    await pay(stream, 2)
    await quiet()
    expect(body.state).toBe('ended')
  })

  it('may come late', async () => {
    const { open, pay } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    const outcomes = [1, 2, 3].map((n) => pay(stream, n))
    await quiet()
    await fed.feed('a')
    await fed.feed(undefined)
    expect(await Promise.all(outcomes)).toMatchObject([fulfilled, rejected('F99'), rejected('F99')])
    expect(body.text()).toBe('a')
    expect(body.state).toBe('ended')
    expect(fed.state.closed).toBe(true)
  })

  it('comes before the first piece when there is no content', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: '' })
    expect(await pay(stream, 1)).toMatchObject(rejected('F99', 'content ended'))
    expect(body.state).toBe('ended')
    expect(await spent()).toBe(0n)
  })

  it('costs a whole price for a last short piece', async () => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content: 'abcde', piece: 'bytes:3', price: 7n })
    await Promise.all([pay(stream, 1), pay(stream, 2)])
    expect(body.text()).toBe('abcde')
    expect(await spent()).toBe(14n)
  })

  it('is told to later payments for ten minutes, then the stream is unknown', async () => {
    const { open, pay, clock, pair } = await openTestShop()
    const { stream } = open({ content: 'a' })
    await pay(stream, 1)
    await quiet()
    expect(await pay(stream, 2)).toMatchObject(rejected('F99', 'content ended'))
    expect(await pay(stream, 1)).toMatchObject(rejected('F00', 'number was used'))
    expect(await pay(stream, 'x')).toMatchObject(rejected('F00'))
    expect(await pay(stream, 2, { from: pair.customer('bob') })).toMatchObject(
      rejected('F06', 'Another account pays for this stream.'),
    )
    clock.advance(599_999)
    expect(await pay(stream, 2)).toMatchObject(rejected('F99'))
    clock.advance(1)
    expect(await pay(stream, 2)).toMatchObject(rejected('F06', 'There is no such stream: ask for the content again.'))
  })

  it('does not come while a piece is promised that may come back', async () => {
    const { shop, open, incoming } = await openTestShop()
    const { stream, body } = open({ content: 'a' })
    const [first, second] = [incoming(stream, 1), incoming(stream, 2)]
    for (const transfer of [first!, second!]) shop.check(transfer)
    const [answer, later] = [shop.fulfill(first!), shop.fulfill(second!)]
    expect(await answer).toBeInstanceOf(Uint8Array)
    await quiet()
    expect(body.state).toBe('open')
    shop.settled(first!, 'expired', at(0))
    expect(await later).toBeInstanceOf(Uint8Array)
    shop.settled(second!, 'fulfilled', at(1))
    await quiet()
    expect(body.text()).toBe('a')
    expect(body.state).toBe('ended')
  })
})

describe('a source that fails', () => {
  it('rejects what is held with T00, and breaks the body off', async () => {
    const { open, pay, spent, named } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    const outcomes = [1, 2, 3].map((n) => pay(stream, n))
    await quiet()
    await fed.feed('a')
    await fed.fail()
    expect(await Promise.all(outcomes)).toMatchObject([fulfilled, rejected('T00'), rejected('T00')])
    expect(body.text()).toBe('a')
    expect(body.state).toBe('destroyed')
    expect(await spent()).toBe(1n)
    expect(await pay(stream, 4)).toMatchObject(rejected('T00'))
    expect(named('shop.source_failed')).toMatchObject([
      { userId: stream.userId, error: { message: 'the source broke' } },
    ])
    expect(named('shop.stream_ended')).toMatchObject([{ end: 'source_failed', totals: { paid: 1n, delivered: 1n } }])
  })

  it.each<[string, () => never]>([
    [
      'when it is opened',
      () => {
        throw new Error('cannot open')
      },
    ],
  ])('%s, charges nothing', async (_name, content) => {
    const { open, pay, spent } = await openTestShop()
    const { stream, body } = open({ content })
    expect(await pay(stream, 1)).toMatchObject(rejected('T00'))
    expect(body.state).toBe('destroyed')
    expect(await spent()).toBe(0n)
  })

  it('at once on reading, after some pieces, delivers what was fulfilled', async () => {
    const { open, pay, spent } = await openTestShop()
    const content = (function* () {
      yield 'ab'
      throw new Error('broke')
    })()
    const { stream, body } = open({ content })
    const outcomes = await Promise.all([1, 2, 3].map((n) => pay(stream, n)))
    const paid = outcomes.filter(({ status }) => status === 'fulfilled').length
    expect(body.text()).toBe('ab'.slice(0, paid))
    expect(body.state).toBe('destroyed')
    expect(await spent()).toBe(BigInt(paid))
  })

  it('by giving something else than bytes', async () => {
    const { open, pay } = await openTestShop()
    for (const chunk of [7, 'text', null]) {
      const { stream, body } = open({ content: { read: () => chunk, close() {} } as never })
      expect(await pay(stream, 1)).toMatchObject(rejected('T00'))
      expect(body.state).toBe('destroyed')
      const later = open({ content: { read: () => Promise.resolve(chunk), close() {} } as never })
      expect(await pay(later.stream, 1)).toMatchObject(rejected('T00'))
      expect(later.body.state).toBe('destroyed')
    }
  })

  it('because the function that cuts it fails', async () => {
    const { open, pay, spent } = await openTestShop()
    const piece = () => {
      throw new Error('a bug')
    }
    const { stream, body } = open({ content: 'abc', piece })
    expect(await pay(stream, 1)).toMatchObject(rejected('T00'))
    expect(body.state).toBe('destroyed')
    expect(await spent()).toBe(0n)
  })

  it('also when letting go of it fails', async () => {
    const { open, pay } = await openTestShop()
    const reader = {
      read: () => undefined,
      close() {
        throw new Error('no')
      },
    }
    const { stream, body } = open({ content: reader })
    expect(await pay(stream, 1)).toMatchObject(rejected('F99'))
    expect(body.state).toBe('ended')
  })
})

describe('a reader that leaves', () => {
  it('has what it holds rejected, and later payments too', async () => {
    const { open, pay, spent, named } = await openTestShop()
    const fed = createHandFed()
    const { stream, body } = open({ content: fed.reader })
    const first = pay(stream, 1)
    await quiet()
    await fed.feed('a')
    await first
    const held = [2, 3].map((n) => pay(stream, n))
    await quiet()
    stream.left()
    expect(await Promise.all(held)).toMatchObject([rejected('F06'), rejected('F06')])
    expect(await pay(stream, 4)).toMatchObject(rejected('F06', 'The reader of this stream has left.'))
    expect(fed.state.closed).toBe(true)
    expect(body.text()).toBe('a')
    expect(body.state).toBe('open')
    expect(await spent()).toBe(1n)
    expect(named('shop.stream_ended')).toMatchObject([{ end: 'reader_left', totals: { paid: 1n, owed: 0n } }])
  })

  it('between fulfillment and posting is owed the piece', async () => {
    const { open, pay, spent, named } = await openTestShop({
      pair: {
        commit() {
          leave()
        },
      },
    })
    let leave = () => {}
    const { stream, body } = open({ content: 'abc' })
    await pay(stream, 1)
    expect(body.text()).toBe('a')
    leave = () => stream.left()
    expect(await pay(stream, 2)).toMatchObject(fulfilled)
    expect(body.text()).toBe('a')
    expect(await spent()).toBe(2n)
    await quiet()
    expect(named('shop.stream_ended')).toMatchObject([
      { end: 'reader_left', totals: { paid: 2n, delivered: 1n, owed: 1n, amount: 2n } },
    ])
  })

  it('between posting and the write to the body is owed the piece', async () => {
    const { open, shop, incoming, named } = await openTestShop()
    const { stream, body } = open({ content: 'abc' })
    const transfer = incoming(stream, 1)
    shop.check(transfer)
    await shop.fulfill(transfer)
    shop.settled(transfer, 'fulfilled', at(1))
    stream.left()
    await quiet()
    expect(body.text()).toBe('')
    expect(named('shop.stream_ended')).toMatchObject([{ totals: { paid: 1n, delivered: 0n, owed: 1n } }])
  })

  it('is also one whose body fails', async () => {
    const { open, pay, named } = await openTestShop()
    const { stream, body } = open({ content: 'abc' })
    body.write = () => {
      throw new Error('broken pipe')
    }
    expect(await pay(stream, 1)).toMatchObject(fulfilled)
    await quiet()
    expect(await pay(stream, 2)).toMatchObject(rejected('F06'))
    expect(named('shop.stream_ended')).toMatchObject([{ end: 'reader_left' }])
  })

  it('after the end changes nothing', async () => {
    const { open, pay, named } = await openTestShop()
    const { stream, body } = open({ content: 'a' })
    await pay(stream, 1)
    await quiet()
    stream.left()
    stream.drained()
    stream.close()
    expect(body.state).toBe('ended')
    expect(named('shop.stream_ended')).toHaveLength(1)
    expect(await pay(stream, 2)).toMatchObject(rejected('F99'))
  })

  it('does not hurt another one', async () => {
    const { open, pay, pair, spent } = await openTestShop()
    const bob = pair.customer('bob')
    const first = open({ content: 'abcdef' })
    const second = open({ content: 'ABCDEF' })
    await Promise.all([pay(first.stream, 1), pay(second.stream, 1, { from: bob })])
    first.stream.left()
    await Promise.all([pay(first.stream, 2), pay(second.stream, 2, { from: bob })])
    expect(first.body.text()).toBe('a')
    expect(second.body.text()).toBe('AB')
    expect(await spent()).toBe(1n)
    expect(await spent(bob)).toBe(2n)
  })
})
