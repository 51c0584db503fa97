/** Reading the books: each page is a statement of its own, so that nobody holds a transaction open. */
import {
  type AccountId,
  type Balance,
  type Cursor,
  type Entry,
  FeedPrunedError,
  HistoryPrunedError,
  type HistoryStart,
  type Hold,
  openRecord,
  type SearchOutcome,
  serverAccount,
  type TransferQuery,
  type TransferRecord,
} from '@millstream/ledger'
import { Instant, type TransferId } from '@millstream/units'
import type { Reads, Statement } from './connection.js'
import { plainHold } from './group.js'
import {
  entryColumns,
  fulfilledKind,
  holdColumns,
  isPosted,
  type Row,
  recordColumns,
  toEntry,
  toHold,
  toRecord,
} from './rows.js'

const rowsPerPage = 1_000
const outcomes = [undefined, 'fulfilled', 'rejected', 'expired'] as const

export class History {
  readonly #reads: Reads
  readonly #s: string
  /** The furthest expiry that was ever allowed: nothing that ended longer ago can still be alive. */
  readonly #expiresInMsMax: number
  readonly #posted: Statement
  readonly #recent: Statement
  readonly #search: Statement

  constructor(reads: Reads, s: string, expiresInMsMax: number) {
    this.#reads = reads
    this.#s = s
    this.#expiresInMsMax = expiresInMsMax
    this.#posted = {
      name: 'posted',
      text: `SELECT f.pruned_seq, t.* FROM ${s}.feed AS f LEFT JOIN LATERAL (
        SELECT ${entryColumns} FROM ${s}.transfers WHERE seq > $1 AND ${isPosted} ORDER BY seq LIMIT $2
      ) AS t ON true ORDER BY t.seq`,
    }
    this.#recent = {
      name: 'recent',
      text: `SELECT ${entryColumns} FROM (
        SELECT * FROM ${s}.transfers WHERE source = $1 AND seq > (SELECT ${s}.last_before($2)) ORDER BY seq DESC LIMIT $3
      ) AS newest WHERE kind = ${fulfilledKind} AND expires_at > $4 ORDER BY seq DESC LIMIT $5`,
    }
    this.#search = {
      name: 'search',
      text: `SELECT f.pruned_at, (
        SELECT kind FROM ${s}.transfers
        WHERE source = $1 AND seq > (SELECT ${s}.last_before($3)) AND id = $2 ORDER BY seq DESC LIMIT 1
      ) FROM ${s}.feed AS f`,
    }
  }

  async posted(after: Cursor, limit: number): Promise<readonly Entry[]> {
    const rows = await this.#reads.query(this.#posted, [after, limit])
    const kept = rows[0]![0] as Cursor
    if (after < kept) throw new FeedPrunedError({ after, kept })
    return rows[0]![1] === null ? [] : rows.map((row) => toEntry(row.slice(1)))
  }

  async recentlyFulfilled(source: AccountId, now: Instant.Instant, limit: number): Promise<readonly Entry[]> {
    // What has expired is passed over, but not for ever: what was sent last is what may be unanswered.
    const oldest = Math.max(0, now - this.#expiresInMsMax)
    const rows = await this.#reads.query(this.#recent, [source, oldest, 2 * limit, now, limit])
    return rows.map(toEntry).reverse()
  }

  async search(source: AccountId, id: TransferId.TransferId, expiresAt: Instant.Instant): Promise<SearchOutcome> {
    const earliest = Instant.after(expiresAt, -this.#expiresInMsMax)
    const rows = await this.#reads.query(this.#search, [source, Buffer.from(id), earliest])
    const [prunedAt, kind] = rows[0] as readonly [number | null, number | null]
    if (kind !== null) return outcomes[kind]!
    return prunedAt === null || prunedAt < earliest ? 'not_found' : 'pruned'
  }

  async holds(host: number): Promise<readonly Hold[]> {
    const rows = await this.#reads.query(
      `SELECT ${holdColumns} FROM ${this.#s}.holds WHERE host = $1 ORDER BY serial`,
      [host],
    )
    return rows.map((row) => plainHold(toHold(row)))
  }

  async start(): Promise<HistoryStart> {
    const [row] = await this.#reads.query(`SELECT pruned_seq, pruned_at FROM ${this.#s}.feed`)
    return toStart(row!)
  }

  async *transfers(query: TransferQuery = {}): AsyncIterable<TransferRecord> {
    const { account, after, from, to, newestFirst = false } = query
    let left = query.limit ?? Number.POSITIVE_INFINITY
    const endedOnly = (newestFirst && after !== undefined) || from !== undefined || to !== undefined
    const s = this.#s
    // One statement, one moment: what is not open any more is among the records up to the last.
    const heads = await this.#reads.query(
      `SELECT seq, (SELECT ${s}.last_before($1)), CASE WHEN $2::bigint IS NULL THEN seq ELSE (SELECT ${s}.last_before($2)) END,
        h.* FROM ${s}.feed LEFT JOIN (SELECT ${holdColumns} FROM ${s}.holds) AS h
        ON $3 AND ($4::bigint IS NULL OR h.source = $4 OR h.target = $4) ORDER BY h.serial`,
      [from ?? 0, to ?? null, !endedOnly, account ?? null],
    )
    const [last, first, beforeTo] = heads[0] as unknown as readonly [number, number, number]
    const open = heads.filter((row) => row[3] !== null).map((row) => openRecord(plainHold(toHold(row.slice(3)))))
    let low = first
    let high = Math.min(last, beforeTo)
    if (after !== undefined && newestFirst) high = Math.min(high, after - 1)
    else if (after !== undefined) low = Math.max(low, after)

    if (newestFirst) for (const record of open.reverse()) if (left-- > 0) yield record
    while (low < high && left > 0) {
      const rows = await this.#page(account, low, high, newestFirst, Math.min(rowsPerPage, left))
      for (const row of rows) if (left-- > 0) yield toRecord(row)
      if (rows.length < rowsPerPage) break
      if (newestFirst) high = (rows.at(-1)![0] as number) - 1
      else low = rows.at(-1)![0] as number
    }
    if (!newestFirst) for (const record of open) if (left-- > 0) yield record
  }

  #page(account: AccountId | undefined, low: number, high: number, newestFirst: boolean, limit: number) {
    const s = this.#s
    const order = `ORDER BY seq ${newestFirst ? 'DESC' : 'ASC'} LIMIT ${Math.min(limit, rowsPerPage)}`
    const range = `SELECT ${recordColumns} FROM ${s}.transfers WHERE seq > $1 AND seq <= $2`
    if (account === undefined) return this.#reads.query(`${range} ${order}`, [low, high])
    // The server takes part in nearly everything: no index would help.
    if (account === serverAccount)
      return this.#reads.query(`${range} AND (source = 1 OR target = 1) ${order}`, [low, high])
    return this.#reads.query(
      `SELECT * FROM (
        (${range} AND source = $3 ${order}) UNION (${range} AND target = $3 AND target <> 1 ${order})
      ) AS both_sides ${order}`,
      [low, high, account],
    )
  }

  async *balancesAt(at: Instant.Instant): AsyncIterable<Balance> {
    const s = this.#s
    const rows = await this.#reads.snapshot(async (query) => {
      const [start] = await query(`SELECT pruned_seq, pruned_at FROM ${s}.feed`)
      const { at: kept } = toStart(start!)
      if (kept !== undefined && at < kept) throw new HistoryPrunedError({ at, kept })
      return query(
        `WITH moved AS (
          SELECT source, target, sum(amount) AS amount FROM ${s}.transfers
          WHERE seq <= (SELECT ${s}.last_before($1)) AND ${isPosted} GROUP BY source, target
        ), sums AS (
          SELECT id, sum(amount) AS amount FROM (
            SELECT source AS id, -amount AS amount FROM moved UNION ALL SELECT target, amount FROM moved
            UNION ALL SELECT account, posted FROM ${s}.checkpoints
          ) AS sides GROUP BY id
        )
        SELECT coalesce(accounts.id, sums.id) AS id, accounts.name, coalesce(sums.amount, 0)
        FROM ${s}.accounts FULL JOIN sums ON sums.id = accounts.id
        WHERE (NOT accounts.closed AND accounts.opened_at <= $2) OR sums.amount <> 0 ORDER BY 1`,
        [Math.min(at + 1, Instant.instantMax), at],
      )
    })
    for (const [account, name, posted] of rows as readonly (readonly [AccountId, string | null, bigint])[]) {
      yield { account, name: name ?? undefined, posted }
    }
  }
}

export function toStart(row: Row): HistoryStart {
  return { after: row[0] as Cursor, at: row[1] === null ? undefined : (row[1] as Instant.Instant) }
}
