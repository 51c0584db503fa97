import { PassThrough, Writable } from 'node:stream'
import { expect, it } from 'vitest'
import * as Sink from './sink.js'

const bytes = (text: string) => new TextEncoder().encode(text)

it('writes at the pace of its reader', async () => {
  const output = new PassThrough({ highWaterMark: 4 })
  const sink = Sink.create(output, () => {})
  expect(sink.write(bytes('ab'))).toBeUndefined()
  let hasRoom = false
  const waiting = sink.write(bytes('cdef'))?.then(() => {
    hasRoom = true
  })
  expect({ hasRoom, isFull: sink.isFull }).toEqual({ hasRoom: false, isFull: true })
  expect(String(output.read())).toBe('abcdef')
  await waiting
  expect({ hasRoom, isFull: sink.isFull }).toEqual({ hasRoom: true, isFull: false })
})

it('lets go of a writer that waits when the reader goes, and says why', async () => {
  const reasons: string[] = []
  const output = new Writable({ highWaterMark: 1, write() {} })
  const sink = Sink.create(output, (code) => reasons.push(code))
  const waiting = sink.write(bytes('abc'))
  output.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }))
  await waiting
  expect(reasons).toEqual(['EPIPE'])
  expect(sink.gone).toBe(true)
  expect(sink.write(bytes('abc'))).toBeUndefined()
})

it('knows where the line stands', () => {
  const sink = Sink.create(new PassThrough(), () => {})
  expect(sink.atLineStart).toBe(true)
  sink.write(bytes('abc'))
  expect(sink.atLineStart).toBe(false)
  sink.write(bytes('abc\n'))
  expect(sink.atLineStart).toBe(true)
  sink.write(bytes('x'))
  sink.startLine()
  expect(sink.atLineStart).toBe(true)
})
