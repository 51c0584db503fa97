import { afterEach, expect, it } from 'vitest'
import * as Signals from './signals.js'

let signals: Signals.Signals

afterEach(() => signals.close())

it('tells the first signal from the second, whichever they are', async () => {
  signals = Signals.listen()
  process.emit('SIGINT', 'SIGINT')
  process.emit('SIGTERM', 'SIGTERM')
  process.emit('SIGTERM', 'SIGTERM')
  expect(await signals.first).toBe('SIGINT')
  expect(await signals.second).toBe('SIGTERM')
})

it('leaves no listeners', () => {
  const before = process.listenerCount('SIGINT')
  signals = Signals.listen()
  signals.close()
  expect(process.listenerCount('SIGINT')).toBe(before)
})
