import { describe, expect, it } from 'vitest'
import { Emitter } from './emitter.js'

class Announcer extends Emitter {
  readonly failures: unknown[] = []
  say(event: string, ...args: unknown[]): void {
    this.announce(event, args, (error) => this.failures.push(error))
  }
}

describe('the emitter', () => {
  it('calls listeners in the order of their registration, those of all events first', () => {
    const emitter = new Emitter()
    const calls: unknown[] = []
    emitter.on('a', (...args) => calls.push(['first', ...args]))
    emitter.addListener('a', (...args) => calls.push(['second', ...args]))
    emitter.onAny((...args) => calls.push(['any', ...args]))
    expect(emitter.emit('a', 1, 2)).toBe(true)
    expect(emitter.emit('b')).toBe(true)
    expect(calls).toEqual([
      ['any', 'a', 1, 2],
      ['first', 1, 2],
      ['second', 1, 2],
      ['any', 'b'],
    ])
  })

  it('takes a function alone as a listener of all events', () => {
    const emitter = new Emitter()
    const calls: unknown[] = []
    emitter.on((event: string) => calls.push(event))
    emitter.emit('a')
    expect(calls).toEqual(['a'])
  })

  it('calls some listeners a number of times only', () => {
    const emitter = new Emitter()
    const calls: string[] = []
    emitter.once('a', () => calls.push('once'))
    emitter.many('a', 2, () => calls.push('twice'))
    for (let i = 0; i < 3; i++) emitter.emit('a')
    expect(calls).toEqual(['once', 'twice', 'twice'])
    expect(emitter.listenerCount('a')).toBe(0)
  })

  it('lets go of listeners, those of once too', () => {
    const emitter = new Emitter()
    const calls: string[] = []
    const listener = () => calls.push('heard')
    emitter.once('a', listener).off('a', listener)
    emitter.on('a', listener).removeListener('a', listener)
    emitter.onAny(listener).offAny(listener)
    emitter.onAny(listener).offAny()
    emitter.on('a', listener).removeAllListeners('a')
    emitter.on('a', listener).on('b', listener).removeAllListeners()
    emitter.off('a', listener)
    emitter.emit('a')
    emitter.emit('b')
    expect(calls).toEqual([])
    expect(emitter.listeners('a')).toEqual([])
  })

  it('is not disturbed by a listener that changes the list', () => {
    const emitter = new Emitter()
    const calls: string[] = []
    const last = () => calls.push('last')
    emitter.on('a', () => emitter.off('a', last))
    emitter.on('a', () => emitter.on('a', () => calls.push('new')))
    emitter.on('a', last)
    emitter.emit('a')
    expect(calls).toEqual(['last'])
  })

  it('takes functions only', () => {
    const emitter = new Emitter()
    expect(() => emitter.on('a', undefined)).toThrow(TypeError)
    expect(() => emitter.onAny('a' as never)).toThrow(TypeError)
    expect(() => emitter.off('a', 'b' as never)).toThrow(TypeError)
  })

  it('throws an error that nobody listens for', async () => {
    const error = new Error('lost')
    expect(() => new Emitter().emit('error', error)).toThrow(error)
    expect(() => new Emitter().emit('error', 'lost')).toThrow('lost')
    await expect(new Emitter().emitAsync('error', error)).rejects.toBe(error)
    expect(new Emitter().on('error', () => undefined).emit('error', error)).toBe(true)
  })

  it('gathers what listeners give', async () => {
    const emitter = new Emitter()
    emitter.on('a', () => 1)
    emitter.on('a', async () => 2)
    expect(await emitter.emitAsync('a')).toEqual([1, 2])
    expect(await emitter.emitAsync('b')).toEqual([])
  })

  it('announces to everybody whatever one does', async () => {
    const emitter = new Announcer()
    const calls: string[] = []
    emitter.on('a', () => {
      throw new Error('thrown')
    })
    emitter.on('a', () => Promise.reject(new Error('rejected')))
    emitter.on('a', () => calls.push('heard'))
    emitter.say('a')
    emitter.say('error', new Error('nobody listens'))
    await Promise.resolve()
    expect(calls).toEqual(['heard'])
    expect(emitter.failures).toEqual([new Error('thrown'), new Error('rejected')])
  })
})
