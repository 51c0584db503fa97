/**
 * The few things that the payer's folder needs of a file system, each durable when it returns but for the names in a
 * folder: those are after `syncFolder`. Tests put a simulated disk behind it.
 */
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'

export interface Files {
  /** Makes a folder and those above it, for its owner only; one that is there stays as it is. */
  makeFolder(path: string): Promise<void>
  /** Undefined when there is none. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Writes a file for its owner only, over one that is there. */
  write(path: string, bytes: Uint8Array): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Gives a file a second name. @returns `false` when that name is taken. */
  link(from: string, to: string): Promise<boolean>
  /** No error when there is none. */
  remove(path: string): Promise<void>
  /** Names in a folder. */
  list(path: string): Promise<readonly string[]>
  /** Whether anybody but the owner may read or write the file; `false` where the system does not tell. */
  isOpenToOthers(path: string): Promise<boolean>
  syncFolder(path: string): Promise<void>
}

const ownerOnly = 0o600
const ownerOnlyFolder = 0o700
const others = 0o077

export const nodeFiles: Files = {
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: ownerOnlyFolder })
  },

  async read(path) {
    try {
      return await readFile(path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  },

  async write(path, bytes) {
    const file = await open(path, 'w', ownerOnly)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  },

  rename,

  async link(from, to) {
    try {
      await link(from, to)
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    }
  },

  async remove(path) {
    try {
      await unlink(path)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  },

  list: (path) => readdir(path),

  async isOpenToOthers(path) {
    if (process.platform === 'win32') return false
    return ((await stat(path)).mode & others) !== 0
  },

  async syncFolder(path) {
    // Windows has no such call, and keeps names in its journal.
    if (process.platform === 'win32') return
    let folder: FileHandle
    try {
      folder = await open(path, 'r')
    } catch (error) {
      // Somebody else's, and closed to us, above our own: its owner's disk sees to it.
      if (codeOf(error) === 'EACCES') return
      throw error
    }
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
}

/** Replaces a file so that a reader, and a crash at any moment, finds the old one or the new one, whole. */
export async function replace(files: Files, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = `${folder}/${name}`
  await files.write(`${path}.new`, bytes)
  await files.rename(`${path}.new`, path)
  await files.syncFolder(folder)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
