/**
 * The fast lane of writing to a WebSocket: messages of one tick are framed (RFC 6455 section 5.2: whole, binary) into
 * one buffer and leave in one write. The cost of a connection is in its writes, not in its messages.
 */
import { randomFillSync } from 'node:crypto'

/** When a tick ends: at once after the running callback, or after everything that this turn of the loop delivered. */
export type FlushAt = 'tick' | 'turn'

export interface FrameWriterOptions {
  /** A client masks what it sends, a server does not. */
  readonly isServer: boolean
  readonly flushAt: FlushAt
  /** Takes whole frames, in order. The bytes are its own. */
  readonly write: (bytes: Buffer) => void
}

export interface FrameWriter {
  send(payload: Uint8Array): void
  /** Writes what was sent, now. */
  flush(): void
  /** Bytes that were sent and not yet written. */
  readonly pendingBytes: number
}

const headBytesMax = 10
const maskBytes = 4
const slabBytes = 65_536
const randomBytes = 8_192

/** Shared by all connections of the process, so that an idle one holds nothing. Written once, never again. */
let slab = Buffer.allocUnsafeSlow(slabBytes)
let slabUsed = 0

const random = Buffer.allocUnsafeSlow(randomBytes)
let randomUsed = randomBytes

export function createFrameWriter(options: FrameWriterOptions): FrameWriter {
  const { isServer, flushAt, write } = options
  let payloads: Uint8Array[] = []
  let pendingBytes = 0
  let isScheduled = false

  return {
    get pendingBytes() {
      return pendingBytes
    },
    send(payload) {
      payloads.push(payload)
      pendingBytes += payload.length
      if (isScheduled) return
      isScheduled = true
      if (flushAt === 'tick') process.nextTick(flushScheduled)
      else setImmediate(flushScheduled)
    },
    flush,
  }

  function flushScheduled(): void {
    isScheduled = false
    flush()
  }

  function flush(): void {
    if (payloads.length === 0) return
    const leaving = payloads
    const bytes = allocate(pendingBytes + leaving.length * (headBytesMax + maskBytes))
    payloads = []
    pendingBytes = 0
    let offset = 0
    for (let i = 0; i < leaving.length; i++) offset = writeFrame(bytes, offset, leaving[i]!, isServer)
    // What the estimate had too much goes back, unless somebody else took from the slab.
    if (bytes.buffer === slab.buffer) slabUsed -= bytes.length - offset
    write(bytes.subarray(0, offset))
  }
}

function allocate(length: number): Buffer {
  if (length > slabBytes) return Buffer.allocUnsafeSlow(length)
  if (slabUsed + length > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes)
    slabUsed = 0
  }
  slabUsed += length
  return slab.subarray(slabUsed - length, slabUsed)
}

function writeFrame(bytes: Buffer, start: number, payload: Uint8Array, isServer: boolean): number {
  const { length } = payload
  const maskBit = isServer ? 0 : 0x80
  let offset = start
  bytes[offset++] = 0x82
  if (length <= 125) {
    bytes[offset++] = maskBit | length
  } else if (length <= 0xffff) {
    bytes[offset++] = maskBit | 126
    bytes[offset++] = length >>> 8
    bytes[offset++] = length
  } else {
    bytes[offset++] = maskBit | 127
    bytes.writeUInt32BE(0, offset)
    bytes.writeUInt32BE(length, offset + 4)
    offset += 8
  }
  if (!isServer) return writeMasked(bytes, offset, payload)
  bytes.set(payload, offset)
  return offset + length
}

// RFC 6455 section 5.3: the masking key "MUST be derived from a strong source of entropy", a fresh one for each frame.
function writeMasked(bytes: Buffer, start: number, payload: Uint8Array): number {
  if (randomUsed === randomBytes) {
    randomFillSync(random)
    randomUsed = 0
  }
  const a = random[randomUsed++]!
  const b = random[randomUsed++]!
  const c = random[randomUsed++]!
  const d = random[randomUsed++]!
  let offset = start
  bytes[offset++] = a
  bytes[offset++] = b
  bytes[offset++] = c
  bytes[offset++] = d
  const { length } = payload
  let i = 0
  for (; i + 3 < length; i += 4) {
    bytes[offset++] = payload[i]! ^ a
    bytes[offset++] = payload[i + 1]! ^ b
    bytes[offset++] = payload[i + 2]! ^ c
    bytes[offset++] = payload[i + 3]! ^ d
  }
  if (i < length) bytes[offset++] = payload[i++]! ^ a
  if (i < length) bytes[offset++] = payload[i++]! ^ b
  if (i < length) bytes[offset++] = payload[i]! ^ c
  return offset
}
