/** What the cache takes over once a group is decided and, if anything was to be written, is written. */
import { type AccountId, type Command, expiredKeptMs, type LedgerRecord, type Outcome } from '@millstream/ledger'
import type { Instant, TransferId } from '@millstream/units'
import { heldState } from './account-cache.js'
import type { Decision, GroupContext } from './group.js'
import { endedStates } from './rows.js'

/** Where a group came to stand. */
export interface Written {
  /** The records and holds of the group come after these. */
  readonly seq: number
  readonly serial: number
  readonly at: Instant.Instant
}

const firstCustomer = 16

export function takeOver(
  context: GroupContext,
  decision: Decision,
  batches: readonly (readonly Command[])[],
  written: Written,
): void {
  const { cache, host } = context
  const { held, records, outcomes, now } = decision
  const second = Math.floor(now / 1000)
  takeOverAccounts(context, decision, written)
  for (const { cached } of decision.ended) cache.endHold(cached)
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!
    if (record.kind === 'transfer') rememberEnded(context, record as EndedRecord, second)
  }
  for (let i = 0; i < held.length; i++) {
    const { id, source, target, amount, condition, expiresAt, destination, contentHash } = held[i]!
    const serial = written.serial + i + 1
    const preparedAt = written.at
    cache.addHold(
      cache.get(source)!,
      { serial, id, source, target, amount, condition, expiresAt, destination, contentHash, preparedAt, host },
      false,
      expiresAt,
      second,
    )
  }
  rememberTraceless(decision, context, batches, second)
  for (const list of outcomes) for (const outcome of list) place(outcome, written.seq)
}

function takeOverAccounts({ cache }: GroupContext, { working, laid, ...decision }: Decision, { seq }: Written): void {
  const touched = new Set<AccountId>()
  for (const { standing, version } of decision.written) {
    touched.add(standing.id)
    const { ids: _, persisted: __, last, ...rest } = standing
    const known = laid.get(standing.id)?.standing.last ?? 0
    cache.put({ ...rest, version: version + 1, last: (last > 0 ? seq + last : known) as never })
  }
  const open = new Set<AccountId>()
  for (const standing of working.standings()) {
    open.add(standing.id)
    if (touched.has(standing.id)) continue
    const known = cache.get(standing.id)
    // Strangers of whom nothing was written yet live here only.
    if (known === undefined ? standing.id >= firstCustomer : !known.isPersisted) {
      const { ids: _, persisted: __, ...rest } = standing
      cache.put({ ...rest, version: 0 })
    }
  }
  for (const account of laid.values()) {
    if (!open.has(account.id) && !account.isPersisted) cache.drop(account)
  }
}

type EndedRecord = LedgerRecord & {
  readonly id: TransferId.TransferId
  readonly expiresAt: Instant.Instant
  readonly contentHash: number
}

function rememberEnded({ cache }: GroupContext, record: EndedRecord, second: number): void {
  const account = cache.get(record.source)
  if (account === undefined) return
  const { id, contentHash, expiresAt } = record
  const state = endedStates.indexOf(record.state) as 1 | 2 | 3
  const until = record.state === 'expired' ? record.at + expiredKeptMs : expiresAt
  cache.remember(account, { id, contentHash, state, until }, second)
}

/** What was held and rejected within the group has left no record, and its id is remembered here only. */
function rememberTraceless(
  { outcomes, held, records, ended, working }: Decision,
  { cache }: GroupContext,
  batches: readonly (readonly Command[])[],
  second: number,
): void {
  let prepared = 0
  for (const list of outcomes) for (const { status } of list) if (status === 'prepared') prepared += 1
  let transfers = 0
  for (const { kind } of records) if (kind === 'transfer') transfers += 1
  if (prepared === held.length + transfers - ended.length) return
  for (const [i, commands] of batches.entries()) {
    for (const [j, command] of commands.entries()) {
      if (command.type !== 'prepare' || outcomes[i]![j]!.status !== 'prepared') continue
      const account = cache.get(command.source)
      const known = account && working.idOf(command.source, command.id)
      if (known !== undefined && known.state !== heldState) {
        cache.remember(account!, { ...known, id: command.id }, second)
      }
    }
  }
}

/** Cursors were places within the group. The outcomes are ours: nobody has seen them yet. */
function place(outcome: Outcome, seq: number): void {
  if (outcome.status === 'fulfilled' || outcome.status === 'deposited' || outcome.status === 'withdrawn') {
    const placed = outcome as { cursor: number }
    placed.cursor += seq
  }
}
