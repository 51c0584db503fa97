/**
 * The disk of a payer: files in folders. What a file holds is safe when its write has returned; the names in a folder are
 * safe after `syncFolder` only. When the power goes, the changes of names that were not flushed are there up to some
 * point in their order; when the process alone dies, all of them are.
 */
import type { Files } from '../../packages/pay/src/node/files.js'
import { type Death, Disk } from './disk.js'
import { OutsideError } from './outside-error.js'
import type { Process } from './process.js'

interface File {
  bytes: Uint8Array
}

type Names = Map<string, File | 'folder'>

interface Change {
  readonly folder: string
  apply(names: Names): void
}

export class FolderDisk extends Disk {
  private names: Names = new Map([['/home', 'folder']])
  /** What a power cut would leave of the names, at the least. */
  private flushed: Names = new Map([['/home', 'folder']])
  private changes: Change[] = []

  /** The book of the payer as it is there for certain, whatever happens now. */
  safeBook(): Uint8Array | undefined {
    for (const [path, file] of this.flushed) {
      if (path.endsWith('/book') && file !== 'folder' && isReachable(this.flushed, path)) return file.bytes
    }
    return undefined
  }

  files(process: Process): Files {
    return {
      makeFolder: async (path) => {
        for (const folder of foldersOf(path)) {
          if (!this.names.has(folder)) this.change(folder, (names) => void names.set(folder, 'folder'))
        }
      },
      read: async (path) => this.fileAt(path)?.bytes,
      write: (path, bytes) => {
        const before = this.fileAt(path)
        const file: File = before ?? { bytes: new Uint8Array() }
        const copy = bytes.slice()
        if (before === undefined) this.change(path, (names) => void names.set(path, file))
        return this.perform(process, {
          words: nameOf(path),
          commit: () => {
            file.bytes = copy
          },
          tear: (random) => {
            file.bytes = copy.slice(0, random.below(copy.length))
          },
        })
      },
      rename: (from, to) => {
        const file = this.names.get(from)
        return this.perform(process, {
          words: `the name ${nameOf(to)} for ${nameOf(from)}`,
          commit: () => {
            this.change(to, (names) => {
              names.delete(from)
              if (file !== undefined) names.set(to, file)
            })
          },
        })
      },
      link: async (from, to) => {
        if (this.names.has(to)) return false
        const file = this.names.get(from)
        if (file === undefined) throw new OutsideError('no such file')
        if (process.output()) this.change(to, (names) => void names.set(to, file))
        return true
      },
      remove: async (path) => {
        if (process.output()) this.change(path, (names) => void names.delete(path))
      },
      list: async (path) =>
        [...this.names.keys()].filter((name) => folderOf(name) === path).map((name) => name.slice(path.length + 1)),
      isOpenToOthers: async () => false,
      syncFolder: (path) => {
        const flushing = this.changes.filter(({ folder }) => folder === path)
        return this.perform(process, {
          words: `the names in ${nameOf(path)}`,
          commit: () => {
            for (const change of flushing) change.apply(this.flushed)
            this.changes = this.changes.filter((change) => !flushing.includes(change))
          },
        })
      },
    }
  }

  override crash(process: Process, death: Death): void {
    super.crash(process, death)
    if (death === 'kill') return
    // A journal of names is cut somewhere.
    const kept = this.options.random.below(this.changes.length + 1)
    for (const change of this.changes.slice(0, kept)) change.apply(this.flushed)
    this.changes = []
    for (const path of [...this.flushed.keys()]) if (!isReachable(this.flushed, path)) this.flushed.delete(path)
    this.names = new Map(this.flushed)
  }

  private fileAt(path: string): File | undefined {
    const file = this.names.get(path)
    return file === 'folder' ? undefined : file
  }

  private change(path: string, apply: (names: Names) => void): void {
    apply(this.names)
    this.changes.push({ folder: folderOf(path), apply })
  }
}

function isReachable(names: Names, path: string): boolean {
  for (let folder = folderOf(path); folder !== ''; folder = folderOf(folder)) if (!names.has(folder)) return false
  return true
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** The folder and all above it, the outermost first. */
function foldersOf(path: string): string[] {
  const folders: string[] = []
  for (let folder = path; folder !== ''; folder = folderOf(folder)) folders.unshift(folder)
  return folders
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
