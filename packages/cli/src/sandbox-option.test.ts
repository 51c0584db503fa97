import { describe, expect, it } from 'vitest'
import { OptionError } from './option.js'
import { closeEvery, funded } from './sandbox-option.js'

const address = 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj'

describe('an account that is funded', () => {
  it('is said in XRP down to the drop', () => {
    expect(funded(`${address}=1000`)).toEqual({ address, drops: 1_000_000_000n })
    expect(funded(`${address}=0.000001`)).toEqual({ address, drops: 1n })
  })

  it.each([address, `${address}=`, `${address}=0`, `${address}=1.0000001`, `${address}=-1`, 'bob=1', `=${address}`])(
    'is not %s',
    (text) => {
      expect(() => funded(text)).toThrow(OptionError)
    },
  )
})

describe('how often a ledger closes', () => {
  it('is a number of milliseconds, or never by itself', () => {
    expect([closeEvery('1'), closeEvery('3600000'), closeEvery('manual')]).toEqual([1, 3_600_000, 'manual'])
  })

  it.each(['0', '-5', '1.5', '3600001', 'never', ''])('is not %s', (text) => {
    expect(() => closeEvery(text)).toThrow(OptionError)
  })
})
