/**
 * A disk that can be full: a few megabytes of memory, mounted where only chosen commands see it. Needs Linux and leave
 * to make a user namespace; root is not needed.
 */
import { spawn } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A folder that not everybody sees at the same place. */
export interface Place {
  /** Where it is for commands that are started with `inside`. */
  readonly path: string
  /** Where it is for everybody else. */
  readonly outsidePath: string
  /** Words before a command that is to see it. */
  readonly inside: readonly string[]
}

export interface SmallDisk extends Place {
  /** Uses up all room but so much, rounded down to pages. May be called again, as what others delete makes room. */
  fill(roomBytes: number): Promise<void>
  makeRoom(): Promise<void>
  close(): void
}

const pageBytes = 4_096

/** @returns Why there can be none on this machine, instead of a disk. */
export async function create(path: string, megabytes: number): Promise<SmallDisk | string> {
  await mkdir(path, { recursive: true })
  // The mount lives as long as a process in its namespace: this one ends when its input does, so with us at the latest.
  const script = `mount -t tmpfs -o size=${megabytes}m,mode=700 none "$0" && echo mounted && exec cat`
  const holder = spawn('unshare', ['--user', '--map-root-user', '--mount', '--', 'sh', '-c', script, path])
  const failure = await new Promise<string | undefined>((resolve) => {
    const said: Buffer[] = []
    holder.stderr.on('data', (chunk: Buffer) => said.push(chunk))
    holder.stdout.once('data', () => resolve(undefined))
    holder.once('error', (error) => resolve(error.message))
    holder.once('close', (code) => resolve(`unshare ended with ${code}: ${Buffer.concat(said)}`))
  })
  if (failure !== undefined) return failure
  const outsidePath = `/proc/${holder.pid}/root${path}`
  const filler = join(outsidePath, 'filler')
  return {
    path,
    outsidePath,
    inside: ['nsenter', '--target', `${holder.pid}`, '--user', '--preserve-credentials', '--mount', '--'],
    async fill(roomBytes) {
      const file = await open(filler, 'a')
      try {
        const page = Buffer.alloc(pageBytes, 1)
        while (await file.write(page).then(isWritten, isFull));
        const { size } = await file.stat()
        if (roomBytes > 0) await file.truncate(Math.max(0, size - roomBytes))
      } finally {
        await file.close()
      }
    },
    makeRoom: () => rm(filler, { force: true }),
    close: () => void holder.stdin.end(),
  }
}

function isWritten({ bytesWritten }: { readonly bytesWritten: number }): boolean {
  return bytesWritten === pageBytes
}

function isFull(error: NodeJS.ErrnoException): false {
  if (error.code !== 'ENOSPC') throw error
  return false
}
