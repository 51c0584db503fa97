/**
 * A file, and a folder of files.
 *
 * A request looks at a file and does not open it: a reader who pays nothing costs no descriptor. What is opened at the
 * first payment must be what the reader was told of, or the stream fails.
 */
import { constants } from 'node:fs'
import { type FileHandle, open, realpath, stat } from 'node:fs/promises'
import { basename, join, sep } from 'node:path'
import { MillstreamError } from '@millstream/units'
import type { ContentReader } from '../content.js'
import { mediaType } from './media-type.js'
import type { Found, NotFound, Source } from './source.js'

export interface FolderOptions {
  /** Also serves what has a name that begins with a dot. */
  readonly dotfiles?: boolean
  /** What a path that ends with `/` means. `index.html` */
  readonly index?: string
}

interface Version {
  readonly bytes: number
  readonly etag: string
}

const chunkBytes = 65_536
const notFound: NotFound = { problem: 404, detail: 'There is nothing here.' }

/**
 * One file, whatever the path of the request.
 *
 * @throws {NotAFileError} There is no file at `path` now. Later requests answer 404 if it goes.
 */
export async function file(path: string): Promise<Source> {
  if ((await versionOf(path)) === undefined) throw new NotAFileError(path)
  return () => fileAt(path)
}

/**
 * The files below a folder. No path of a request leads out of it: not by `..`, not by a symbolic link, not by a name with
 * a separator in it.
 *
 * @throws {NotAFolderError} There is no folder at `path` now.
 */
export async function folder(path: string, options: FolderOptions = {}): Promise<Source> {
  const { dotfiles = false, index = 'index.html' } = options
  const root = await realpath(path).catch(() => undefined)
  if (root === undefined || !(await stat(root)).isDirectory()) throw new NotAFolderError(path)

  return async ({ url }) => {
    const names = namesOf(url)
    if (names === undefined) return { problem: 400, detail: 'The path of the request is malformed.' }
    if (names.at(-1) === '') names[names.length - 1] = index
    if (!names.every((name) => isSafe(name, dotfiles))) return notFound
    const real = await realpath(join(root, ...names)).catch(() => undefined)
    if (real === undefined || !isBelow(root, real)) return notFound
    // A link inside may point to something hidden inside.
    const hidden = real
      .slice(root.length)
      .split(sep)
      .some((name) => name.startsWith('.'))
    return hidden && !dotfiles ? notFound : fileAt(real)
  }
}

async function fileAt(path: string): Promise<Found | NotFound> {
  const version = await versionOf(path)
  if (version === undefined) return notFound
  const { bytes, etag } = version
  return {
    headers: { 'content-type': mediaType(path) },
    content: () => readFile(path, version),
    bytes,
    etag,
  }
}

/** Reads a file that must still be of this version. */
function readFile(path: string, version: Version): ContentReader {
  let handle: FileHandle | undefined
  let offset = 0
  let closed = false
  let reading = false
  return {
    async read() {
      reading = true
      try {
        return await readChunk()
      } finally {
        reading = false
        if (closed) await release()
      }
    },
    close() {
      closed = true
      if (!reading) void release()
    },
  }

  async function readChunk(): Promise<Uint8Array | undefined> {
    if (handle === undefined) {
      // Not waiting for the other end, should a pipe stand here by now.
      handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const now = versionOfStat(await handle.stat({ bigint: true }))
      if (now?.etag !== version.etag) throw new FileChangedError(path)
    }
    const chunk = new Uint8Array(Math.min(chunkBytes, version.bytes - offset))
    if (chunk.length === 0) return undefined
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, offset)
    if (bytesRead === 0) throw new FileChangedError(path)
    offset += bytesRead
    return chunk.subarray(0, bytesRead)
  }

  async function release(): Promise<void> {
    const open = handle
    handle = undefined
    await open?.close().catch(() => {})
  }
}

async function versionOf(path: string): Promise<Version | undefined> {
  try {
    return versionOfStat(await stat(path, { bigint: true }))
  } catch {
    return undefined
  }
}

interface BigStat {
  readonly size: bigint
  readonly ino: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  isFile(): boolean
}

/** The change time cannot be set back by a program, so the validator is a strong one. */
function versionOfStat(found: BigStat): Version | undefined {
  if (!found.isFile()) return undefined
  const { size, ino, mtimeNs, ctimeNs } = found
  const etag = [size, ino, mtimeNs, ctimeNs].map((part) => part.toString(36)).join('-')
  return { bytes: Number(size), etag: `"${etag}"` }
}

/** The names between the slashes of a path, decoded. */
function namesOf(url: string): string[] | undefined {
  const [path = ''] = url.split('?')
  if (!path.startsWith('/')) return undefined
  try {
    return path.slice(1).split('/').map(decodeURIComponent)
  } catch {
    return undefined
  }
}

function isSafe(name: string, dotfiles: boolean): boolean {
  if (name === '' || name === '.' || name === '..' || (name.startsWith('.') && !dotfiles)) return false
  return !/[/\\\0]/.test(name) && basename(name) === name
}

function isBelow(root: string, path: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep)
}

export class NotAFileError extends MillstreamError {
  override readonly name = 'File.NotAFileError'
  readonly code = 'NOT_A_FILE'
  constructor(path: string) {
    super(`There is no file at ${path}.`)
  }
}

export class NotAFolderError extends MillstreamError {
  override readonly name = 'File.NotAFolderError'
  readonly code = 'NOT_A_FOLDER'
  constructor(path: string) {
    super(`There is no folder at ${path}.`)
  }
}

export class FileChangedError extends MillstreamError {
  override readonly name = 'File.FileChangedError'
  readonly code = 'FILE_CHANGED'
  constructor(path: string) {
    super(`${path} has changed since the reader was told of it.`)
  }
}
