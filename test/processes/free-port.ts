/**
 * A port for a process that will be started on it again and again. It lies below those that the system gives to
 * outgoing connections, so that none of them has it while the process is away.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'

const lowest = 20_000
const highest = 32_000
let next = lowest + (process.pid % (highest - lowest))

export async function freePort(): Promise<number> {
  for (;;) {
    next = next + 1 >= highest ? lowest : next + 1
    const server = createServer()
    try {
      server.listen(next, '127.0.0.1')
      await once(server, 'listening')
      return next
    } catch {
      // Taken: the next one.
    } finally {
      server.close()
    }
  }
}
