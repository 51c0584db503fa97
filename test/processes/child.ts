/**
 * Real processes for tests: started from what the build made, watched by what they write, and gone when the test is.
 * Tests wait for what a process says or for its end, never for a length of time.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Leave stdout unread: the pipe fills up. */
  readonly unread?: boolean
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Child {
  readonly pid: number
  readonly process: ChildProcess
  /** Everything so far. */
  readonly stdout: string
  readonly stderr: string
  readonly stdoutBytes: number
  readonly ended: Promise<Ended>
  kill(signal: NodeJS.Signals): void
  /**
   * Resolves as soon as `is` holds of what was written so far; asked again whenever something is written.
   * Rejects, with all that was written, if the process ends before.
   */
  until(is: (child: Child) => boolean): Promise<void>
}

const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

export function start(file: string, args: readonly string[], options: ChildOptions = {}): Child {
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  children.add(child)
  const out: Buffer[] = []
  const err: Buffer[] = []
  let stdoutBytes = 0
  const watchers = new Set<() => void>()
  const wake = () => {
    for (const watcher of watchers) watcher()
  }
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new Error('The pipes of a child are missing.')
  if (options.unread !== true) {
    stdout.on('data', (chunk: Buffer) => {
      out.push(chunk)
      stdoutBytes += chunk.length
      wake()
    })
  }
  stderr.on('data', (chunk: Buffer) => {
    err.push(chunk)
    wake()
  })
  const ended = (async (): Promise<Ended> => {
    // Not `close`: it would wait for a pipe that nobody reads, and does not come after a `disconnect`.
    const read = [stderr, ...(options.unread === true ? [] : [stdout])].map((stream) => once(stream, 'close'))
    const [code, signal] = (await once(child, 'exit')) as [number, NodeJS.Signals]
    children.delete(child)
    await Promise.all(read)
    return { code, signal, stdout: text(out), stderr: text(err) }
  })()

  const self: Child = {
    process: child,
    get pid() {
      return child.pid ?? 0
    },
    get stdout() {
      return text(out)
    },
    get stderr() {
      return text(err)
    },
    get stdoutBytes() {
      return stdoutBytes
    },
    ended,
    kill: (signal) => void child.kill(signal),
    until: (is) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!is(self)) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
        ended.then((end) => {
          look()
          if (watchers.delete(look)) reject(new EndedEarlyError(end))
        }, reject)
      }),
  }
  return self
}

/** Ends whatever a test left running. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...children].map(async (child) => {
      const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
      child.kill('SIGKILL')
      await gone
      child.stdout?.destroy()
      child.stderr?.destroy()
    }),
  )
}

function text(chunks: Buffer[]): string {
  if (chunks.length > 1) chunks.splice(0, chunks.length, Buffer.concat(chunks))
  return chunks[0]?.toString('utf8') ?? ''
}

export class EndedEarlyError extends Error {
  override readonly name = 'Child.EndedEarlyError'
  readonly ended: Ended
  constructor(ended: Ended) {
    const { code, signal, stdout, stderr } = ended
    super(`Ended (${code ?? signal}) before it came to that.\n${stdout.slice(-2000)}\n${stderr}`)
    this.ended = ended
  }
}
