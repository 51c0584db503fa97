/** A program that a test starts: what it prints can be waited for, and it never outlives the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach } from 'vitest'

export interface Program {
  readonly process: ChildProcess
  readonly stdout: string
  readonly stderr: string
  /** How it ended, or `undefined` while it runs. */
  readonly exit: Exit | undefined
  /** Resolves when `test` holds for the program, looked at whenever it prints something or ends. */
  until(what: string, test: (program: Program) => boolean): Promise<void>
  /** Resolves when it has ended by itself or by a signal. */
  ended(): Promise<Exit>
  kill(signal?: NodeJS.Signals): Promise<Exit>
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const running = new Set<Program>()

afterEach(async () => {
  await Promise.all([...running].map((program) => program.kill('SIGKILL')))
})

/** How long anything is waited for before the test fails with what the program has printed. */
const waitMs = 20_000

export function start(
  file: string,
  options: { cwd: string; args?: readonly string[]; env?: Readonly<Record<string, string>> },
): Program {
  const child = spawn(process.execPath, [file, ...(options.args ?? [])], {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '0', ...options.env },
  })
  let stdout = ''
  let stderr = ''
  let exit: Exit | undefined
  const watchers = new Set<() => void>()
  const wake = () => {
    for (const watcher of watchers) watcher()
  }
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    wake()
  })
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    wake()
  })
  child.on('message', wake)
  // 'close' comes after the last output.
  child.on('close', (code, signal) => {
    exit = { code, signal }
    running.delete(program)
    wake()
  })

  const program: Program = {
    process: child,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    get exit() {
      return exit
    },
    until(what, test) {
      return new Promise((resolve, reject) => {
        const finish = (settle: () => void) => {
          watchers.delete(look)
          clearTimeout(timer)
          settle()
        }
        const describe = () => `${file}\nstdout: ${stdout.slice(-2000)}\nstderr: ${stderr.slice(-4000)}`
        const look = () => {
          if (test(program)) finish(resolve)
          else if (exit !== undefined) {
            finish(() => reject(new Error(`Ended (${JSON.stringify(exit)}) before ${what}: ${describe()}`)))
          }
        }
        const timer = setTimeout(() => {
          finish(() => reject(new Error(`Waited ${waitMs} ms for ${what}: ${describe()}`)))
        }, waitMs)
        watchers.add(look)
        look()
      })
    },
    async ended() {
      await program.until('its end', () => exit !== undefined)
      return exit!
    },
    kill(signal = 'SIGTERM') {
      if (exit === undefined) child.kill(signal)
      return program.ended()
    },
  }
  running.add(program)
  return program
}
