import { describe, expect, it } from 'vitest'
import { createNumbers, isUsed, numbersWindow, parseNumber } from './numbers.js'

describe('payment numbers', () => {
  it('are free once, in use while held, and used after that', () => {
    const numbers = createNumbers()
    expect(numbers.judge(1)).toBe('free')
    expect(numbers.hold(1)).toBe('free')
    expect(numbers.judge(1)).toBe('in_use')
    expect(numbers.hold(1)).toBe('in_use')
    numbers.use(1)
    expect(numbers.judge(1)).toBe('used')
    expect(numbers.hold(1)).toBe('used')
    expect(numbers.hold(2)).toBe('free')
  })

  it('are free again when their payment came to nothing', () => {
    const numbers = createNumbers()
    numbers.hold(5)
    numbers.release(5)
    expect(numbers.hold(5)).toBe('free')
  })

  it('stay used when a payment that is not theirs is released', () => {
    const numbers = createNumbers()
    numbers.hold(1)
    numbers.use(1)
    numbers.release(1)
    numbers.release(99)
    expect(numbers.judge(1)).toBe('used')
    expect(numbers.judge(99)).toBe('free')
  })

  it('reach as far as the window at first, and not further', () => {
    const numbers = createNumbers()
    expect(numbers.judge(numbersWindow)).toBe('free')
    expect(numbers.judge(numbersWindow + 1)).toBe('beyond_window')
    expect(numbers.hold(numbersWindow + 1)).toBe('beyond_window')
  })

  it('reach as far as the window above the highest that was posted', () => {
    const numbers = createNumbers()
    for (let n = 1; n <= 10; n++) numbers.use(n)
    expect(numbers.judge(10 + numbersWindow)).toBe('free')
    expect(numbers.judge(10 + numbersWindow + 1)).toBe('beyond_window')
  })

  it('are never passed by the floor while they are held', () => {
    const numbers = createNumbers()
    numbers.use(1)
    numbers.hold(2)
    numbers.use(3)
    expect(numbers.judge(2 + numbersWindow)).toBe('beyond_window')
    expect(numbers.judge(1 + numbersWindow)).toBe('free')
    numbers.release(2)
    expect(numbers.hold(2 + numbersWindow)).toBe('free')
    expect(numbers.judge(2)).toBe('used')
  })

  it('that were skipped are lost when the floor passes them', () => {
    const numbers = createNumbers()
    numbers.use(100)
    expect(numbers.judge(99)).toBe('free')
    expect(numbers.hold(100 + numbersWindow)).toBe('free')
    expect(numbers.judge(99)).toBe('used')
    expect(numbers.judge(101)).toBe('free')
  })

  it('go up to the largest safe integer', () => {
    const numbers = createNumbers({ floor: Number.MAX_SAFE_INTEGER - 3, numbers: new Uint8Array() })
    expect(numbers.hold(Number.MAX_SAFE_INTEGER)).toBe('free')
    numbers.use(Number.MAX_SAFE_INTEGER)
    expect(numbers.judge(Number.MAX_SAFE_INTEGER)).toBe('used')
    expect(numbers.judge(Number.MAX_SAFE_INTEGER - 1)).toBe('free')
  })

  it('that came in order leave a snapshot without bits', () => {
    const numbers = createNumbers()
    for (let n = 1; n <= 20_000; n++) {
      if (numbers.hold(n) === 'free') numbers.use(n)
    }
    expect(numbers.snapshot()).toEqual({ floor: 20_000, numbers: new Uint8Array() })
  })

  it('that came out of order leave their bits above the floor', () => {
    const numbers = createNumbers()
    for (const n of [1, 2, 4, 12]) numbers.use(n)
    const snapshot = numbers.snapshot()
    expect(snapshot).toEqual({ floor: 2, numbers: Uint8Array.of(0b10, 0b10) })
    const used = Array.from({ length: 40 }, (_, n) => n).filter((n) => isUsed(snapshot, n))
    expect(used).toEqual([0, 1, 2, 4, 12])
    expect(isUsed(snapshot, Number.MAX_SAFE_INTEGER)).toBe(false)
  })

  it('do not count as used in a snapshot while they are held', () => {
    const numbers = createNumbers()
    numbers.hold(1)
    numbers.hold(2)
    numbers.use(2)
    expect(numbers.snapshot()).toEqual({ floor: 0, numbers: Uint8Array.of(0b10) })
  })
})

describe('reading a payment number', () => {
  it.each([
    ['1', 1],
    ['42', 42],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('takes %s', (text, number) => {
    expect(parseNumber(text, 0)).toBe(number)
    expect(parseNumber(`g.shop.${text}`, 7)).toBe(number)
  })

  it.each([
    '',
    '0',
    '01',
    '00',
    '-1',
    '+1',
    '1.0',
    ' 1',
    '1 ',
    'x',
    '1e3',
    '٣',
    '9007199254740992',
    '10000000000000000',
  ])('does not take %j', (text) => {
    expect(parseNumber(text, 0)).toBe(0)
  })
})
