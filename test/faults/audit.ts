/**
 * Looks into the data folder of a shop that is dead: do all sums hold, was every number paid once, and do the records of
 * the streams say what the feed says?
 */
import { hashes, systemClock } from '@millstream/hashes'
import { type Cursor, type Entry, type Store, serverAccount } from '@millstream/ledger'
import { openSqlite } from '@millstream/ledger-sqlite'
import type { StreamRecord, StreamStore } from '@millstream/shop'

interface Payment {
  readonly cursor: number
  readonly number: number
  readonly source: number
  readonly amount: bigint
}

/** Carried from one audit of a folder to the next, so that each reads only what is new. */
export interface Auditor {
  /** @returns One sentence for each thing that is wrong. */
  audit(folder: string): Promise<readonly string[]>
  /** The same, of books that are open. */
  auditBooks(ledger: Store, records: StreamStore): Promise<readonly string[]>
}

const pageEntries = 4_096

export function create(): Auditor {
  const streams = new Map<string, Payment[]>()
  const used = new Map<string, Set<number>>()
  let cursor = 0

  async function audit(folder: string): Promise<readonly string[]> {
    const { ledger, streams: records, close } = await openSqlite({ folder, clock: systemClock, hashes })
    try {
      return await auditBooks(ledger, records)
    } finally {
      await close()
    }
  }

  async function auditBooks(ledger: Store, records: StreamStore): Promise<readonly string[]> {
    const faults: string[] = []
    const report = await ledger.check()
    if (!report.ok) faults.push('The books do not hold.', ...report.faults)
    for (;;) {
      const entries = await ledger.posted(cursor as Cursor, pageEntries)
      for (const entry of entries) fold(entry, faults)
      if (entries.length < pageEntries) break
    }
    for await (const record of records.all()) compare(record, faults)
    return faults
  }

  function fold(entry: Entry, faults: string[]): void {
    cursor = entry.cursor
    if (entry.kind !== 'transfer' || entry.target !== serverAccount) return
    const [userId = '', number = ''] = entry.destination?.split('.').slice(-2) ?? []
    if (!used.has(userId)) {
      used.set(userId, new Set())
      streams.set(userId, [])
    }
    const numbers = used.get(userId)!
    if (numbers.has(Number(number))) faults.push(`Number ${number} of stream ${userId} was paid twice.`)
    numbers.add(Number(number))
    streams.get(userId)!.push({ cursor, number: Number(number), source: entry.source, amount: entry.amount })
  }

  /** A record is a fold of the feed up to its cursor: the rest is folded in when the shop starts. */
  function compare(record: StreamRecord, faults: string[]): void {
    const { userId, floor, price } = record
    const payments = (streams.get(userId) ?? []).filter((payment) => payment.cursor <= record.cursor)
    const pieces = payments.reduce((sum, { amount }) => sum + amount / price, 0n)
    if (pieces !== record.pieces) {
      faults.push(`Stream ${userId} says ${record.pieces} pieces up to ${record.cursor}, the feed says ${pieces}.`)
    }
    for (const { number } of payments) {
      const bit = number - floor - 1
      const isUsed = number <= floor || ((record.numbers[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0
      if (!isUsed) faults.push(`Stream ${userId} does not know that number ${number} was paid.`)
    }
    if (new Set(payments.map(({ source }) => source)).size > 1)
      faults.push(`Stream ${userId} was paid by two accounts.`)
  }

  return { audit, auditBooks }
}
