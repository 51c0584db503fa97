/** Where content goes: stdout, at the pace of whoever reads it, until that one has gone. */
import type { Output } from './terminal.js'

export interface Sink {
  /** The reader has gone, or the file cannot take more: what is written from now on goes nowhere. */
  readonly gone: boolean
  /** The reader has not taken what was written last. */
  readonly isFull: boolean
  /** Whether the last byte ended a line; true before the first. */
  readonly atLineStart: boolean
  /** Somebody else ended the line of the terminal. */
  startLine(): void
  /** Resolves once there is room for more, or the reader has gone. */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** Lets go of what nobody has taken yet, so that the process need not wait for it. */
  drop(): void
}

/** @param whenGone - Called once; `code` is EPIPE when the reader closed its end. */
export function create(output: Output, whenGone: (code: string) => void): Sink {
  let gone = false
  let lastByte = 0x0a
  let wake: (() => void) | undefined
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (gone) return
    gone = true
    wake?.()
    whenGone(error.code ?? error.message)
  })
  output.on('drain', () => wake?.())
  return {
    get gone() {
      return gone
    },
    get isFull() {
      return wake !== undefined
    },
    get atLineStart() {
      return lastByte === 0x0a
    },
    startLine() {
      lastByte = 0x0a
    },
    write(chunk) {
      if (gone || chunk.length === 0) return undefined
      lastByte = chunk.at(-1)!
      if (output.write(chunk)) return undefined
      return new Promise((resolve) => {
        wake = () => {
          wake = undefined
          resolve()
        }
      })
    },
    drop() {
      gone = true
      wake?.()
      if ('destroy' in output && typeof output.destroy === 'function') output.destroy()
    },
  }
}
