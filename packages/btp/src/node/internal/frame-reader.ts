/**
 * The fast lane of reading a WebSocket: whole, unfragmented binary messages (RFC 6455 section 5.2) go straight to
 * their listener; the bytes of every other frame (control frames, text, fragments, anything out of order) go to `ws`,
 * which knows all of the protocol. `ws` alone makes several objects for each message, and there are four messages in a
 * payment: the lane halves what a message costs. Measured: see the commit that made it.
 */

export interface FrameReaderOptions {
  /** A server's peer masks, a client's peer does not: the other thing is an error. */
  readonly isServer: boolean
  /** Longest message of the lane; `ws` has the same limit and closes with 1009 beyond it. */
  readonly bytesMax: number
  /** One message. The bytes are a view into a buffer that nobody writes to again. */
  readonly message: (bytes: Uint8Array) => void
  /** Bytes of other frames, in order, for `ws`. */
  readonly pass: (bytes: Buffer) => void
}

export interface FrameReader {
  /** Takes what the connection delivered, split anywhere. */
  read(chunk: Buffer): void
  /** Nothing that comes later is looked at: the connection is being closed, or `ws` has found an error. */
  stop(): void
}

const finalBinary = 0x82
const opcodeContinuation = 0
const opcodeBinary = 2
const opcodeClose = 8
const opcodePong = 10
const controlBytesMax = 125
const headBytesMin = 2
const maskBytes = 4
const partialBytesMin = 1_024

export function createFrameReader(options: FrameReaderOptions): FrameReader {
  const { isServer, bytesMax, message, pass } = options
  let isStopped = false
  /** Inside a fragmented message, which belongs to `ws` as a whole. */
  let isFragmented = false
  /** Bytes to come of a frame of which the beginning was passed. */
  let passing = 0
  let isPassingClose = false
  /** The beginning of a frame, header included, of which the end has not come. */
  let partial: Buffer | undefined
  let partialLength = 0
  /** How many bytes of it would tell more. */
  let needed = 0

  return {
    read(chunk) {
      let offset = 0
      while (offset < chunk.length && !isStopped) {
        if (passing > 0) offset = passOn(chunk, offset, chunk.length)
        else if (partial !== undefined) offset = fill(partial, chunk, offset)
        else offset = take(chunk, offset, chunk.length)
      }
    },
    stop() {
      isStopped = true
      partial = undefined
    },
  }

  /** Handles the frame at `offset`, or keeps what there is of it. Returns where to go on. */
  function take(chunk: Buffer, offset: number, end: number): number {
    const available = end - offset
    if (available < headBytesMin) return keep(chunk, offset, end, headBytesMin)
    const first = chunk[offset]!
    const second = chunk[offset + 1]!
    const isMasked = second >= 0x80
    let length = second & 0x7f
    let head = headBytesMin
    if (isMasked !== isServer || !isPossible(first, length)) return passError(chunk, offset, end)
    if (length === 126) {
      head = 4
      if (available < head) return keep(chunk, offset, end, head)
      length = (chunk[offset + 2]! << 8) | chunk[offset + 3]!
    } else if (length === 127) {
      head = 10
      if (available < head) return keep(chunk, offset, end, head)
      length = chunk.readUInt32BE(offset + 2) * 0x1_0000_0000 + chunk.readUInt32BE(offset + 6)
    }
    if (isMasked) head += maskBytes
    if (length > bytesMax) return passError(chunk, offset, end)
    if (first !== finalBinary) {
      const opcode = first & 0x0f
      if (opcode <= opcodeBinary) isFragmented = first < 0x80
      isPassingClose = opcode === opcodeClose
      passing = head + length
      return passOn(chunk, offset, end)
    }
    if (available < head + length) return keep(chunk, offset, end, head + length)
    const start = offset + head
    if (isMasked) unmask(chunk, start, length)
    message(new Uint8Array(chunk.buffer, chunk.byteOffset + start, length))
    return start + length
  }

  /** `ws` finds the same error and closes the connection. What follows has no meaning. */
  function passError(chunk: Buffer, offset: number, end: number): number {
    pass(chunk.subarray(offset, end))
    isStopped = true
    return end
  }

  /** @param length - The 7 bits of it in the second byte. */
  function isPossible(first: number, length: number): boolean {
    const opcode = first & 0x0f
    if ((first & 0x70) !== 0) return false
    if (opcode >= opcodeClose) return first >= 0x80 && opcode <= opcodePong && length <= controlBytesMax
    return opcode === opcodeContinuation ? isFragmented : opcode <= opcodeBinary && !isFragmented
  }

  function passOn(chunk: Buffer, offset: number, end: number): number {
    const passed = Math.min(passing, end - offset)
    passing -= passed
    pass(chunk.subarray(offset, offset + passed))
    // After a close frame nothing may follow.
    if (passing === 0 && isPassingClose) isStopped = true
    return offset + passed
  }

  function keep(chunk: Buffer, offset: number, end: number, bytes: number): number {
    needed = bytes
    partialLength = end - offset
    // Grows with what has come, not with what was announced.
    const capacity = Math.max(partialLength, Math.min(needed, Math.max(2 * partialLength, partialBytesMin)))
    partial = Buffer.allocUnsafeSlow(capacity)
    chunk.copy(partial, 0, offset, end)
    return end
  }

  /** Adds to the frame that was begun what it needs of the chunk, and handles it when that is there. */
  function fill(begun: Buffer, chunk: Buffer, offset: number): number {
    const added = Math.min(needed - partialLength, begun.length - partialLength, chunk.length - offset)
    chunk.copy(begun, partialLength, offset, offset + added)
    partialLength += added
    if (partialLength === needed || partialLength === begun.length) {
      partial = undefined
      take(begun, 0, partialLength)
    }
    return offset + added
  }
}

/** In place: the chunk is ours, and each of its bytes belongs to one frame. */
function unmask(chunk: Buffer, start: number, length: number): void {
  const a = chunk[start - 4]!
  const b = chunk[start - 3]!
  const c = chunk[start - 2]!
  const d = chunk[start - 1]!
  const end = start + length
  let i = start
  for (; i + 3 < end; i += 4) {
    chunk[i]! ^= a
    chunk[i + 1]! ^= b
    chunk[i + 2]! ^= c
    chunk[i + 3]! ^= d
  }
  if (i < end) chunk[i++]! ^= a
  if (i < end) chunk[i++]! ^= b
  if (i < end) chunk[i]! ^= c
}
