import { describe, expect, it } from 'vitest'
import { autoWindowMax, Window } from './window.js'

/** A path that carries `perMs` payments in a millisecond and takes `idleMs` when it is empty. */
interface Path {
  readonly idleMs: number
  readonly perMs: number
}

/** Keeps the window full on `path` for some rounds; pieces arrive with their fulfillments. */
function run(window: Window, path: Path, rounds: number, from = 1): number {
  let number = from
  for (let round = 0; round < rounds; round++) {
    const size = Math.floor(window.size)
    const delay = Math.max(path.idleMs, size / path.perMs)
    const next = number + size
    for (; number < next; number++) {
      window.measure(number, delay, size === 1, next)
      window.grow(1)
    }
  }
  return number
}

describe('Window', () => {
  it('doubles while the path stays as fast as when idle', () => {
    const window = new Window('auto', 16_384)
    run(window, { idleMs: 5, perMs: 1e6 }, 5)
    expect(window.size).toBe(32)
  })

  it('goes no higher than hosts allow by default', () => {
    const window = new Window('auto', 16_384)
    run(window, { idleMs: 1, perMs: 1e6 }, 50)
    expect(window.size).toBe(autoWindowMax)
  })

  it('goes no higher than it is told', () => {
    const window = new Window('auto', 16)
    run(window, { idleMs: 1, perMs: 1e6 }, 50)
    expect(window.size).toBe(16)
  })

  it.each([
    { idleMs: 0.3, perMs: 35, least: 1000, most: 2000 },
    { idleMs: 1, perMs: 1, least: 30, most: 70 },
    { idleMs: 80, perMs: 10, least: 800, most: 2000 },
    { idleMs: 4000, perMs: 0.01, least: 40, most: 100 },
  ])('keeps a path of $idleMs ms and $perMs per ms busy, with a queue of some milliseconds', (path) => {
    const window = new Window('auto', 16_384)
    let number = run(window, path, 60)
    for (let i = 0; i < 100; i++) {
      number = run(window, path, 1, number)
      expect(window.size).toBeGreaterThan(path.least)
      expect(window.size).toBeLessThan(path.most)
    }
  })

  it('shrinks when the path carries less, and grows again when it carries more', () => {
    const window = new Window('auto', 16_384)
    let number = run(window, { idleMs: 1, perMs: 30 }, 60)
    number = run(window, { idleMs: 1, perMs: 1 }, 30, number)
    expect(window.size).toBeLessThan(100)
    run(window, { idleMs: 1, perMs: 30 }, 60, number)
    expect(window.size).toBeGreaterThan(500)
  })

  it('finds its size again when the path itself becomes slower', () => {
    const window = new Window('auto', 16_384)
    const number = run(window, { idleMs: 1, perMs: 30 }, 60)
    run(window, { idleMs: 300, perMs: 30 }, 100, number)
    expect(window.size).toBeGreaterThan(autoWindowMax / 2)
  })

  it('finds its size fast again after a silence that shrank it to 1', () => {
    const window = new Window('auto', 16_384)
    const path = { idleMs: 1, perMs: 1e6 }
    const number = run(window, path, 8)
    for (let i = 0; i < 20; i++) window.cut()
    expect(window.size).toBe(1)
    run(window, path, 10, number)
    expect(window.size).toBeGreaterThan(200)
  })

  it('follows what the user said, whatever the delay', () => {
    const window = new Window(100, 16_384)
    run(window, { idleMs: 1, perMs: 0.001 }, 20)
    expect(window.size).toBe(100)
  })

  it('halves at a refusal, and not below 1', () => {
    const window = new Window('auto', 16_384)
    run(window, { idleMs: 1, perMs: 1e6 }, 4)
    window.cut()
    expect(window.size).toBe(8)
    for (let i = 0; i < 10; i++) window.cut()
    expect(window.size).toBe(1)
  })

  it('is 1 before anything arrived, however many are fulfilled', () => {
    const window = new Window(500, 16_384)
    for (let number = 1; number < 100; number++) window.measure(number, 1, true, number + 1)
    expect(window.size).toBe(1)
  })
})
