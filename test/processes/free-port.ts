/**
 * A port for a process that will be started on it again and again. It lies below those that the system gives to
 * outgoing connections, so that none of them has it while the process is away; and each worker of the test runner has
 * a range of its own, so that none takes the port of a process that another worker will start again.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'

const lowest = 20_000
const rangePorts = 3_000
const ranges = 4
const start = lowest + (Number(process.env.VITEST_POOL_ID ?? 0) % ranges) * rangePorts
let offset = (process.pid * 31) % rangePorts

export async function freePort(): Promise<number> {
  for (;;) {
    offset = (offset + 1) % rangePorts
    const server = createServer()
    try {
      server.listen(start + offset, '127.0.0.1')
      await once(server, 'listening')
      return start + offset
    } catch {
      // Taken: the next one.
    } finally {
      server.close()
    }
  }
}
