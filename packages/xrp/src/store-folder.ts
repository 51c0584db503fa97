/**
 * The store in a folder of files.
 *
 * | file           | content                                                                         |
 * | -------------- | ------------------------------------------------------------------------------- |
 * | `journal.jsonl` | a line for each write: `{"put":{…},"remove":[…]}`; written anew when it is long |
 * | `posted.jsonl` | a line for each entry of the feed: `[cursor, source, destination, amount, ms]`  |
 * | `lock`         | the process that uses it                                                        |
 *
 * Lines are appended and flushed to the disk before a write counts. The feed is written first, so that a crash between
 * the two leaves entries that are left out when they come again. A last line without its end is what a crash left of a
 * write that nobody was told about; it is cut off.
 */
import { type FileHandle, mkdir, open, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Cursor, Posted } from '@millstream/plugin'
import { Instant, MillstreamError } from '@millstream/units'
import { objectOf } from './internal/json.js'
import type { XrpStore } from './store.js'

/** The journal is written anew when it has this many lines, and four for each key that is alive. */
const linesMin = 1024

/**
 * @throws {StoreInUseError} Another process uses the folder.
 * @throws {StoreCorruptedError} A line cannot be read.
 */
export async function openFolderStore(folder: string): Promise<XrpStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const lock = join(folder, 'lock')
  await acquire(lock, folder)
  heldHere.add(folder)
  const release = async () => {
    heldHere.delete(folder)
    await unlink(lock).catch(() => undefined)
  }
  try {
    return await openFiles(folder, release)
  } catch (error) {
    await release()
    throw error
  }
}

async function openFiles(folder: string, release: () => Promise<void>): Promise<XrpStore> {
  const journalPath = join(folder, 'journal.jsonl')
  const feedPath = join(folder, 'posted.jsonl')
  const entries = new Map<string, string>()
  let lines = 0
  for (const line of await wholeLines(journalPath)) {
    lines++
    replay(line, entries, journalPath)
  }
  let lastCursor = 0 as Cursor
  for (const line of await wholeLines(feedPath)) lastCursor = parsePosted(line, feedPath).cursor
  let journal = await openAppend(journalPath)
  let feed = await openAppend(feedPath)
  await syncFolder(folder)

  return {
    load: async () => new Map(entries),
    async write({ put, remove, posted }) {
      const fresh = posted.filter(({ cursor }) => cursor > lastCursor)
      if (fresh.length > 0) {
        await append(feed, `${fresh.map(formatPosted).join('\n')}\n`)
        lastCursor = fresh.at(-1)!.cursor
      }
      if (put.size === 0 && remove.length === 0) return
      await append(journal, `${JSON.stringify({ put: Object.fromEntries(put), remove })}\n`)
      lines++
      for (const [key, value] of put) entries.set(key, value)
      for (const key of remove) entries.delete(key)
      if (lines > linesMin && lines > entries.size * 4) await compact()
    },
    async *posted(after) {
      for (const line of await wholeLines(feedPath)) {
        const one = parsePosted(line, feedPath)
        if (one.cursor > after) yield one
      }
    },
    get lastCursor() {
      return lastCursor
    },
    async prunePosted(upTo) {
      const kept = (await wholeLines(feedPath)).filter((line) => parsePosted(line, feedPath).cursor > upTo)
      await feed.close()
      await replace(feedPath, kept.map((line) => `${line}\n`).join(''), folder)
      feed = await openAppend(feedPath)
    },
    async close() {
      await Promise.all([journal.close(), feed.close()])
      await release()
    },
  }

  async function compact(): Promise<void> {
    await journal.close()
    await replace(journalPath, `${JSON.stringify({ put: Object.fromEntries(entries), remove: [] })}\n`, folder)
    journal = await openAppend(journalPath)
    lines = 1
  }
}

function replay(line: string, entries: Map<string, string>, path: string): void {
  let record: unknown
  try {
    record = JSON.parse(line)
  } catch {
    throw new StoreCorruptedError(path)
  }
  const put = objectOf(objectOf(record)?.put)
  const remove = objectOf(record)?.remove
  if (put === undefined || !Array.isArray(remove)) throw new StoreCorruptedError(path)
  for (const [key, value] of Object.entries(put)) entries.set(key, String(value))
  for (const key of remove) entries.delete(String(key))
}

function formatPosted({ cursor, source, destination, amount, postedAt }: Posted): string {
  return JSON.stringify([cursor, source, destination, String(amount), postedAt])
}

function parsePosted(line: string, path: string): Posted {
  try {
    const [cursor, source, destination, amount, postedAt] = JSON.parse(line) as [number, string, string, string, number]
    return { cursor: cursor as Cursor, source, destination, amount: BigInt(amount), postedAt: Instant.from(postedAt) }
  } catch {
    throw new StoreCorruptedError(path)
  }
}

/** The lines of a file; what follows the last end of line is cut off the file. */
async function wholeLines(path: string): Promise<string[]> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
  const end = bytes.lastIndexOf(0x0a) + 1
  if (end < bytes.length) {
    const file = await open(path, 'r+')
    await file.truncate(end)
    await file.sync()
    await file.close()
  }
  return bytes.toString('utf8', 0, end).split('\n').slice(0, -1)
}

function openAppend(path: string): Promise<FileHandle> {
  return open(path, 'a', 0o600)
}

async function append(file: FileHandle, text: string): Promise<void> {
  await file.appendFile(text)
  await file.datasync()
}

async function replace(path: string, text: string, folder: string): Promise<void> {
  const draft = `${path}.new`
  const file = await open(draft, 'w', 0o600)
  await file.writeFile(text)
  await file.sync()
  await file.close()
  await rename(draft, path)
  await syncFolder(folder)
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  await handle.sync()
  await handle.close()
}

async function acquire(lock: string, folder: string): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await writeFile(lock, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: 'wx', mode: 0o600 })
      return
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    }
    const owner = await readFile(lock, 'utf8').catch(() => undefined)
    if (owner === undefined) continue
    if (isAlive(owner, folder)) throw new StoreInUseError(folder)
    await unlink(lock).catch(() => undefined)
  }
  throw new StoreInUseError(folder)
}

function isAlive(text: string, folder: string): boolean {
  try {
    const { pid, host } = JSON.parse(text) as { pid: number; host: string }
    if (host !== hostname()) return true
    // A lock of this very number is left from before a restart of the machine, unless this process has it open.
    if (pid === process.pid) return heldHere.has(folder)
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** Folders that this process has open. */
const heldHere = new Set<string>()

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

export class StoreInUseError extends MillstreamError {
  override readonly name = 'StoreFolder.StoreInUseError'
  readonly code = 'XRP_STORE_IN_USE'
  constructor(folder: string) {
    super(
      `Another process uses the XRP account of the folder ${folder}. Nothing was sent. Two at once would take each ` +
        "other's sequence numbers: wait for it to end, or, when it is gone for certain, remove the file lock there.",
    )
  }
}

export class StoreCorruptedError extends MillstreamError {
  override readonly name = 'StoreFolder.StoreCorruptedError'
  readonly code = 'XRP_STORE_CORRUPTED'
  constructor(path: string) {
    super(
      `${path} cannot be read. Nothing was sent. It holds the signed transactions that may still be on their way: put ` +
        'back a copy of it, or move the folder away when no transfer is open; then the ledger alone is believed.',
    )
  }
}
