/**
 * A disk that can be full, for the test that is running: a few megabytes of memory where this process may mount them,
 * else a folder in which files of this process cannot grow while it is full (`RLIMIT_FSIZE`: writing says `EFBIG`, which
 * SQLite takes for a broken disk).
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, type TestContext } from 'vitest'
import { temporaryFolder } from './temporary-folder.js'

export interface SmallDisk {
  readonly folder: string
  /** What a write says when it is full. */
  readonly error: RegExp
  /** Leaves room for so many bytes; where files are only limited, each may have so many. */
  fill(roomBytes: number): void
  makeRoom(): void
}

const pageBytes = 4096

/** Skips the test where there is neither, but not in continuous integration. */
export function smallDisk(context: TestContext, megabytes: number): SmallDisk {
  const folder = join(temporaryFolder(), 'disk')
  mkdirSync(folder)
  if (process.platform === 'linux') {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder])
    if (mounted.status === 0) return mountedDisk(folder)
    if (spawnSync('prlimit', ['--version']).status === 0) return limitedFiles(folder)
  }
  if (process.env.CI) throw new Error('Neither can a small disk be mounted here, nor files be limited.')
  return context.skip('neither can a small disk be mounted here, nor files be limited')
}

function mountedDisk(folder: string): SmallDisk {
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]))
  const filler = join(folder, 'filler')
  return {
    folder,
    error: /no room left|full/,
    fill(roomBytes) {
      const file = openSync(filler, 'w')
      let size = 0
      try {
        for (;;) size += writeSync(file, new Uint8Array(pageBytes))
      } catch {
        ftruncateSync(file, Math.max(0, size - roomBytes))
      } finally {
        closeSync(file)
      }
    },
    makeRoom: () => rmSync(filler, { force: true }),
  }
}

function limitedFiles(folder: string): SmallDisk {
  const limit = (bytes: string) => execFileSync('prlimit', ['--pid', `${process.pid}`, `--fsize=${bytes}:`])
  onTestFinished(() => void limit('unlimited'))
  return {
    folder,
    error: /disk I\/O error/,
    fill: (roomBytes) => void limit(`${roomBytes}`),
    makeRoom: () => void limit('unlimited'),
  }
}
