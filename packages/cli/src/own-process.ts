/** `millstream` started by `millstream`, for the demonstration: watched, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { MillstreamError } from '@millstream/units'

const bin = fileURLToPath(new URL('./bin.js', import.meta.url))
/** How long a child may take to end when it is asked to, before it is made to. */
const endMs = 5_000

export interface OwnProcess {
  readonly stdout: Readable
  /** What it has said so far on stderr. */
  stderr(): string
  /** Its exit code, or the signal that ended it; once both of its pipes are read. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** Asks it to end, and makes it if it does not. Resolves once it has. */
  end(): Promise<void>
}

/** Processes that end together, the last one first. */
export interface Group {
  readonly hasEnded: boolean
  /** @throws {GroupEndedError} After `end`: nothing is started that nobody would end. */
  start(args: readonly string[]): OwnProcess
  end(): Promise<void>
}

export function createGroup(): Group {
  const members: OwnProcess[] = []
  let hasEnded = false
  return {
    get hasEnded() {
      return hasEnded
    },
    start(args) {
      if (hasEnded) throw new GroupEndedError()
      const member = start(args)
      members.push(member)
      return member
    },
    async end() {
      hasEnded = true
      for (const member of members.toReversed()) await member.end()
    },
  }
}

function start(args: readonly string[]): OwnProcess {
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, bin, ...args], {
    // A group of its own, so that Ctrl-C reaches this process alone, which then ends its children in order. The
    // channel tells a child when this process has gone without doing so.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new TypeError('A child was started without its pipes.')
  let said = ''
  stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  ended.catch(() => {})

  async function end(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), endMs)
    await gone
    clearTimeout(timer)
  }

  return { stdout, stderr: () => said, ended, end }
}

export class GroupEndedError extends MillstreamError {
  override readonly name = 'OwnProcess.GroupEndedError'
  readonly code = 'GROUP_ENDED'
  constructor() {
    super('The processes have been ended; no other is started.')
  }
}
