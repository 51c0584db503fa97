/**
 * Where a running shop listens for its operator: a socket in its data folder, or on Windows a pipe named after it.
 *
 * A socket's path has room for about a hundred bytes. A data folder may have a longer one: it is then reached through a
 * short link in the folder for temporary files, which is needed only while binding or connecting.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const fileName = 'admin.sock'
/** macOS has room for 104 bytes with the zero at the end, Linux for 108. */
const pathBytesMax = 100

export interface SocketPath {
  /** To bind or to connect. */
  readonly path: string
  /** The socket's own name; absent for a pipe, which leaves nothing behind. */
  readonly file: string | undefined
  /** Call once bound or connected. */
  release(): Promise<void>
}

/** @throws The folder does not exist. */
export async function resolve(folder: string): Promise<SocketPath> {
  const real = await realpath(folder)
  if (process.platform === 'win32') {
    const name = createHash('sha256').update(real.toLowerCase()).digest('hex').slice(0, 32)
    return { path: `\\\\.\\pipe\\millstream-${name}`, file: undefined, release: async () => {} }
  }
  const file = join(real, fileName)
  if (Buffer.byteLength(file) <= pathBytesMax) return { path: file, file, release: async () => {} }
  const links = await mkdtemp(join(tmpdir(), 'ms-'))
  await symlink(real, join(links, 'd'))
  const release = () => rm(links, { recursive: true, force: true })
  return { path: join(links, 'd', fileName), file, release }
}
