/**
 * A disk that dies after so many steps, in either of two ways: the process is killed (what was done is done), or the
 * power goes (what was not synced is there or not, as a seed says).
 */
import type { Files } from '../../node/files.js'

export interface SimulatedDisk extends Files {
  /** Steps so far; each is something that a crash can come before. */
  readonly steps: number
  /** From now on everything throws at that step, counted from the beginning. */
  crashAt(step: number): void
  /** The disk as the next life finds it. */
  afterCrash(how: 'kill' | 'power', choose: () => boolean): SimulatedDisk
}

interface Content {
  /** What a reader sees, and what survives the power going. */
  bytes: Uint8Array
  synced: Uint8Array | undefined
}

export class CrashError extends Error {}

export function createSimulatedDisk(names = new Map<string, Content>(), folders = new Set<string>()): SimulatedDisk {
  /** Names as of the last `syncFolder` of their folder. */
  const syncedNames = new Map(names)
  let steps = 0
  let crashStep = Number.POSITIVE_INFINITY

  /** One step: other work may come in between, and so may a crash. */
  async function step(): Promise<void> {
    await Promise.resolve()
    if (steps >= crashStep) throw new CrashError('crashed')
    steps++
  }

  return {
    get steps() {
      return steps
    },
    crashAt(at) {
      crashStep = at
    },

    async makeFolder(path) {
      await step()
      folders.add(path)
    },

    async read(path) {
      await step()
      return names.get(path)?.bytes.slice()
    },

    async write(path, bytes) {
      await step()
      const content: Content = names.get(path) ?? { bytes: new Uint8Array(), synced: undefined }
      content.bytes = new Uint8Array()
      names.set(path, content)
      await step()
      content.bytes = bytes.slice(0, bytes.length >> 1)
      await step()
      content.bytes = bytes.slice()
      await step()
      content.synced = bytes.slice()
    },

    async rename(from, to) {
      await step()
      const content = names.get(from)
      if (content === undefined) throw new Error(`There is no ${from}.`)
      names.delete(from)
      names.set(to, content)
    },

    async link(from, to) {
      await step()
      const content = names.get(from)
      if (content === undefined) throw new Error(`There is no ${from}.`)
      if (names.has(to)) return false
      names.set(to, content)
      return true
    },

    async remove(path) {
      await step()
      names.delete(path)
    },

    async list(path) {
      await step()
      return [...names.keys()].filter((name) => folderOf(name) === path).map((name) => name.slice(path.length + 1))
    },

    async isOpenToOthers() {
      await step()
      return false
    },

    async syncFolder(path) {
      await step()
      for (const name of syncedNames.keys()) if (folderOf(name) === path && !names.has(name)) syncedNames.delete(name)
      for (const [name, content] of names) if (folderOf(name) === path) syncedNames.set(name, content)
    },

    afterCrash(how, choose) {
      const found = new Map<string, Content>()
      const folder = new Set([...names.keys(), ...syncedNames.keys()])
      for (const name of folder) {
        const content = how === 'kill' || choose() ? names.get(name) : syncedNames.get(name)
        if (content === undefined) continue
        const bytes = how === 'kill' || choose() ? content.bytes : (content.synced ?? new Uint8Array())
        found.set(name, { bytes, synced: bytes })
      }
      return createSimulatedDisk(found, folders)
    },
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}
