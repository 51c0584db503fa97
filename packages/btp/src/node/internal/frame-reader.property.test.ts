import { randomFillSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createFrameReader } from './frame-reader.js'
import { createFrameWriter } from './frame-writer.js'

/** Frames as RFC 6455 section 5.2 says, written apart from the code under test. */
function encodeFrame(first: number, payload: Uint8Array, mask: Uint8Array | undefined): Buffer {
  const { length } = payload
  const bit = mask === undefined ? 0 : 0x80
  const head =
    length < 126
      ? [first, bit | length]
      : length < 65_536
        ? [first, bit | 126, length >> 8, length & 255]
        : [first, bit | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255]
  const body = mask === undefined ? payload : payload.map((byte, i) => byte ^ mask[i % 4]!)
  return Buffer.from([...head, ...(mask ?? []), ...body])
}

/** Cuts bytes at the given places, counted in thousandths of the whole. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => Math.floor((cut * bytes.length) / 1_000)).sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, i) => Buffer.from(bytes.subarray(places[i]!, end)))
}

const payload = fc
  .oneof(fc.integer({ min: 0, max: 200 }), fc.constantFrom(125, 126, 127, 4_095, 65_535, 65_536, 69_632))
  .map((length) => randomFillSync(new Uint8Array(length)))
const control = fc.record({ first: fc.constantFrom(0x89, 0x8a), payload: fc.uint8Array({ maxLength: 125 }) })
const text = fc.record({ first: fc.constant(0x81), payload: fc.uint8Array({ maxLength: 300 }) })
const binary = payload.map((bytes) => ({ first: 0x82, payload: bytes }))
const fragmented = fc
  .array(fc.uint8Array({ maxLength: 200 }), { minLength: 2, maxLength: 4 })
  .map((parts) =>
    parts.map((part, i) => ({ first: i === 0 ? 0x02 : i < parts.length - 1 ? 0x00 : 0x80, payload: part })),
  )
const frames = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: binary.map((frame) => [frame]) },
      control.map((frame) => [frame]),
      text.map((frame) => [frame]),
      fragmented,
    ),
    { maxLength: 12 },
  )
  .map((groups) => groups.flat())
const cuts = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 40 })

describe('the fast lane of reading', () => {
  it('gives whole binary messages to the listener and every other byte to ws, however they are split', () => {
    fc.assert(
      fc.property(
        frames,
        cuts,
        fc.boolean(),
        fc.uint8Array({ minLength: 4, maxLength: 4 }),
        (sent, places, isServer, mask) => {
          const messages: string[] = []
          const passed: Buffer[] = []
          const reader = createFrameReader({
            isServer,
            bytesMax: 69_632,
            message: (bytes) => void messages.push(Buffer.from(bytes).toString('hex')),
            pass: (bytes) => void passed.push(Buffer.from(bytes)),
          })
          const encoded = sent.map((frame) => encodeFrame(frame.first, frame.payload, isServer ? mask : undefined))
          for (const chunk of split(Buffer.concat(encoded), places)) reader.read(chunk)
          expect(messages).toEqual(
            sent.flatMap((frame) => (frame.first === 0x82 ? [Buffer.from(frame.payload).toString('hex')] : [])),
          )
          const others = encoded.filter((_, i) => sent[i]!.first !== 0x82)
          expect(Buffer.concat(passed).equals(Buffer.concat(others))).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('gives everything from the first impossible frame on to ws, and then nothing more', () => {
    const impossible = [
      [0xc2, 0x80, 1, 2, 3, 4],
      [0x83, 0x80, 1, 2, 3, 4],
      [0x82, 0x01, 7],
      [0x80, 0x80, 1, 2, 3, 4],
      [0x09, 0x80, 1, 2, 3, 4],
      [0x89, 0xfe, 0, 126],
      [0x8b, 0x80, 1, 2, 3, 4],
      [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x10, 0x01],
      [0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x02, 0x80, 1, 2, 3, 4, 0x82, 0x80, 1, 2, 3, 4],
    ]
    const good = encodeFrame(0x82, Uint8Array.of(1), Uint8Array.of(1, 2, 3, 4))
    for (const bytes of impossible) {
      const messages: number[] = []
      const passed: Buffer[] = []
      const reader = createFrameReader({
        isServer: true,
        bytesMax: 69_632,
        message: (message) => void messages.push(message.length),
        pass: (some) => void passed.push(Buffer.from(some)),
      })
      reader.read(Buffer.from(good))
      reader.read(Buffer.from([...bytes, ...good]))
      reader.read(Buffer.from(good))
      expect(messages).toEqual([1])
      expect(Buffer.concat(passed)).toEqual(Buffer.from([...bytes, ...good]))
    }
  })

  it('looks at nothing after a close frame, nor after it was stopped', () => {
    const messages: number[] = []
    const passed: number[] = []
    const options = {
      isServer: false,
      bytesMax: 100,
      message: (message: Uint8Array) => void messages.push(message.length),
      pass: (some: Buffer) => void passed.push(some.length),
    }
    const good = encodeFrame(0x82, Uint8Array.of(1), undefined)
    createFrameReader(options).read(Buffer.concat([encodeFrame(0x88, Uint8Array.of(3, 232), undefined), good]))
    expect([messages, passed]).toEqual([[], [4]])
    const reader = createFrameReader(options)
    reader.read(good.subarray(0, 2))
    reader.stop()
    reader.read(good.subarray(2))
    reader.read(good)
    expect([messages, passed]).toEqual([[], [4]])
  })

  it('takes no more memory for a frame than has come of it', () => {
    const reader = createFrameReader({
      isServer: true,
      bytesMax: 69_632,
      message: () => undefined,
      pass: () => undefined,
    })
    const before = process.memoryUsage().arrayBuffers
    reader.read(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x0f, 0xff, 1, 2, 3, 4, 5]))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16_384)
  })

  it('never throws and never makes up a message, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), cuts, fc.boolean(), (bytes, places, isServer) => {
        let given = 0
        const reader = createFrameReader({
          isServer,
          bytesMax: 100,
          message(message) {
            given += message.length
          },
          pass(some) {
            given += some.length
          },
        })
        for (const chunk of split(Buffer.from(bytes), places)) reader.read(chunk)
        expect(given).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('the fast lane of writing', () => {
  it('writes what the fast lane of reading reads, as one write for all that was sent', () => {
    fc.assert(
      fc.property(fc.array(payload, { minLength: 1, maxLength: 20 }), fc.boolean(), (payloads, isServer) => {
        const written: Buffer[] = []
        const writer = createFrameWriter({ isServer, flushAt: 'tick', write: (bytes) => void written.push(bytes) })
        for (const each of payloads) writer.send(each)
        expect(writer.pendingBytes).toBe(payloads.reduce((sum, { length }) => sum + length, 0))
        writer.flush()
        writer.flush()
        expect([written.length, writer.pendingBytes]).toEqual([1, 0])
        const messages: Buffer[] = []
        const reader = createFrameReader({
          isServer: !isServer,
          bytesMax: 69_632,
          message: (bytes) => void messages.push(Buffer.from(bytes)),
          pass: () => expect.unreachable(),
        })
        reader.read(Buffer.from(written[0]!))
        expect(messages.map((bytes) => bytes.toString('hex'))).toEqual(
          payloads.map((bytes) => Buffer.from(bytes).toString('hex')),
        )
      }),
      { numRuns: 100 },
    )
  })

  it('never writes again to bytes that it has given away', async () => {
    const written: { bytes: Buffer; copy: string }[] = []
    const write = (bytes: Buffer) => void written.push({ bytes, copy: bytes.toString('hex') })
    const writers = [true, false].map((isServer) => createFrameWriter({ isServer, flushAt: 'tick', write }))
    for (let i = 0; i < 500; i++) {
      for (const writer of writers) writer.send(new Uint8Array(300).fill(i))
      if (i % 3 === 0) writers[i % 2]!.flush()
      if (i % 7 === 0) await new Promise((resolve) => void setImmediate(resolve))
    }
    expect(written.length).toBeGreaterThan(100)
    expect(written.filter(({ bytes, copy }) => bytes.toString('hex') !== copy)).toEqual([])
  })

  it('writes at the end of the tick, or of the turn', async () => {
    const order: string[] = []
    const write = (name: string) => () => void order.push(name)
    createFrameWriter({ isServer: true, flushAt: 'turn', write: write('turn') }).send(new Uint8Array(1))
    createFrameWriter({ isServer: true, flushAt: 'tick', write: write('tick') }).send(new Uint8Array(1))
    order.push('sent')
    await new Promise((resolve) => void setImmediate(resolve))
    expect(order).toEqual(['sent', 'tick', 'turn'])
  })
})
