import { describe, expect, it } from 'vitest'
import * as Logs from './logs.js'

function written(readable: boolean, level: Logs.Level = 'info') {
  const texts: string[] = []
  const logger = Logs.create({ level, readable, write: (text) => texts.push(text) })
  return { observe: Logs.observer(logger), logger, texts }
}

describe('logs', () => {
  it('are one JSON object a line, amounts as text', () => {
    const { observe, texts } = written(false)
    const event = { name: 'shop.stream_ended', level: 'info', pieces: 5n, user: 'u' } as const
    observe(event)
    expect(texts).toHaveLength(1)
    expect(JSON.parse(texts[0]!)).toMatchObject({ level: 'info', msg: 'shop.stream_ended', pieces: '5', user: 'u' })
    expect(texts[0]).toMatch(/\}\n$/)
  })

  it('are readable on a terminal, whatever a peer sent', () => {
    const { observe, texts } = written(true)
    const event = { name: 'btp.refused', level: 'warn', address: '::1', reason: 'x\u001b[2J\ny' } as const
    observe(event)
    expect(texts[0]).toMatch(/^\d\d:\d\d:\d\d warn {2}btp\.refused address=::1 reason=x\ufffd\[2J y\n$/)
  })

  it('leave out what is below their level', () => {
    const { observe, texts } = written(false, 'warn')
    const event = { name: 'a.b', level: 'info' } as const
    observe(event)
    expect(texts).toEqual([])
  })

  it('strike out what is called like a secret', () => {
    const { observe, texts } = written(false)
    const event = { name: 'a.b', level: 'info', token: 'hush', secret: 'hush', fulfillment: 'hush' } as const
    observe(event)
    expect(texts[0]).not.toContain('hush')
  })
})
