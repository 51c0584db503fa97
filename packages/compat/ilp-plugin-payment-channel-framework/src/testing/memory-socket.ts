/** Two ends of a WebSocket in memory, in the shape of `ws`: what plugins take with `addSocket`. */
import { EventEmitter } from 'node:events'

export class MemorySocket extends EventEmitter {
  other!: MemorySocket
  isOpen = true
  /** It has been told that it is closed: nothing arrives any more. */
  #hasEnded = false

  static pair(): [MemorySocket, MemorySocket] {
    const [a, b] = [new MemorySocket(), new MemorySocket()]
    a.other = b
    b.other = a
    return [a, b]
  }

  send(data: Uint8Array, _options: object, callback: (error?: Error) => void): void {
    if (!this.isOpen) throw new Error('not opened')
    const copy = Uint8Array.from(data)
    setImmediate(() => {
      if (!this.other.#hasEnded) this.other.emit('message', copy, true)
      callback()
    })
  }

  /** What arrives at the other end as a text message. */
  sendText(text: string): void {
    setImmediate(() => this.other.emit('message', Buffer.from(text), false))
  }

  close(code = 1005, reason = ''): void {
    for (const end of [this, this.other]) {
      if (!end.isOpen) continue
      end.isOpen = false
      setImmediate(() => {
        end.#hasEnded = true
        end.emit('close', code, Buffer.from(reason))
      })
    }
  }
}
