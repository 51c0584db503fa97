/**
 * The ledger's journal in the program's store: what the book hands over is one JSON text under a numbered key, written
 * with one `put`, so that a crash leaves all of it or nothing.
 *
 * | key                    | value                                                                 |
 * | ---------------------- | --------------------------------------------------------------------- |
 * | `:tl:journal`          | head: where to begin                                                  |
 * | `:tl:journal:base:<n>` | accounts and open transfers as a whole, at the time of the base       |
 * | `:tl:journal:<n>`      | a batch of changes since then                                         |
 * | `:tl:journal:ids:<n>`  | ids of transfers that ended before the base and may still be repeated |
 *
 * A new base is written when more than the last one was has been added since; the batches before it are deleted, and of
 * the transfers in them nothing stays but their ids, until they expire: the store does not grow with the history of the
 * ledger. The plugin of 2017 kept its sums under `:tl:balance:if` and `:tl:balance:of`; where only these are found, the
 * ledger begins with them.
 */
import type { Book, Changes, Cursor } from '@millstream/ledger'
import { type Condition, Instant, MillstreamError, TransferId } from '@millstream/units'
import type { Direction, EndedTransfers } from './ended-transfers.js'
import * as Entry from './journal-entry.js'
import * as Segment from './journal-segment.js'
import type { ProgramStore } from './options.js'
import type * as Transfer from './transfer.js'
import { own, peer, sourceOf } from './trustline-accounts.js'
import type { HeldTransfer } from './trustline-context.js'

export interface Journal {
  /** Writes what the book has just handed over. One call at a time. */
  append(changes: Changes): Promise<void>
  /** What the program sees of a transfer that is now held; goes with the changes in which it is new. */
  note(direction: Direction, id: TransferId.TransferId, program: Transfer.ProgramTransfer): void
  /** The transfer is not held any more. */
  forget(direction: Direction, id: TransferId.TransferId): void
  /** What was held when the journal was read. */
  held(direction: Direction): readonly HeldTransfer[]
  /** Incoming transfers that were fulfilled and had not expired when the journal was read; the newest of them. */
  readonly fulfilled: readonly FulfilledTransfer[]
  close(): void
}

export interface FulfilledTransfer {
  readonly id: TransferId.TransferId
  readonly fulfillment: Condition.Fulfillment
  readonly expiresAt: Instant.Instant
}

const format = 1
const prefix = ':tl:journal'
/** No new base before this much has been added, in characters. */
const baseCharactersMin = 65_536
/** How many FULFILLs are sent again after a restart. */
const fulfilledMax = 4_096

/** Stores that a plugin of this process writes to: two would overwrite each other. */
const storesInUse = new WeakSet<ProgramStore>()

interface Head {
  readonly format: number
  /** Number of the base; 0 for none. */
  readonly base: number
  /** Number of the first batch after it. */
  readonly batch: number
  /** Numbers of the first segment of ids, and of the one after the last. */
  readonly idsFrom: number
  readonly idsTo: number
}

/**
 * Reads what is there into a book that has decided nothing yet.
 *
 * @param ended - Is given what ended lately.
 * @throws {JournalError} Something cannot be read, or another plugin of this process uses the store.
 */
export async function openJournal(store: ProgramStore, book: Book, ended: EndedTransfers): Promise<Journal> {
  if (storesInUse.has(store)) {
    throw new JournalError('another plugin of this process is connected with the same "_store"')
  }
  storesInUse.add(store)
  try {
    return await read(store, book, ended)
  } catch (error) {
    storesInUse.delete(store)
    throw error instanceof JournalError ? error : new JournalError(describe(error), error)
  }
}

async function read(store: ProgramStore, book: Book, ended: EndedTransfers): Promise<Journal> {
  /** What programs see of open transfers. */
  const programs = new Map<string, Transfer.ProgramTransfer>()
  /** Transfers that have ended since the base. */
  let endedSinceBase: Entry.EndedRecord[] = []
  /** Segments of ids, and when the last id in each has expired. */
  let segments: { readonly number: number; readonly until: number }[] = []
  const fulfilled = new Map<string, FulfilledTransfer>()
  const openedAt = Instant.from(Date.now())
  let head = await readHead(store)
  let characters = 0
  let baseCharacters = 0

  const base = await readBase()
  let next = head.batch
  for (;;) {
    const text = await get(store, batchKey(next))
    if (text === undefined) break
    const entry = Entry.parse(batchKey(next), text)
    book.restore(Entry.toChanges(entry))
    takeOver(entry)
    characters += text.length
    next++
  }
  if (base === undefined && next === 0) await importSums()
  await deleteLeftovers()
  const holds = book.holds()

  return {
    async append(changes) {
      const text = JSON.stringify(Entry.fromChanges(changes, programs))
      for (const record of changes.records) endedSinceBase.push(record as Entry.EndedRecord)
      characters += text.length
      const isDue = characters > Math.max(baseCharacters, baseCharactersMin)
      // At once, as long as nothing in the book is newer than the changes.
      const whole = isDue ? baseText() : undefined
      await store.put(batchKey(next), text)
      next++
      if (whole !== undefined) await writeBase(whole)
    },
    note: (direction, id, program) => void programs.set(programKey(direction, id), program),
    forget: (direction, id) => void programs.delete(programKey(direction, id)),
    held: (direction) => {
      return holds
        .filter(({ source, id }) => source === sourceOf(direction) && programs.has(programKey(direction, id)))
        .map((hold) => Entry.toHeld(hold, programs.get(programKey(direction, hold.id))!))
    },
    fulfilled: [...fulfilled.values()],
    close: () => void storesInUse.delete(store),
  }

  async function readBase(): Promise<Entry.Entry | undefined> {
    if (head.base === 0) return undefined
    const text = await get(store, baseKey(head.base))
    if (text === undefined) throw new JournalError(`${baseKey(head.base)} is missing`)
    const entry = Entry.parse(baseKey(head.base), text)
    book.restore(Entry.toChanges(entry))
    book.skipTo((entry.cursor ?? 0) as Cursor, Instant.from(entry.at))
    takeOver(entry)
    baseCharacters = text.length
    characters = 0
    for (let number = head.idsFrom; number < head.idsTo; number++) {
      const segment = await get(store, idsKey(number))
      if (segment === undefined) throw new JournalError(`${idsKey(number)} is missing`)
      const { until, records } = Segment.parse(idsKey(number), segment)
      segments.push({ number, until })
      for (const record of records) {
        book.remember(record)
        remember(record)
      }
    }
    return entry
  }

  /** Takes what a batch says beside the changes of the book. */
  function takeOver(entry: Entry.Entry): void {
    for (const { direction, program } of entry.held) {
      programs.set(programKey(direction, TransferId.parse(program.id)), program)
    }
    for (const stored of entry.records) {
      const record = Entry.toRecord(stored)
      programs.delete(programKey(stored.direction, record.id))
      endedSinceBase.push(record)
      remember(record)
    }
  }

  function remember(record: Entry.EndedTransfer): void {
    const direction = Entry.directionFrom(record.source)
    const id = TransferId.format(record.id)
    const { state, contentHash, fulfillment, expiresAt } = record
    ended.put(direction, id, { state, contentHash, ...(fulfillment === undefined ? {} : { fulfillment }) })
    if (direction !== 'incoming' || fulfillment === undefined || expiresAt <= openedAt) return
    fulfilled.set(id, { id: record.id, fulfillment, expiresAt })
    if (fulfilled.size > fulfilledMax) fulfilled.delete(fulfilled.keys().next().value!)
  }

  function baseText(): string {
    const accounts = [own, peer].map(({ id }) => {
      return { ...book.account(id)!, closed: false, last: book.lastRecord(id) }
    })
    const changes: Changes = { at: book.now, accounts, held: book.holds(), released: [], records: [] }
    return JSON.stringify({ ...Entry.fromChanges(changes, programs), cursor: book.cursor })
  }

  /** Writes the base and the ids before it, says that they are to be begun with, and deletes what that replaces. */
  async function writeBase(text: string): Promise<void> {
    const { now } = book
    const before = head
    const live = endedSinceBase.filter((record) => Segment.untilOf(record) > now)
    endedSinceBase = []
    await store.put(baseKey(before.base + 1), text)
    let idsTo = before.idsTo
    if (live.length > 0) {
      const segment = Segment.format(live)
      await store.put(idsKey(idsTo), segment.text)
      segments.push({ number: idsTo, until: segment.until })
      idsTo++
    }
    segments = dropExpired(segments, now)
    const idsFrom = segments[0]?.number ?? idsTo
    head = { format, base: before.base + 1, batch: next, idsFrom, idsTo }
    await store.put(prefix, JSON.stringify(head))
    baseCharacters = text.length
    characters = 0
    if (before.base > 0) await store.del(baseKey(before.base))
    for (let number = before.batch; number < head.batch; number++) await store.del(batchKey(number))
    for (let number = before.idsFrom; number < head.idsFrom; number++) await store.del(idsKey(number))
  }

  /** What is there only because the process ended between a new base and the deleting of what it replaced. */
  async function deleteLeftovers(): Promise<void> {
    for (const [key, from] of [
      [baseKey, head.base],
      [batchKey, head.batch],
      [idsKey, head.idsFrom],
    ] as const) {
      let number = from - 1
      while (number >= 0 && (await get(store, key(number))) !== undefined) await store.del(key(number--))
    }
  }

  async function importSums(): Promise<void> {
    const incoming = await get(store, ':tl:balance:if')
    const outgoing = await get(store, ':tl:balance:of')
    if (incoming === undefined && outgoing === undefined) return
    const balance = Entry.parseSum(incoming ?? '0') - Entry.parseSum(outgoing ?? '0')
    const row = ({ id, name }: typeof own, posted: bigint): Changes['accounts'][number] => ({
      id,
      name,
      kind: 'named',
      posted,
      creditLimit: 0n,
      openedAt,
      owedSince: undefined,
      closed: false,
      last: 0 as Cursor,
    })
    const accounts = [row(own, balance), row(peer, -balance)]
    book.restore({ at: openedAt, accounts, held: [], released: [], records: [] })
    await writeBase(baseText())
  }
}

function dropExpired<Item extends { readonly until: number }>(items: readonly Item[], now: number): Item[] {
  const first = items.findIndex(({ until }) => until > now)
  return first === -1 ? [] : items.slice(first)
}

const batchKey = (number: number): string => `${prefix}:${number}`
const baseKey = (number: number): string => `${prefix}:base:${number}`
const idsKey = (number: number): string => `${prefix}:ids:${number}`

function programKey(direction: Direction, id: TransferId.TransferId): string {
  return `${direction} ${TransferId.format(id)}`
}

async function get(store: ProgramStore, key: string): Promise<string | undefined> {
  const value = await store.get(key)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw new JournalError(`the value of ${key} is not the text that was put there`)
  return value
}

async function readHead(store: ProgramStore): Promise<Head> {
  const text = await get(store, prefix)
  if (text === undefined) return { format, base: 0, batch: 0, idsFrom: 0, idsTo: 0 }
  const head = JSON.parse(text) as Head
  if (head.format > format) throw new JournalError(`it was written by a newer version (format ${head.format})`)
  const { base, batch, idsFrom, idsTo } = head
  const isWhole = [base, batch, idsFrom, idsTo].every((number) => Number.isSafeInteger(number) && number >= 0)
  if (!isWhole || idsFrom > idsTo || base === 0) throw new JournalError(`${prefix} is damaged`)
  return head
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export class JournalError extends MillstreamError {
  override readonly name = 'JournalError'
  readonly code = 'JOURNAL'
  constructor(what: string, cause?: unknown) {
    super(`The ledger in the plugin's "_store" cannot be opened: ${what}. Nothing in it was changed.`, { cause })
  }
}
