import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import * as Option from './option.js'
import { isDatabase } from './store-choice.js'

describe('amounts on the command line', () => {
  it('are base units, exactly', () => {
    expect(Option.amount('0')).toBe(0n)
    expect(Option.amount('18446744073709551615')).toBe(2n ** 64n - 1n)
  })

  it.each(['', '-1', '+1', '1.0', '1e3', '01', '0x10', ' 1', '1 ', '1_000', '18446744073709551616', 'abc'])(
    'refuse %j',
    (text) => {
      expect(() => Option.amount(text)).toThrow(Option.OptionError)
    },
  )

  it('refuse a price of nothing', () => {
    expect(Option.price('1')).toBe(1n)
    expect(() => Option.price('0')).toThrow(/at least 1 base unit/)
  })
})

describe('strangers', () => {
  it('are refused, prefunded, or trusted up to a limit', () => {
    expect(Option.strangers('refuse')).toEqual({ policy: 'refuse' })
    expect(Option.strangers('prefunded')).toEqual({ policy: 'prefunded' })
    expect(Option.strangers('credit:5')).toEqual({ policy: 'credit', each: 5n })
    expect(Option.strangers('credit:5,total:20')).toEqual({ policy: 'credit', each: 5n, total: 20n })
  })

  it.each(['', 'credit', 'credit:', 'credit:-1', 'credit:5,total:4', 'credit:5,total:', 'Refuse', 'credit:5,x:1'])(
    'refuse %j',
    (text) => {
      expect(() => Option.strangers(text)).toThrow(Option.OptionError)
    },
  )
})

describe('the store', () => {
  it('is memory, a file, or a database whose URL nobody sees who prints the options', () => {
    expect(Option.store('memory')).toBe('memory')
    expect(Option.store('sqlite')).toBe('sqlite')
    const store = Option.store('postgres://shop:s3cret@db.example/shop')
    if (!isDatabase(store)) throw new Error('It is a database.')
    expect(store.url()).toBe('postgres://shop:s3cret@db.example/shop')
    expect(`${inspect({ store })}${JSON.stringify({ store })}`).not.toContain('s3cret')
  })

  it.each(['', 'Sqlite', 'mysql://shop:s3cret@host/shop', 'postgres:shop'])(
    'refuses %j without repeating it',
    (text) => {
      expect(() => Option.store(text)).toThrow(/^It must be memory, sqlite or postgres:\/\/USER:PASSWORD@/)
    },
  )

  it('is shared by nodes with names', () => {
    expect(Option.node('node-1.shop_a')).toBe('node-1.shop_a')
    for (const text of ['', '-1', 'a b', 'x'.repeat(64)]) expect(() => Option.node(text)).toThrow(Option.OptionError)
  })
})

describe('content', () => {
  it('is letters, a path, or a URL', () => {
    expect(Option.content('letters')).toEqual({ kind: 'letters' })
    expect(Option.content('./letters')).toEqual({ kind: 'path', path: './letters' })
    expect(Option.content('http://localhost:3000')).toEqual({ kind: 'upstream', url: 'http://localhost:3000/' })
    expect(Option.content('C:\\music')).toEqual({ kind: 'path', path: 'C:\\music' })
  })

  it.each(['ftp://example.org/', '', 'http://'])('refuses %j', (text) => {
    expect(() => Option.content(text)).toThrow(Option.OptionError)
  })
})

describe('other values', () => {
  it('has ports from 0 to 65535', () => {
    expect(Option.port('0')).toBe(0)
    expect(Option.port('65535')).toBe(65_535)
    for (const text of ['65536', '-1', '', '80a', '1.5', '000080']) {
      expect(() => Option.port(text), text).toThrow(Option.OptionError)
    }
  })

  it('has windows of auto or at least one', () => {
    expect(Option.window('auto')).toBe('auto')
    expect(Option.window('1')).toBe(1)
    expect(Option.window('16384')).toBe(16_384)
    for (const text of ['0', '16385', 'Auto', '']) expect(() => Option.window(text), text).toThrow(Option.OptionError)
  })

  it('has pieces in the words of Pay-Terms', () => {
    for (const text of ['letter', 'line', 'event', 'bytes:1', 'bytes:1024']) expect(Option.piece(text)).toBe(text)
    for (const text of ['bytes', 'bytes:0', 'bytes:-1', 'byte:1', 'letters', 'opaque', 'bytes:2147483648', '']) {
      expect(() => Option.piece(text), text).toThrow(Option.OptionError)
    }
  })

  it('takes an address without scheme as http', () => {
    expect(Option.payUrl('localhost:8000')).toBe('http://localhost:8000/')
    expect(Option.payUrl('https://example.org/story')).toBe('https://example.org/story')
    for (const text of ['', 'ftp://example.org/', 'http://']) {
      expect(() => Option.payUrl(text), text).toThrow(Option.OptionError)
    }
  })

  it('knows an account id when it sees one', () => {
    expect(Option.account('Zm9vYmFyYmF6cXV4MTIzNA')).toBe('Zm9vYmFyYmF6cXV4MTIzNA')
    for (const text of ['', 'a.b', 'a b', 'é', 'x'.repeat(65), '__proto__ ']) {
      expect(() => Option.account(text), text).toThrow(Option.OptionError)
    }
  })

  it('takes assets with their scale', () => {
    expect(Option.asset('XRP:9')).toEqual({ code: 'XRP', scale: 9 })
    for (const text of ['XRP', 'XRP:', ':9', 'XRP:256', 'X P:9', 'XRP:-1']) {
      expect(() => Option.asset(text), text).toThrow(Option.OptionError)
    }
  })

  it('takes prefixes of ledgers', () => {
    expect(Option.prefix('g.letter-shop.mytrustline.')).toBe('g.letter-shop.mytrustline.')
    for (const text of ['g.shop', '', '.', 'shop.', 'g..']) {
      expect(() => Option.prefix(text), text).toThrow(Option.OptionError)
    }
  })

  it('takes endpoints without credentials, and ledgers with them', () => {
    expect(Option.endpoint('btp+wss://pay.example/')).toBe('btp+wss://pay.example/')
    for (const text of ['ws://pay.example/', 'btp+ws://u:t@pay.example/', 'btp+ws://', '']) {
      expect(() => Option.endpoint(text), text).toThrow(Option.OptionError)
    }
    const ledger = Option.ledgerUri('btp+ws://alice:s3cret@localhost:9000/')
    expect(ledger).toMatchObject({ url: 'ws://localhost:9000/', username: 'alice', token: 's3cret' })
    expect(Option.ledgerUri('btp+ws://:@localhost:9000')).toMatchObject({ username: '', token: '' })
  })

  it('does not repeat a token in what it says', () => {
    expect(() => Option.ledgerUri('ws://alice:s3cret@localhost')).toThrow(/^(?!.*s3cret)/)
  })

  it('counts from one', () => {
    expect(Option.count('1')).toBe(1)
    for (const text of ['0', '-3', '1.5', 'NaN', '9007199254740993', '']) {
      expect(() => Option.count(text), text).toThrow(Option.OptionError)
    }
  })
})

describe('a time', () => {
  it.each([
    ['2026-11-22', Date.UTC(2026, 10, 22)],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
    ['1970-01-01', 0],
    ['2026-11-22T14:30Z', Date.UTC(2026, 10, 22, 14, 30)],
    ['2026-11-22T14:30:05Z', Date.UTC(2026, 10, 22, 14, 30, 5)],
    ['2026-11-22T14:30:05.123Z', Date.UTC(2026, 10, 22, 14, 30, 5, 123)],
    ['2026-11-22T14:30:05+01:00', Date.UTC(2026, 10, 22, 13, 30, 5)],
    ['2026-11-22T00:00:00-23:59', Date.UTC(2026, 10, 22, 23, 59)],
  ])('reads %s', (text, ms) => {
    expect(Option.time(text)).toBe(ms)
  })

  it.each([
    '',
    'now',
    'yesterday',
    '0',
    '1700000000000',
    '2026',
    '2026-11',
    '2026-13-01',
    '2026-00-10',
    '2026-02-29',
    '2026-02-30',
    '2026-04-31',
    '2026-11-22T14:30:05',
    '2026-11-22 14:30:05Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T14:60:00Z',
    '2026-11-22T14:30:60Z',
    '2026-11-22T14:30:05+24:00',
    '2026-11-22T14:30:05.1234Z',
    '1969-12-31',
    '1970-01-01T00:00:00+00:01',
    '+2026-11-22',
    '-2026-11-22',
    '10000-01-01',
    '2026-11-22Z',
    '2026-11-22\n',
    '２０２６-11-22',
  ])('is not %j', (text) => {
    expect(() => Option.time(text)).toThrow(Option.OptionError)
  })
})

describe('a duration', () => {
  it.each([
    ['1s', 1_000],
    ['90m', 5_400_000],
    ['12h', 43_200_000],
    ['90d', 7_776_000_000],
    ['2w', 1_209_600_000],
  ])('reads %s', (text, ms) => {
    expect(Option.duration(text)).toBe(ms)
  })

  it.each(['', '0d', '90', 'd', '-1d', '1.5d', '90D', '1y', '999999999w', '1d ', '1d12h', '1e3s'])(
    'is not %j',
    (text) => {
      expect(() => Option.duration(text)).toThrow(Option.OptionError)
    },
  )
})
