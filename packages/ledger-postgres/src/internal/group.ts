/** One group of batches: what is decided, and what is to be written. */
import {
  type AccountId,
  type AccountStanding,
  badDebtAccount,
  type Changes,
  type Command,
  type FindReference,
  type HeldTransfer,
  type Hold,
  type LedgerLimits,
  type LedgerRecord,
  type Outcome,
  type ReferenceUse,
  serverAccount,
  settlementAccount,
  WorkingSet,
} from '@millstream/ledger'
import type { Hashes, Instant, TransferId } from '@millstream/units'
import { type AccountCache, type CachedAccount, type CachedHold, heldState } from './account-cache.js'
import type { FeedState } from './loader.js'

export interface GroupContext {
  readonly cache: AccountCache
  readonly feed: FeedState
  readonly host: number
  readonly limits: LedgerLimits
  readonly hashes: Pick<Hashes, 'sha256'>
  readonly idKey: Uint8Array
  readonly overdueGraceMs: number
}

/** An account that changes. */
export interface WrittenAccount {
  readonly standing: AccountStanding
  /** As it stood before; 0 for a new one. */
  readonly version: number
}

export interface EndedHold {
  readonly cached: CachedHold
  readonly record: LedgerRecord
}

export interface Decision {
  /** For each batch its outcomes. */
  readonly outcomes: readonly Outcome[][]
  readonly expired: readonly Hold[]
  readonly now: Instant.Instant
  /** Accounts that change, by id. */
  readonly written: readonly WrittenAccount[]
  /** Accounts that were only looked at, and must not have changed. */
  readonly read: readonly CachedAccount[]
  readonly held: readonly HeldTransfer[]
  /** Holds that ended, each with its record. */
  readonly ended: readonly EndedHold[]
  /** All records in order; their cursors are places within the group. */
  readonly records: Changes['records']
  /** Those that are of no hold that was open before. */
  readonly otherRecords: Changes['records']
  readonly aliveUntil: Instant.Instant | undefined
  readonly server: { readonly postedMore: bigint; readonly heldInMore: bigint; readonly peak: bigint | undefined }
  readonly serverRefused: boolean
  readonly strangers: { readonly more: bigint; readonly peak: bigint | undefined }
  readonly strangersRefused: boolean
  readonly accountIdNext: number
  readonly isWriting: boolean
  readonly working: WorkingSet
  readonly laid: ReadonlyMap<AccountId, CachedAccount>
}

const none: readonly never[] = []

/**
 * Decides batches against what the cache says. Changes nothing in it. Gives the accounts that are missing, if the target
 * of a hold is not there.
 *
 * @param due - Holds that may be overdue.
 * @param accountIdNext - The first of as many unused ids as the batches may open accounts.
 */
export function decide(
  context: GroupContext,
  batches: readonly (readonly Command[])[],
  due: readonly CachedHold[],
  references: ReadonlyMap<string, ReferenceUse>,
  now: Instant.Instant,
  accountIdNext: number,
): Decision | ReadonlySet<AccountId> {
  const { cache, feed, limits, hashes, idKey } = context
  const second = Math.floor(now / 1000)
  const findReference: FindReference = (kind, reference) => references.get(`${kind} ${reference}`)
  const { strangers: strangersCredit } = feed
  const laidHolds = new Map<number, CachedHold>()
  const commandCount = batches.reduce((sum, commands) => sum + commands.length, 0)
  const idsExpected = commandCount + due.length
  const working = new WorkingSet({
    limits,
    hashes,
    idKey,
    now,
    strangersCredit,
    accountIdNext,
    findReference,
    idsExpected,
  })
  const laid = new Map<AccountId, CachedAccount>()
  const missing = new Set<AccountId>()
  let serverIsSource = false

  const lay = (account: CachedAccount | undefined) => {
    if (account === undefined || laid.has(account.id)) return
    laid.set(account.id, account)
    if (account.standing.closed) return
    cache.countIds(account, commandCount, limits.idsPerAccountMax, second)
    const standing = { ...account.laidOut(), last: 0 as never }
    working.addAccount(
      account.id === serverAccount
        ? { ...standing, posted: feed.serverPosted, heldIn: feed.serverHeldIn, holdsIn: 0 }
        : standing,
    )
  }
  const layHold = (cached: CachedHold) => {
    if (laidHolds.has(cached.hold.serial)) return
    laidHolds.set(cached.hold.serial, cached)
    if (cached.hold.source === serverAccount) serverIsSource = true
    const target = cache.get(cached.hold.target)
    if (target === undefined) {
      missing.add(cached.hold.target)
      return
    }
    lay(cached.account)
    lay(target)
    working.addHold(cached.hold)
  }
  const layId = (source: AccountId, id: TransferId.TransferId) => {
    if (source === serverAccount) serverIsSource = true
    const account = cache.get(source)
    if (account === undefined) return
    lay(account)
    const { ids } = cache
    if (!ids.find(account.key, id, second)) return
    const { state, contentHash, until } = ids
    if (state === heldState) layHold(cache.foundHold())
    else working.remember(source, id, { state, contentHash, until })
  }

  lay(cache.get(serverAccount))
  for (const hold of due) layHold(hold)
  for (const commands of batches) {
    for (const command of commands) {
      switch (command.type) {
        case 'prepare':
          layId(command.source, command.id)
          lay(cache.get(command.target))
          break
        case 'fulfill':
        case 'reject':
        case 'look_up':
          layId(command.source, command.id)
          break
        case 'open':
          lay(cache.find(command.name))
          break
        case 'limit':
          lay(cache.get(command.account))
          break
        case 'deposit':
        case 'withdraw':
          lay(cache.get(settlementAccount))
          lay(cache.get(command.account))
          break
        case 'merge':
          lay(cache.get(command.from))
          lay(cache.get(command.into))
          break
        case 'write_off':
          lay(cache.get(badDebtAccount))
          lay(cache.get(command.account))
      }
    }
  }

  if (missing.size > 0) return missing

  const expired = working.expire().map(plainHold)
  const outcomes = batches.map((commands) => tellElsewhere(context, commands, working.decide(commands), second))
  const changes = working.take()
  const { held = none, records = none } = changes ?? {}
  const ended: EndedHold[] = []
  const otherRecords: LedgerRecord[] = []
  for (const record of records) {
    const serial = working.laidOutSerial(record)
    if (serial === undefined) otherRecords.push(record)
    else ended.push({ cached: laidHolds.get(serial)!, record })
  }

  const after = new Map<AccountId, AccountStanding>()
  for (const standing of working.standings()) after.set(standing.id, standing)
  const server = after.get(serverAccount)!
  const written: WrittenAccount[] = []
  const touched = new Set<AccountId>()
  for (const row of changes?.accounts ?? none) {
    touched.add(row.id)
    const version = laid.get(row.id)?.standing.version ?? 0
    const standing = after.get(row.id) ?? {
      ...row,
      heldOut: 0n,
      heldIn: 0n,
      holdsOut: 0,
      holdsIn: 0,
      ids: 0,
      persisted: true,
    }
    written.push({ standing: row.id === serverAccount ? withoutDerived(standing) : standing, version })
  }
  const read: CachedAccount[] = []
  for (const account of laid.values()) {
    if (touched.has(account.id) || !account.isPersisted) continue
    const isServer = account.id === serverAccount
    if (isServer && !serverIsSource) continue
    const standing = after.get(account.id)
    if (standing !== undefined && holdsChanged(account.standing, standing, isServer)) {
      written.push({ standing: isServer ? withoutDerived(standing) : standing, version: account.standing.version })
    } else read.push(account)
  }
  written.sort((a, b) => a.standing.id - b.standing.id)

  let aliveUntil: Instant.Instant | undefined
  const mindExpiry = (expiresAt: Instant.Instant) => {
    if (aliveUntil === undefined || expiresAt < aliveUntil) aliveUntil = expiresAt
  }
  for (const hold of held) mindExpiry(hold.expiresAt)
  for (const record of records) if (record.state === 'fulfilled') mindExpiry(record.expiresAt!)

  const { strangersPeak, strangersRefused, serverPeak, serverRefused } = working.bounds
  return {
    outcomes,
    expired,
    now,
    written,
    read,
    held,
    ended,
    records,
    otherRecords,
    aliveUntil,
    server: {
      postedMore: server.posted - feed.serverPosted,
      heldInMore: server.heldIn - feed.serverHeldIn,
      peak: serverPeak,
    },
    serverRefused,
    strangers: { more: working.strangersCredit - feed.strangers, peak: strangersPeak },
    strangersRefused,
    accountIdNext: working.accountIdNext,
    isWriting: written.length + held.length + records.length > 0,
    working,
    laid,
  }
}

const existsElsewhere: Outcome = { status: 'exists', elsewhere: true }

/** Tells holds that another host has prepared from those of this one. */
function tellElsewhere(
  { cache, host }: GroupContext,
  commands: readonly Command[],
  outcomes: Outcome[],
  second: number,
): Outcome[] {
  for (let i = 0; i < commands.length; i++) {
    const command = commands[i]!
    if (outcomes[i]!.status !== 'exists' || (command.type !== 'prepare' && command.type !== 'look_up')) continue
    const account = cache.get(command.source)
    const cached = account && cache.findHold(account, command.id, second)
    if (cached !== undefined && cached.hold.host !== host) outcomes[i] = existsElsewhere
  }
  return outcomes
}

function holdsChanged(
  before: AccountStanding | CachedAccount['standing'],
  after: AccountStanding,
  isServer: boolean,
): boolean {
  return (
    before.heldOut !== after.heldOut ||
    before.holdsOut !== after.holdsOut ||
    (!isServer && (before.heldIn !== after.heldIn || before.holdsIn !== after.holdsIn))
  )
}

/** Of the server only what it has under way is in its row. */
function withoutDerived(server: AccountStanding): AccountStanding {
  return { ...server, posted: 0n, heldIn: 0n, holdsIn: 0, owedSince: undefined }
}

/** Without what hangs on it in the working set. */
export function plainHold(hold: Hold): Hold {
  const { id, source, target, amount, condition, expiresAt, destination, contentHash, preparedAt } = hold
  return { id, source, target, amount, condition, expiresAt, destination, contentHash, preparedAt }
}
