/** Folders for tests, gone when the test is over. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** In memory where there is such a folder: what a crash of the machine leaves is not what these tests are about. */
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export function makeFolder(): string {
  return mkdtempSync(join(parent, 'millstream-ledger-'))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

/** A folder of its own for the test that is running. */
export function temporaryFolder(): string {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  return folder
}
