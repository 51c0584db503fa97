/**
 * Content: any stream of bytes, read one chunk at a time and only when a payment is held for it.
 *
 * Chunks that are at hand come without a promise, so that a window of payments for generated content or a buffer is
 * answered in the tick in which it arrived.
 */
import type { Readable } from 'node:stream'
import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web'
import { MillstreamError } from '@millstream/units'

/** Reads content in chunks. Strings are UTF-8. */
export type Content =
  | Uint8Array
  | string
  | ContentReader
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>
  | ReadableStream<Uint8Array>

export interface ContentReader {
  /**
   * The next chunk, which belongs to the caller, or `undefined` at the end. Not called before the promise of the last
   * call has settled, nor after the end or a failure.
   */
  read(): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** Nothing more is wanted: lets go of files and sockets, also while a read is under way. Called once. */
  close(): void
}

/** Takes content of any kind. Nothing is read before the first `read`. */
export function readerOf(content: Content): ContentReader {
  if (typeof content === 'string' || content instanceof Uint8Array) return readerOfChunks([content].values())
  if (isReadable(content)) return readerOfReadable(content)
  if (isReadableStream(content)) return readerOfReadableStream(content)
  if (Symbol.asyncIterator in content) return readerOfAsync(content)
  if (Symbol.iterator in content) return readerOfChunks(content[Symbol.iterator]())
  return content
}

/**
 * Content of a length that was promised: what is read is exactly `bytes` bytes or fails.
 *
 * @throws {ContentLengthError} From `read`.
 */
export function exactly(bytes: number, reader: ContentReader): ContentReader {
  let left = bytes
  return {
    read() {
      const chunk = reader.read()
      return chunk instanceof Promise ? chunk.then(counted) : counted(chunk)
    },
    close: () => reader.close(),
  }

  function counted(chunk: Uint8Array | undefined): Uint8Array | undefined {
    left -= chunk?.length ?? 0
    if (left < 0 || (chunk === undefined && left > 0)) throw new ContentLengthError(bytes, bytes - left)
    return chunk
  }
}

function readerOfChunks(iterator: Iterator<Uint8Array | string>): ContentReader {
  return {
    read() {
      const next = iterator.next()
      return next.done === true ? undefined : bytesOf(next.value)
    },
    close: () => void iterator.return?.(),
  }
}

function readerOfAsync(iterable: AsyncIterable<Uint8Array | string>): ContentReader {
  let iterator: AsyncIterator<Uint8Array | string> | undefined
  return {
    async read() {
      iterator ??= iterable[Symbol.asyncIterator]()
      const next = await iterator.next()
      return next.done === true ? undefined : bytesOf(next.value)
    },
    close() {
      // A generator that is in the middle of a chunk ends after it: its `finally` runs then.
      iterator?.return?.()?.catch(ignore)
    },
  }
}

function readerOfReadable(readable: Readable): ContentReader {
  const reader = readerOfAsync(readable)
  readable.on('error', ignore)
  return { read: () => reader.read(), close: () => void readable.destroy() }
}

function readerOfReadableStream(stream: ReadableStream<Uint8Array>): ContentReader {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  return {
    async read() {
      reader ??= stream.getReader()
      const next = await reader.read()
      return next.done ? undefined : bytesOf(next.value)
    },
    close() {
      const cancelled = reader === undefined ? stream.cancel() : reader.cancel()
      cancelled.catch(ignore)
    },
  }
}

function bytesOf(chunk: unknown): Uint8Array {
  if (typeof chunk === 'string') return utf8.encode(chunk)
  if (chunk instanceof Uint8Array) return chunk
  throw new ContentChunkError(chunk)
}

function isReadable(content: object): content is Readable {
  return 'pipe' in content && 'destroy' in content && Symbol.asyncIterator in content
}

function isReadableStream(content: object): content is ReadableStream<Uint8Array> {
  return 'getReader' in content && 'cancel' in content
}

/** What a source says after it was let go interests nobody. */
function ignore(): void {}

const utf8 = new TextEncoder()

export class ContentChunkError extends MillstreamError {
  override readonly name = 'Content.ContentChunkError'
  readonly code = 'CONTENT_CHUNK'
  constructor(chunk: unknown) {
    super(`Content comes in byte arrays or strings, not ${chunk === null ? 'null' : `a ${typeof chunk}`}.`)
  }
}

export class ContentLengthError extends MillstreamError {
  override readonly name = 'Content.ContentLengthError'
  readonly code = 'CONTENT_LENGTH'
  constructor(promised: number, found: number) {
    super(
      found < promised
        ? `The content ended after ${found} of ${promised} bytes.`
        : `The content goes on after the ${promised} bytes that it should have.`,
    )
  }
}
