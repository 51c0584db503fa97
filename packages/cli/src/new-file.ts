/**
 * Files that are whole or not there, and never in the place of another: what is written stands in a folder beside until
 * it is done. A run that is killed leaves that folder, `NAME.part-…`, which may be removed.
 */
import { constants } from 'node:fs'
import { link, lstat, mkdir, open, rename, rm, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { randomBytes } from '@millstream/hashes'
import { Hex } from '@millstream/units'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'

export interface NewFile {
  /** For the owner only. */
  readonly folder: string
  /** Puts a file of the folder in its place. Both are on the same disk. */
  place(name: string): Promise<void>
  /** Removes the folder with what is left in it. */
  discard(): Promise<void>
}

/** @throws {Failure} Something of that name is there, or the folder beside cannot be made. */
export async function create(path: string): Promise<NewFile> {
  await assertNew(path)
  const folder = `${path}.part-${Hex.fromBytes(randomBytes(4))}`
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (cause) {
    throw unwritable(path, cause)
  }
  return {
    folder,
    place: (name) => placeNew(join(folder, name), path),
    discard: () => rm(folder, { recursive: true, force: true }),
  }
}

/** @throws {Failure} */
export async function assertNew(path: string): Promise<void> {
  const stats = await lstat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw unwritable(path, cause)
  })
  if (stats !== undefined) throw exists(path)
}

/**
 * Gives a file another name, which must be free, and waits until that is on the disk.
 *
 * @throws {Failure} The name is taken by now.
 */
export async function placeNew(from: string, path: string): Promise<void> {
  try {
    try {
      await link(from, path)
      await unlink(from)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw exists(path)
      // Not every disk has links; between looking and renaming somebody would have to be quick.
      await assertNew(path)
      await rename(from, path)
    }
    if (process.platform === 'win32') return
    const directory = await open(dirname(path), constants.O_RDONLY)
    await directory.sync().finally(() => directory.close())
  } catch (cause) {
    throw cause instanceof Failure ? cause : unwritable(path, cause)
  }
}

/** What went wrong while `path` was written, in words for a person. */
export function unwritable(path: string, cause: unknown): Failure {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
  return new Failure({
    code: 'FILE_UNWRITABLE',
    exit: exitCodes.folder,
    message: `${path} cannot be written (${reason}). Nothing was left there, and the ledger is not affected.`,
    next: reason === 'ENOSPC' ? 'make room on that disk, or name a file on another' : 'check the path, or name another',
    cause,
  })
}

function exists(path: string): Failure {
  return new Failure({
    code: 'FILE_EXISTS',
    exit: exitCodes.folder,
    message: `${path} is there already. It was left as it is, and nothing was written.`,
    next: 'name a file that is not there yet',
  })
}
