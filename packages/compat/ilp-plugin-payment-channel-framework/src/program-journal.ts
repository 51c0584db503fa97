/**
 * The ledger's journal in the program's store: what the book hands over is one text under a numbered key, written with
 * one `put`, so that a crash leaves all of it or nothing.
 *
 * | key                    | value                                                                      |
 * | ---------------------- | -------------------------------------------------------------------------- |
 * | `:tl:journal`          | head: where to begin                                                       |
 * | `:tl:journal:base:<n>` | accounts and open transfers as a whole, at the time of the base            |
 * | `:tl:journal:<n>`      | a batch of changes since then                                              |
 * | `:tl:journal:ids:<n>`  | transfers that ended before the base, and whose ids may still be repeated  |
 *
 * Each value is JSON; in it the changes stand as `@millstream/ledger` writes them to a journal, as base64, and beside
 * them what programs see of the transfers that are new, `noteToSelf` included.
 *
 * A new base is written when more than the last one was has been added since. The batches before it are deleted, and
 * what was in them is kept until the ids have expired: the store does not grow with the history of the ledger. The
 * plugin of 2017 kept its sums under `:tl:balance:if` and `:tl:balance:of`; where only these are found, the ledger
 * begins with them.
 */
import {
  type AccountRow,
  type Book,
  type Changes,
  type Cursor,
  Journal,
  type HeldTransfer as LedgerHold,
  type LedgerRecord,
} from '@millstream/ledger'
import { type Condition, type Hashes, Instant, MillstreamError, TransferId } from '@millstream/units'
import type { Direction, EndedTransfers } from './ended-transfers.js'
import type { ProgramStore } from './options.js'
import * as ProtocolData from './protocol-data.js'
import * as Text from './text.js'
import { directionFrom, own, peer } from './trustline-accounts.js'
import type { HeldTransfer, Note } from './trustline-context.js'

export interface ProgramJournal {
  /** Writes what the book has just handed over. One call at a time. */
  append(changes: Changes): Promise<void> | undefined
  /** Notes what the program sees of a transfer that is now held; goes with the changes in which it is new. */
  note(direction: Direction, id: TransferId.TransferId, note: Note): void
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

const formatVersion = 1
const prefix = ':tl:journal'
/** No new base before this much has been added, in characters. */
const baseCharactersMin = 65_536
/** How many FULFILLs are sent again after a restart. */
const fulfilledMax = 4_096
/** How long the ledger remembers the id of a transfer that has expired. */
const expiredKeptMs = 10_000

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

interface Value {
  /** A batch of the ledger's journal, as base64. Its number is that of the key. */
  readonly changes: string
  readonly notes?: readonly (readonly [Direction, Note])[]
  /** Of a base: place of the last record. */
  readonly cursor?: number
}

type EndedRecord = LedgerRecord & {
  readonly state: 'fulfilled' | 'rejected' | 'expired'
  readonly id: TransferId.TransferId
  readonly contentHash: number
  readonly expiresAt: Instant.Instant
}

/**
 * Reads what is there into a book that has decided nothing yet.
 *
 * @param ended - Is given what ended lately.
 * @throws {ProgramJournalError} Something cannot be read, or another plugin of this process uses the store.
 */
export async function openProgramJournal(
  store: ProgramStore,
  book: Book,
  hashes: Hashes,
  ended: EndedTransfers,
): Promise<ProgramJournal> {
  if (storesInUse.has(store)) {
    throw new ProgramJournalError('another plugin of this process is connected with the same "_store"')
  }
  storesInUse.add(store)
  try {
    return await read(store, book, hashes, ended)
  } catch (error) {
    storesInUse.delete(store)
    throw error instanceof ProgramJournalError ? error : new ProgramJournalError(describe(error), error)
  }
}

async function read(store: ProgramStore, book: Book, hashes: Hashes, ended: EndedTransfers): Promise<ProgramJournal> {
  /** Of open transfers. */
  const notes = new Map<string, Note>()
  /** Transfers that have ended since the base. */
  let endedSinceBase: EndedRecord[] = []
  /** Segments of ids, and when the last id in each is forgotten. */
  let segments: readonly { readonly number: number; readonly until: number }[] = []
  const fulfilled = new Map<string, FulfilledTransfer>()
  const openedAt = Instant.from(Date.now())
  let head = await readHead(store)
  let characters = 0
  let baseCharacters = 0

  if (head.base > 0) await readBase()
  let next = head.batch
  for (let text = await get(batchKey(next)); text !== undefined; text = await get(batchKey(next))) {
    const { changes } = parse(batchKey(next), text, next)
    book.restore(changes)
    takeOver(changes)
    for (const record of changes.records) endedSinceBase.push(record as EndedRecord)
    characters += text.length
    next++
  }
  if (head.base === 0 && next === 0) await importSums()
  await deleteLeftovers()
  const holds = book.holds()

  return {
    append(changes) {
      const text = format(next, changes)
      for (const record of changes.records) endedSinceBase.push(record as EndedRecord)
      characters += text.length
      // At once, while nothing in the book is newer than the changes.
      const base = characters > Math.max(baseCharacters, baseCharactersMin) ? baseText() : undefined
      const put = store.put(batchKey(next++), text)
      if (base === undefined && !isPromiseLike(put)) return undefined
      return writeRest(put, base)
    },
    note: (direction, id, note) => void notes.set(noteKey(direction, id), note),
    forget: (direction, id) => void notes.delete(noteKey(direction, id)),
    held: (direction) => {
      return holds
        .filter(({ source, id }) => directionFrom(source) === direction && notes.has(noteKey(direction, id)))
        .map((hold) => heldFrom(hold, notes.get(noteKey(direction, hold.id))!))
    },
    fulfilled: [...fulfilled.values()],
    close: () => void storesInUse.delete(store),
  }

  async function writeRest(put: unknown, base: string | undefined): Promise<void> {
    await put
    if (base !== undefined) await writeBase(base)
  }

  async function readBase(): Promise<void> {
    const key = baseKey(head.base)
    const text = await getWhole(key)
    const { changes, cursor } = parse(key, text, head.base)
    book.restore(changes)
    book.skipTo((cursor ?? 0) as Cursor, changes.at)
    takeOver(changes)
    baseCharacters = text.length
    characters = 0
    for (let number = head.idsFrom; number < head.idsTo; number++) {
      const { records } = parse(idsKey(number), await getWhole(idsKey(number)), number).changes
      for (const record of records) book.remember(record as EndedRecord)
      segments = [...segments, { number, until: untilOf(records) }]
      takeOver({ records })
    }
  }

  /** Takes what ended out of the open transfers, and remembers it for a program that asks. */
  function takeOver({ records }: Pick<Changes, 'records'>): void {
    for (const record of records as readonly EndedRecord[]) {
      const direction = directionFrom(record.source)
      const { id, state, contentHash, fulfillment, expiresAt } = record
      notes.delete(noteKey(direction, id))
      const text = TransferId.format(id)
      ended.put(direction, text, { state, contentHash, ...(fulfillment === undefined ? {} : { fulfillment }) })
      if (direction !== 'incoming' || fulfillment === undefined || expiresAt <= openedAt) continue
      fulfilled.set(text, { id, fulfillment, expiresAt })
      if (fulfilled.size > fulfilledMax) fulfilled.delete(fulfilled.keys().next().value!)
    }
  }

  function baseText(): string {
    const accounts = [own, peer].map(({ id }): AccountRow => {
      return { ...book.account(id)!, closed: false, last: book.lastRecord(id) }
    })
    const changes: Changes = { at: book.now, accounts, held: book.holds(), released: [], records: [] }
    return format(head.base + 1, changes, book.cursor)
  }

  /** Writes the base and the ids before it, says that they are to be begun with, and deletes what that replaces. */
  async function writeBase(text: string): Promise<void> {
    const before = head
    const { now } = book
    const records = endedSinceBase.filter((record) => untilOf([record]) > now)
    endedSinceBase = []
    await store.put(baseKey(before.base + 1), text)
    let idsTo = before.idsTo
    if (records.length > 0) {
      const changes: Changes = { at: now, accounts: [], held: [], released: [], records }
      await store.put(idsKey(idsTo), format(idsTo, changes))
      segments = [...segments, { number: idsTo, until: untilOf(records) }]
      idsTo++
    }
    const live = segments.findIndex(({ until }) => until > now)
    segments = live === -1 ? [] : segments.slice(live)
    const idsFrom = segments[0]?.number ?? idsTo
    head = { format: formatVersion, base: before.base + 1, batch: next, idsFrom, idsTo }
    await store.put(prefix, JSON.stringify(head))
    baseCharacters = text.length
    characters = 0
    if (before.base > 0) await store.del(baseKey(before.base))
    for (let number = before.batch; number < head.batch; number++) await store.del(batchKey(number))
    for (let number = before.idsFrom; number < head.idsFrom; number++) await store.del(idsKey(number))
  }

  /** What is there only because the process ended between a new base and the deleting of what it replaced. */
  async function deleteLeftovers(): Promise<void> {
    const beginnings = [
      [baseKey, head.base],
      [batchKey, head.batch],
      [idsKey, head.idsFrom],
    ] as const
    for (const [key, beginning] of beginnings) {
      let number = beginning - 1
      while (number >= 0 && (await get(key(number))) !== undefined) await store.del(key(number--))
    }
  }

  /** Begins with the sums of 1.3.5: what it held was released by its restart. */
  async function importSums(): Promise<void> {
    const incoming = await get(':tl:balance:if')
    const outgoing = await get(':tl:balance:of')
    if (incoming === undefined && outgoing === undefined) return
    const balance = parseSum(incoming ?? '0') - parseSum(outgoing ?? '0')
    const row = ({ id, name }: typeof own, posted: bigint): AccountRow => ({
      id,
      name,
      kind: 'named',
      posted,
      creditLimit: 0n,
      openedAt,
      owedSince: posted < 0n ? openedAt : undefined,
      closed: false,
      last: 0 as Cursor,
    })
    const accounts = [row(own, balance), row(peer, -balance)]
    book.restore({ at: openedAt, accounts, held: [], released: [], records: [] })
    await writeBase(baseText())
  }

  function format(number: number, changes: Changes, cursor?: Cursor): string {
    const batch = Journal.encode({ number, changes }, hashes)
    const held = changes.held.map(({ source, id }) => {
      const direction = directionFrom(source)
      return [direction, notes.get(noteKey(direction, id))!] as const
    })
    const value: Value = {
      changes: Buffer.from(batch).toString('base64'),
      ...(held.length === 0 ? {} : { notes: held }),
      ...(cursor === undefined ? {} : { cursor }),
    }
    return JSON.stringify(value)
  }

  /** Reads a value and takes over what it says beside the changes. */
  function parse(key: string, text: string, number: number): { changes: Changes; cursor: number | undefined } {
    let value: Value
    try {
      value = JSON.parse(text) as Value
    } catch (error) {
      throw new ProgramJournalError(`${key} is damaged`, error)
    }
    const batch = Journal.decode(Uint8Array.from(Buffer.from(value.changes, 'base64')), hashes)
    if (batch?.number !== number) throw new ProgramJournalError(`${key} is damaged`)
    for (const [direction, note] of value.notes ?? []) {
      notes.set(noteKey(direction, TransferId.parse(note.program.id)), note)
    }
    return { changes: batch.changes, cursor: value.cursor }
  }

  async function getWhole(key: string): Promise<string> {
    const text = await get(key)
    if (text === undefined) throw new ProgramJournalError(`${key} is missing`)
    return text
  }

  async function get(key: string): Promise<string | undefined> {
    return getText(store, key)
  }
}

/** A transfer that is taken up again after a restart. */
function heldFrom(hold: LedgerHold, { program, user }: Note): HeldTransfer {
  return {
    program,
    user,
    contentHash: hold.contentHash,
    transfer: {
      id: hold.id,
      amount: hold.amount,
      condition: hold.condition,
      // Not the hold's: the ledger of a payer keeps it a little longer.
      expiresAt: Text.toInstant('expiresAt', program.expiresAt),
      protocolData: ProtocolData.fromProgram(program),
    },
  }
}

const batchKey = (number: number): string => `${prefix}:${number}`
const baseKey = (number: number): string => `${prefix}:base:${number}`
const idsKey = (number: number): string => `${prefix}:ids:${number}`

function noteKey(direction: Direction, id: TransferId.TransferId): string {
  return `${direction} ${TransferId.format(id)}`
}

/** When the ledger forgets the last of these. */
function untilOf(records: readonly LedgerRecord[]): number {
  return records.reduce((until, record) => {
    return Math.max(until, record.state === 'expired' ? record.at + expiredKeptMs : record.expiresAt!)
  }, 0)
}

async function getText(store: ProgramStore, key: string): Promise<string | undefined> {
  const value = await store.get(key)
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw new ProgramJournalError(`the value of ${key} is not the text that was put there`)
  return value
}

async function readHead(store: ProgramStore): Promise<Head> {
  const text = await getText(store, prefix)
  if (text === undefined) return { format: formatVersion, base: 0, batch: 0, idsFrom: 0, idsTo: 0 }
  const head = JSON.parse(text) as Head
  if (head.format > formatVersion) {
    throw new ProgramJournalError(`it was written by a newer version of this module (format ${head.format})`)
  }
  const { base, batch, idsFrom, idsTo } = head
  const isWhole = [base, batch, idsFrom, idsTo].every((number) => Number.isSafeInteger(number) && number >= 0)
  if (!isWhole || idsFrom > idsTo || base === 0) throw new ProgramJournalError(`${prefix} is damaged`)
  return head
}

/** A sum as 1.3.5 wrote it: an integer, large ones with an exponent. */
function parseSum(text: string): bigint {
  const match = /^([0-9]+)(?:\.([0-9]+))?(?:e\+([0-9]{1,3}))?$/.exec(text)
  const [, whole = '', fraction = '', exponent = '0'] = match ?? []
  const zeros = Number(exponent) - fraction.length
  if (match === null || zeros < 0) throw new ProgramJournalError(`:tl:balance is not an integer: ${text.slice(0, 80)}`)
  return BigInt(whole + fraction + '0'.repeat(zeros))
}

function isPromiseLike(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

export class ProgramJournalError extends MillstreamError {
  override readonly name = 'ProgramJournalError'
  readonly code = 'PROGRAM_JOURNAL'
  constructor(what: string, cause?: unknown) {
    super(`The ledger in the plugin's "_store" cannot be opened: ${what}. Nothing in it was changed.`, { cause })
  }
}
