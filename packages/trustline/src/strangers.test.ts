import { describe, expect, it } from 'vitest'
import { parseStrangers, StrangersSyntaxError, strangersCredit, strangersTotal } from './strangers.js'

describe('parseStrangers', () => {
  it('reads the three policies', () => {
    expect(parseStrangers('refuse')).toEqual({ policy: 'refuse' })
    expect(parseStrangers('prefunded')).toEqual({ policy: 'prefunded' })
    expect(parseStrangers('credit:5')).toEqual({ policy: 'credit', each: 5n })
    expect(parseStrangers('credit:5,total:20')).toEqual({ policy: 'credit', each: 5n, total: 20n })
  })

  it.each(['', 'credit', 'credit:', 'credit:-1', 'credit:1.5', 'credit:5,total:4', 'credit:5,total:', 'Refuse'])(
    'does not take %j',
    (text) => {
      expect(() => parseStrangers(text)).toThrow(StrangersSyntaxError)
    },
  )
})

describe('what strangers may owe', () => {
  it('is a hundred times the credit of one, where no total is said', () => {
    expect(strangersTotal({ policy: 'credit', each: 5n })).toBe(500n)
    expect(strangersTotal({ policy: 'credit', each: 5n, total: 20n })).toBe(20n)
    expect(strangersCredit({ policy: 'credit', each: 5n })).toBe(5n)
  })

  it('is nothing under the other policies', () => {
    expect(strangersTotal({ policy: 'prefunded' })).toBe(0n)
    expect(strangersCredit({ policy: 'refuse' })).toBe(0n)
  })
})
