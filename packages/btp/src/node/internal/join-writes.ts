/**
 * Puts together what is written to a socket between two moments, so that it leaves in one write. Corking alone does that
 * as well, but what a stream and the system do for each chunk costs more than a copy of some dozen bytes.
 */
import type { Socket } from 'node:net'

export interface JoinedWrites {
  /** Bytes that are kept back and that the socket does not know of. */
  readonly keptBytes: number
  /** From here on nothing leaves. */
  begin(): void
  /** Writes what was kept back; what comes then is written at once. */
  end(): void
}

type Write = (chunk: Uint8Array | string, ...rest: readonly unknown[]) => boolean

/** A longer chunk is not copied. */
const chunkBytesMax = 4_096

/** @param socket - Its `write` is replaced. Chunks stay in their order, whatever comes with them. */
export function joinWrites(socket: Socket): JoinedWrites {
  const write = socket.write.bind(socket) as Write
  let isJoining = false
  let kept: Uint8Array[] = []
  let keptBytes = 0

  const flush = () => {
    if (kept.length === 0) return
    const bytes = kept.length === 1 ? kept[0]! : Buffer.concat(kept, keptBytes)
    kept = []
    keptBytes = 0
    write(bytes)
  }
  const join: Write = (chunk, ...rest) => {
    if (isJoining && rest[0] === undefined && typeof chunk !== 'string' && chunk.length <= chunkBytesMax) {
      kept.push(chunk)
      keptBytes += chunk.length
      return true
    }
    flush()
    return write(chunk, ...rest)
  }
  socket.write = join as Socket['write']

  return {
    get keptBytes() {
      return keptBytes
    },
    begin() {
      isJoining = true
      socket.cork()
    },
    end() {
      isJoining = false
      flush()
      socket.uncork()
    },
  }
}
