/**
 * One process at a time pays from an account.
 *
 * The lock of a folder is its file `lock.N` with the highest N; it says who took it. Whoever finds that owner gone, or
 * done, makes `lock.N+1`, which only one can do: a file gets its name by linking, whole and at once. The highest file is
 * never removed, so nobody who looked a while ago can take over from an owner that came after; and who succeeded with
 * a name that had been removed meanwhile sees a higher one, and tries again. A process that died needs no clean-up.
 * Who is done gives its file a second name, `lock.N.released`, which needs no room on a disk that is full.
 */
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { Base64Url, type RandomBytes } from '@millstream/units'
import { PayError } from '../pay-error.js'
import type { Files } from './files.js'

export interface AccountLock {
  release(): Promise<void>
}

/** Who holds a lock. */
export interface Owner {
  readonly pid: number
  readonly host: string
  /** Which run of the machine, and when in it the process started, where the system tells: pids come back. */
  readonly boot: string
  readonly startedAt: string
}

export interface LockOptions {
  readonly files: Files
  readonly folder: string
  readonly owner: Owner
  readonly isAlive: (owner: Owner) => Promise<boolean>
  readonly randomBytes: RandomBytes
}

/** Files of former owners that are kept, for those who are just looking. */
const generationsKept = 8
const namePattern = /^lock\.([1-9][0-9]{0,14})(\.released)?$/

/**
 * @returns The owner that holds it, instead of a lock.
 * @throws {LockUnreadableError} Nobody can tell who holds it.
 */
export async function acquire(options: LockOptions): Promise<AccountLock | { readonly heldBy: Owner }> {
  const { files, folder, owner, isAlive, randomBytes } = options
  for (;;) {
    const before = await files.list(folder)
    const last = highest(before)
    if (last > 0 && !before.includes(`lock.${last}.released`)) {
      const held = await readOwner(files, `${folder}/lock.${last}`)
      if (held === 'gone') continue
      if (await isAlive(held)) return { heldBy: held }
    }
    const mine = last + 1
    const draft = `${folder}/draft.${Base64Url.fromBytes(randomBytes(12))}`
    await files.write(draft, encode(owner))
    const linked = await files.link(draft, `${folder}/lock.${mine}`)
    await files.remove(draft)
    if (!linked) continue
    const names = await files.list(folder)
    if (highest(names) > mine) {
      await files.remove(`${folder}/lock.${mine}`)
      continue
    }
    for (const name of names) {
      const generation = generationOf(name)
      if (generation > 0 && generation <= mine - generationsKept) await files.remove(`${folder}/${name}`)
    }
    return {
      async release() {
        // Nobody is waiting for it to be durable: after a crash the owner is gone.
        await files.link(`${folder}/lock.${mine}`, `${folder}/lock.${mine}.released`)
      },
    }
  }
}

/** This process. */
export async function thisProcess(): Promise<Owner> {
  return {
    pid: process.pid,
    host: hostname(),
    boot: await bootId(),
    startedAt: (await startOf(process.pid)) ?? '',
  }
}

/** Whether an owner may still be there. One on another machine that shares the folder cannot be looked at. */
export async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.host !== hostname()) return true
  if (owner.boot !== (await bootId())) return false
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    // EPERM: somebody else's, but it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  const startedAt = await startOf(owner.pid)
  return startedAt === undefined || startedAt === owner.startedAt
}

/** Linux tells; elsewhere a pid has to do. */
async function bootId(): Promise<string> {
  return (await textOf('/proc/sys/kernel/random/boot_id'))?.trim() ?? ''
}

/** Field 22 of /proc/<pid>/stat, counted after the name, which may hold anything. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await textOf(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19]
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch {
    return undefined
  }
}

function highest(names: readonly string[]): number {
  return Math.max(0, ...names.map(generationOf))
}

function generationOf(name: string): number {
  return Number(namePattern.exec(name)?.[1] ?? 0)
}

function encode(owner: Owner): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(owner)}\n`)
}

async function readOwner(files: Files, path: string): Promise<Owner | 'gone'> {
  const bytes = await files.read(path)
  if (bytes === undefined) return 'gone'
  let record: Partial<Owner>
  try {
    record = JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw new LockUnreadableError(path)
  }
  const { pid, host, boot, startedAt } = record
  if (
    typeof pid !== 'number' ||
    typeof host !== 'string' ||
    typeof boot !== 'string' ||
    typeof startedAt !== 'string'
  ) {
    throw new LockUnreadableError(path)
  }
  return { pid, host, boot, startedAt }
}

export class LockUnreadableError extends PayError {
  override readonly name = 'AccountLock.LockUnreadableError'
  readonly code = 'PAY_LOCK_UNREADABLE'
  constructor(path: string) {
    super({
      message: `The lock ${path} cannot be read, so nobody can tell whether another process pays from this account.`,
      next: 'make sure that no other payer runs, remove the file, and run again; nothing was paid',
    })
  }
}

export class AccountInUseError extends PayError {
  override readonly name = 'AccountLock.AccountInUseError'
  readonly code = 'PAY_ACCOUNT_IN_USE'
  constructor(origin: string, owner: Owner, folder: string) {
    const here = owner.host === hostname()
    super({
      message: `Another process (${owner.pid}${here ? '' : ` on ${owner.host}`}) pays from your account at ${origin}.`,
      next: here
        ? 'wait for it to end, or use another folder (MILLSTREAM_HOME); nothing was paid'
        : `wait for it to end; if it is gone for certain, remove the lock files in ${folder}; nothing was paid`,
    })
  }
}
