/** The parameters of `commit_group` for what was decided. */
import type { AccountStanding, LedgerRecord } from '@millstream/ledger'
import { byteaArray, int2Array, int4Array, int8Array, numericArray, textArray } from './binary.js'
import { type CommitParameter, commitParameters } from './commit-function.js'
import type { Statement } from './connection.js'
import type { Decision, GroupContext } from './group.js'
import { accountKinds, depositKind, kindNumber, withdrawalKind } from './rows.js'

export function commitStatement(s: string): Statement {
  const parameters = commitParameters.map(([, type], i) => `$${i + 1}::${type}`)
  return { name: 'commit', text: `SELECT * FROM ${s}.commit_group(${parameters.join(', ')})` }
}

const idBytes = 16
const hashBytes = 32

export function commitValues(
  { feed, limits, host }: GroupContext,
  incarnation: number,
  group: number,
  decision: Decision,
): readonly unknown[] {
  const { written, read, held, ended, server, strangers } = decision
  const records = decision.otherRecords
  const accounts = written.map(({ standing }) => standing)
  const of = <Value>(value: (account: AccountStanding) => Value) => accounts.map(value)
  const by = <Value>(value: (record: LedgerRecord) => Value) => records.map(value)
  const kinds = by(kindNumber)
  const values: Record<CommitParameter, unknown> = {
    p_host: host,
    p_incarnation: incarnation,
    p_group: group,
    p_at: decision.now,
    p_alive_until: decision.aliveUntil ?? null,
    r_id: int8Array(read.map(({ id }) => id)),
    r_version: int8Array(read.map(({ standing }) => standing.version)),
    a_id: int8Array(of(({ id }) => id)),
    a_version: int8Array(written.map(({ version }) => version)),
    a_name: textArray(of(({ name }) => name)),
    a_kind: int2Array(of(({ kind }) => accountKinds.indexOf(kind))),
    a_posted: numericArray(of(({ posted }) => posted)),
    a_held_out: numericArray(of(({ heldOut }) => heldOut)),
    a_held_in: numericArray(of(({ heldIn }) => heldIn)),
    a_holds_out: int4Array(of(({ holdsOut }) => holdsOut)),
    a_holds_in: int4Array(of(({ holdsIn }) => holdsIn)),
    a_credit_limit: numericArray(of(({ creditLimit }) => creditLimit)),
    a_opened_at: int8Array(of(({ openedAt }) => openedAt)),
    a_owed_since: int8Array(of(({ owedSince }) => owedSince)),
    a_last: int4Array(of(({ last }) => last)),
    a_closed: int2Array(of(({ closed }) => (closed ? 1 : 0))),
    h_source: int8Array(held.map(({ source }) => source)),
    h_target: int8Array(held.map(({ target }) => target)),
    h_expires_at: int8Array(held.map(({ expiresAt }) => expiresAt)),
    h_content_hash: int8Array(held.map(({ contentHash }) => contentHash)),
    h_amount: numericArray(held.map(({ amount }) => amount)),
    h_id: byteaArray(
      held.map(({ id }) => id),
      idBytes,
    ),
    h_condition: byteaArray(
      held.map(({ condition }) => condition),
      hashBytes,
    ),
    h_destination: textArray(held.map(({ destination }) => destination)),
    e_source: int8Array(ended.map(({ record }) => record.source)),
    e_serial: int8Array(ended.map(({ cached }) => cached.hold.serial)),
    e_n: int4Array(ended.map(({ record }) => record.cursor)),
    e_kind: int2Array(ended.map(({ record }) => kindNumber(record))),
    e_fulfillment: byteaArray(
      ended.map(({ record }) => record.fulfillment),
      hashBytes,
    ),
    t_n: int4Array(by(({ cursor }) => cursor)),
    t_source: int8Array(by(({ source }) => source)),
    t_target: int8Array(by(({ target }) => target)),
    t_expires_at: int8Array(by(({ expiresAt }) => expiresAt)),
    t_content_hash: int8Array(by(({ contentHash }) => contentHash)),
    t_kind: int2Array(kinds),
    t_amount: numericArray(by(({ amount }) => amount)),
    t_id: byteaArray(
      by(({ id }) => id),
      idBytes,
    ),
    t_destination: textArray(by(({ destination }) => destination)),
    t_fulfillment: byteaArray(
      by(({ fulfillment }) => fulfillment),
      hashBytes,
    ),
    t_reference: textArray(by(({ reference }) => reference)),
    t_moves: kinds.includes(depositKind) || kinds.includes(withdrawalKind),
    server_posted_more: server.postedMore,
    server_held_in_more: server.heldInMore,
    server_seen: feed.serverPosted + feed.serverHeldIn,
    server_peak: server.peak ?? null,
    server_max: limits.balanceMax,
    server_refused: decision.serverRefused,
    strangers_more: strangers.more,
    strangers_seen: feed.strangers,
    strangers_peak: strangers.peak ?? null,
    strangers_max: limits.strangersCreditMax,
    strangers_refused: decision.strangersRefused,
  }
  return commitParameters.map(([name]) => values[name])
}
