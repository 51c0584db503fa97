/** Reading accounts into the cache: as they stand, with their open holds and the ids that may still be repeated. */
import { type AccountId, expiredKeptMs, type Hold } from '@millstream/ledger'
import type { Instant } from '@millstream/units'
import type { AccountCache, CachedAccount, RememberedTransfer } from './account-cache.js'
import type { Statement } from './connection.js'
import { accountColumns, expiredKind, type Row, type StoredHold, toAccount } from './rows.js'

/** What is derived from all accounts, as it was read or written last. */
export interface FeedState {
  serverPosted: bigint
  serverHeldIn: bigint
  strangers: bigint
}

export interface LoadOptions {
  readonly host: number
  readonly now: Instant.Instant
  /** Nothing that ended longer ago can still be repeated. */
  readonly horizonMs: number
  /** A host that was not heard of for so long is dead. */
  readonly silentMsMax: number
  /** Holds of other hosts are theirs to end for so long after their expiry. */
  readonly overdueGraceMs: number
}

/** Holds of hosts that have died, and own ones that another host found dead. */
export interface Found {
  readonly adopted: StoredHold[]
  readonly expired: Hold[]
}

/** The table of ids remembers to the end of a second. */
const roundingMs = 1000

/**
 * One statement sees one moment, so that account, holds and records belong together. Records and holds come packed: there
 * may be a million of them.
 */
export function loadStatement(s: string): Statement {
  const hold =
    "json_build_array(h.serial, h.target, h.expires_at, h.prepared_at, h.content_hash, h.amount::text, encode(h.id, 'hex'), " +
    `encode(h.condition, 'hex'), h.destination, h.host, (SELECT seen_at >= ${s}.clock_ms() - $6 FROM ${s}.hosts WHERE hosts.id = h.host))`
  return {
    name: 'load',
    text: `
SELECT f.at, f.server_posted, f.server_held_in, f.strangers, ${s}.clock_ms(), a.*
FROM ${s}.feed AS f LEFT JOIN LATERAL (
  SELECT ${accountColumns.replace(/\w+/g, 'accounts.$&')},
    (SELECT json_agg(${hold} ORDER BY h.serial) FROM ${s}.holds AS h
      WHERE h.source = accounts.id AND h.serial > coalesce(known.serial, 0)) AS holds,
    (SELECT array_agg(h.serial) FROM ${s}.holds AS h
      WHERE h.source = accounts.id AND h.serial <= known.serial) AS still_open,
    (SELECT string_agg(t.id || int8send(t.content_hash) || int8send(t.expires_at) || int8send(t.at) || int2send(t.kind), ''
        ORDER BY t.seq)
      FROM ${s}.transfers AS t
      WHERE t.source = accounts.id AND t.kind <= 3
        AND t.seq > coalesce(nullif(known.seq, 0), (SELECT ${s}.last_before($4)))
        AND (t.expires_at > $5 OR (t.kind = 3 AND t.at > $5 - ${expiredKeptMs}))) AS ended
  FROM ${s}.accounts LEFT JOIN unnest($1::bigint[], $2::bigint[], $7::bigint[]) AS known (id, seq, serial) ON known.id = accounts.id
  WHERE accounts.id IN (
    SELECT unnest($1::bigint[]) UNION SELECT n.id FROM ${s}.accounts AS n WHERE n.name = ANY ($3::text[]) AND NOT n.closed
  )
) AS a ON true`,
  }
}

/** What is known of an account that is read again: its last record and its last hold, 0 for none. */
export interface Known {
  readonly seq: number
  readonly serial: number
}

export function loadValues(
  known: ReadonlyMap<AccountId, Known>,
  names: readonly string[],
  { now, horizonMs, silentMsMax }: LoadOptions,
): readonly unknown[] {
  const all = [...known.values()]
  return [
    [...known.keys()],
    all.map(({ seq }) => seq),
    names,
    Math.max(0, now - horizonMs),
    Math.max(0, now - roundingMs),
    silentMsMax,
    all.map(({ serial }) => serial),
  ]
}

/** Takes over what `loadStatement` gave. */
export function takeOver(
  cache: AccountCache,
  feed: FeedState,
  rows: readonly Row[],
  options: LoadOptions,
): Found & { readonly at: number; readonly clock: number; readonly loaded: ReadonlySet<AccountId> } {
  const [at, serverPosted, serverHeldIn, strangers, clock] = rows[0] as [number, bigint, bigint, bigint, number]
  Object.assign(feed, { serverPosted, serverHeldIn, strangers })
  const found: Found = { adopted: [], expired: [] }
  const loaded = new Set<AccountId>()
  for (const row of rows) {
    if (row[5] === null) continue
    const account = cache.put(toAccount(row.slice(5)))
    loaded.add(account.id)
    takeOverTransfers(cache, account, row.slice(19) as unknown as TransferColumns, options, found)
  }
  return { ...found, at, clock, loaded }
}

type TransferColumns = readonly [
  holds: readonly Row[] | null,
  stillOpen: readonly number[] | null,
  ended: Buffer | null,
]

function takeOverTransfers(
  cache: AccountCache,
  account: CachedAccount,
  [holds, stillOpen, ended]: TransferColumns,
  { host, now, overdueGraceMs }: LoadOptions,
  found: Found,
): void {
  const second = Math.floor(now / 1000)
  const expired = new Set<string>()
  if (ended !== null) {
    for (const transfer of unpacked(ended)) {
      cache.remember(account, transfer, second)
      if (transfer.state === expiredKind) expired.add(Buffer.from(transfer.id).toString('latin1'))
    }
  }
  const open = new Set(stillOpen)
  const gone = new Map([...account.holds].filter(([serial]) => !open.has(serial)))
  for (const cached of gone.values()) cache.removeHold(cached)
  for (const row of holds ?? []) {
    const hold = toStoredHold(account, row)
    const isForeign = hold.host !== host && row[10] === true
    const dueAt = isForeign ? hold.expiresAt + overdueGraceMs : hold.expiresAt
    const earlier = gone.get(hold.serial)
    gone.delete(hold.serial)
    cache.addHold(account, hold, isForeign, dueAt as Instant.Instant, second)
    const isNews = earlier === undefined || earlier.isForeign
    if (hold.host !== host && !isForeign && isNews) found.adopted.push(hold)
  }
  for (const { hold, isForeign } of gone.values()) {
    if (!isForeign && expired.has(Buffer.from(hold.id).toString('latin1'))) found.expired.push(hold)
  }
}

const packedBytes = 42

function* unpacked(packed: Buffer): Iterable<RememberedTransfer> {
  for (let at = 0; at < packed.length; at += packedBytes) {
    const contentHash = Number(packed.readBigInt64BE(at + 16))
    const expiresAt = Number(packed.readBigInt64BE(at + 24))
    const endedAt = Number(packed.readBigInt64BE(at + 32))
    const state = packed.readInt16BE(at + 40) as 1 | 2 | 3
    const until = state === expiredKind ? endedAt + expiredKeptMs : expiresAt
    yield { id: packed.subarray(at, at + 16), contentHash, state, until }
  }
}

function toStoredHold(account: CachedAccount, row: Row): StoredHold {
  const [serial, target, expiresAt, preparedAt, contentHash, amount, id, condition, destination, host] = row
  return {
    serial,
    source: account.id,
    target,
    expiresAt,
    preparedAt,
    contentHash,
    amount: BigInt(amount as string),
    id: Uint8Array.from(Buffer.from(id as string, 'hex')),
    condition: Uint8Array.from(Buffer.from(condition as string, 'hex')),
    destination,
    host,
  } as StoredHold
}
