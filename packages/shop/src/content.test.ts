import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import { describe, expect, it } from 'vitest'
import {
  type Content,
  ContentChunkError,
  ContentLengthError,
  type ContentReader,
  exactly,
  readerOf,
} from './content.js'

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString())

async function readAll(reader: ContentReader): Promise<string> {
  let all = ''
  for (;;) {
    const chunk = await reader.read()
    if (chunk === undefined) return all
    all += text(chunk)
  }
}

async function* generated(): AsyncGenerator<Uint8Array | string> {
  yield Buffer.from('ab')
  yield 'ü'
}

describe('content', () => {
  it.each<[string, () => Content]>([
    ['a string', () => 'abü'],
    ['bytes', () => Buffer.from('abü')],
    ['an array of chunks', () => ['a', Buffer.from('b'), 'ü']],
    ['an async generator', () => generated()],
    ['a Readable', () => Readable.from([Buffer.from('ab'), Buffer.from('ü')])],
    [
      'a ReadableStream',
      () => ReadableStream.from([Buffer.from('ab'), Buffer.from('ü')]) as ReadableStream<Uint8Array>,
    ],
    ['a reader', () => readerOf('abü')],
  ])('may be %s', async (_name, content) => {
    expect(await readAll(readerOf(content()))).toBe('abü')
  })

  it('that is at hand needs no promise', () => {
    const reader = readerOf(['a', 'b'])
    expect(text(reader.read() as Uint8Array)).toBe('a')
    expect(text(reader.read() as Uint8Array)).toBe('b')
    expect(reader.read()).toBeUndefined()
  })

  it('is not read before it is asked for', () => {
    let read = 0
    readerOf({
      [Symbol.asyncIterator]() {
        read++
        return generated()
      },
    })
    expect(read).toBe(0)
  })

  it.each([7, null, {}, undefined])('that comes in chunks like %s fails', async (chunk) => {
    const reader = readerOf([chunk] as unknown as Content)
    expect(() => reader.read()).toThrow(ContentChunkError)
  })

  it('hands on what its source throws', async () => {
    const failing = (async function* () {
      yield 'a'
      throw new Error('no more')
    })()
    const reader = readerOf(failing)
    expect(text(await reader.read())).toBe('a')
    await expect(reader.read()).rejects.toThrow('no more')
  })
})

describe('closing content', () => {
  it('runs the finally of a generator', async () => {
    let closed = false
    async function* generate() {
      try {
        yield 'a'
        yield 'b'
      } finally {
        closed = true
      }
    }
    const reader = readerOf(generate())
    await reader.read()
    reader.close()
    await Promise.resolve()
    expect(closed).toBe(true)
  })

  it('runs the finally of a synchronous generator', () => {
    let closed = false
    function* generate() {
      try {
        yield 'a'
        yield 'b'
      } finally {
        closed = true
      }
    }
    const reader = readerOf(generate())
    reader.read()
    reader.close()
    expect(closed).toBe(true)
  })

  it.each([
    ['that was never read', false],
    ['while a read is under way', true],
  ])('destroys a Readable %s', async (_name, reading) => {
    const readable = new Readable({ read() {} })
    const reader = readerOf(readable)
    const pending = reading ? (reader.read() as Promise<unknown>).catch((error) => error.code) : undefined
    await Promise.resolve()
    reader.close()
    expect(readable.destroyed).toBe(true)
    if (pending !== undefined) expect(await pending).toBe('ERR_STREAM_PREMATURE_CLOSE')
  })

  it.each([
    ['that was never read', false],
    ['while a read is under way', true],
  ])('cancels a ReadableStream %s', async (_name, reading) => {
    let cancelled = false
    const stream = new ReadableStream<Uint8Array>({
      cancel() {
        cancelled = true
      },
    })
    const reader = readerOf(stream)
    const pending = reading ? reader.read() : undefined
    reader.close()
    expect(cancelled).toBe(true)
    expect(await pending).toBeUndefined()
  })

  it('does not mind a Readable that fails after that', async () => {
    const readable = new Readable({ read() {} })
    readerOf(readable).close()
    const closed = new Promise((resolve) => readable.on('close', resolve))
    readable.destroy(new Error('late'))
    await closed
    expect(readable.destroyed).toBe(true)
  })
})

describe('content of a promised length', () => {
  it('may have exactly that', async () => {
    expect(await readAll(exactly(4, readerOf(['ab', 'cd'])))).toBe('abcd')
    expect(await readAll(exactly(4, readerOf(generated())))).toBe('abü')
    expect(await readAll(exactly(0, readerOf([])))).toBe('')
  })

  it.each([3, 5])('fails when it is %s bytes and not 4', async (bytes) => {
    await expect(readAll(exactly(bytes, readerOf(['ab', 'cd'])))).rejects.toThrow(ContentLengthError)
    await expect(readAll(exactly(bytes, readerOf(generated())))).rejects.toThrow(ContentLengthError)
  })
})
