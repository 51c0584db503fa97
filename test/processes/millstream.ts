/** `millstream` as a process, and what tests ask of it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as Child from './child.js'

export const bin = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))

/** For tests of processes on a machine that has other things to do: nothing is measured, so it may be long. */
export const timeoutMs = 180_000

export interface Ready {
  readonly http: string
  readonly btp: string
  readonly pid: number
}

export interface Shop {
  readonly child: Child.Child
  readonly ready: Ready
  readonly folder: string
}

const folders: string[] = []

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millstream-test-'))
  folders.push(folder)
  return folder
}

/** After each test: no process and no folder stays. */
export async function cleanUp(): Promise<void> {
  await Child.endAll()
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
}

export interface StartOptions extends Child.ChildOptions {
  /** Words before the command, which run it somewhere else or with less. */
  readonly inside?: readonly string[]
}

export function start(args: readonly string[], { inside = [], ...options }: StartOptions = {}): Child.Child {
  const [file, ...words] = [...inside, process.execPath, bin, ...args]
  return Child.start(file!, words, options)
}

/** Runs to the end. */
export function run(args: readonly string[], options?: StartOptions): Promise<Child.Ended> {
  return start(args, options).ended
}

/** Starts a shop on free ports, or on those of `again`, and waits until it is ready. */
export async function shop(
  folder: string,
  args: readonly string[] = [],
  again?: Ready,
  inside: readonly string[] = [],
): Promise<Shop> {
  const port = again === undefined ? '0' : new URL(again.http).port
  const btpPort = again === undefined ? '0' : new URL(again.btp.replace(/^btp\+/, '')).port
  const words = ['shop', '--json', '--data', folder, '--port', port, '--btp-port', btpPort, ...args]
  const child = start(words, { inside })
  await child.until(({ stdout }) => stdout.includes('\n'))
  const ready = JSON.parse(child.stdout.split('\n')[0]!) as Ready
  return { child, ready, folder }
}

/** The summary of a `pay --json` that has ended: the last line of its stderr. */
export function summary(ended: Child.Ended): Record<string, unknown> {
  const line = ended.stderr.trimEnd().split('\n').at(-1) ?? ''
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    throw new Error(`No summary in the last line of stderr:\n${ended.stderr}`)
  }
}
