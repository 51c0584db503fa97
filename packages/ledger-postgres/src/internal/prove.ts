/**
 * Proves the books from the tables alone, in the database and as of one moment: every balance again from the records and
 * checkpoints, every sum over holds again from the holds, and what is derived from all accounts.
 */
import type { CheckReport } from '@millstream/ledger'
import type { Query, Reads } from './connection.js'
import { isPosted } from './rows.js'

const faultsMax = 100

export function prove(reads: Reads, s: string): Promise<CheckReport> {
  return reads.snapshot(async (query) => {
    await query("SET LOCAL work_mem = '64MB'")
    const faults: string[] = []
    const order = await proveOrder(query, s, faults)
    await proveBalances(query, s, faults)
    await proveHolds(query, s, faults)
    await proveReferences(query, s, faults, order.movements)
    const [sums] = await query(
      `SELECT count(*) FILTER (WHERE NOT closed), sum(posted) + (SELECT server_posted FROM ${s}.feed),
        coalesce(sum(held_out - posted) FILTER (WHERE kind IN (2, 3) AND held_out > posted AND NOT closed), 0),
        (SELECT strangers FROM ${s}.feed),
        (SELECT count(*) FROM ${s}.holds), (SELECT coalesce(sum(amount), 0) FROM ${s}.holds)
      FROM ${s}.accounts`,
    )
    const [accounts, total, exposure, strangers, holds, held] = sums as [number, bigint, bigint, bigint, number, bigint]
    if (total !== 0n) faults.push(`The balances of all accounts add up to ${total} and not to 0.`)
    if (exposure !== strangers) faults.push(`Strangers owe and hold ${exposure} on credit; ${strangers} is noted.`)
    const { entries, posted } = order
    return {
      ok: faults.length === 0,
      faults: faults.slice(0, faultsMax),
      accounts,
      entries,
      holds,
      total,
      posted,
      held,
    }
  })
}

async function proveOrder(query: Query, s: string, faults: string[]) {
  const [feed] = await query(`SELECT seq, pruned_seq, pruned_entries, pruned_posted FROM ${s}.feed`)
  const [last, pruned, prunedEntries, prunedPosted] = feed as [number, number, number, bigint]
  const [row] = await query(
    `SELECT count(*), coalesce(min(seq), 0), coalesce(max(seq), 0), count(*) FILTER (WHERE ${isPosted}),
      coalesce(sum(amount) FILTER (WHERE ${isPosted}), 0), count(*) FILTER (WHERE kind IN (4, 5)),
      count(*) FILTER (WHERE kind NOT BETWEEN 1 AND 7 OR amount < 0 OR amount <> trunc(amount)),
      count(*) FILTER (WHERE kind <= 3 AND (id IS NULL OR expires_at IS NULL))
    FROM ${s}.transfers`,
  )
  const [count, min, max, entries, posted, movements, impossible, incomplete] = row as [
    number,
    number,
    number,
    number,
    bigint,
    number,
    number,
    number,
  ]
  if (count !== last - pruned) faults.push(`Of the ${last - pruned} records ${count} are there.`)
  if (count > 0 && (min !== pruned + 1 || max !== last)) {
    faults.push(`The records go from ${min} to ${max} and not from ${pruned + 1} to ${last}.`)
  }
  if (impossible > 0) faults.push(`${impossible} records are of no known kind or amount.`)
  if (incomplete > 0) faults.push(`${incomplete} transfers have no id or no expiry.`)
  const [steps] = await query(
    `SELECT count(*) FROM (SELECT at - lag(at) OVER (ORDER BY seq) AS step FROM ${s}.transfers) AS steps WHERE step < 0`,
  )
  if (steps![0] !== 0) faults.push(`In ${steps![0]} places of the records, time goes back.`)
  return { entries: entries + prunedEntries, posted: posted + prunedPosted, movements }
}

async function proveBalances(query: Query, s: string, faults: string[]): Promise<void> {
  const rows = await query(
    `WITH moved AS (
      SELECT source, target, sum(amount) FILTER (WHERE ${isPosted}) AS amount, max(seq) AS last
      FROM ${s}.transfers GROUP BY source, target
    ), sums AS (
      SELECT id, coalesce(sum(amount), 0) AS amount, max(last) AS last FROM (
        SELECT source AS id, -amount AS amount, last FROM moved
        UNION ALL SELECT target, amount, CASE WHEN target <> 1 THEN last END FROM moved
        UNION ALL SELECT account, posted, NULL FROM ${s}.checkpoints
      ) AS sides GROUP BY id
    ), stated AS (
      SELECT id, name, closed, CASE id WHEN 1 THEN server_posted ELSE posted END AS posted, last_seq, pruned_seq
      FROM ${s}.accounts CROSS JOIN ${s}.feed
    )
    SELECT coalesce(stated.id, sums.id), stated.name, stated.posted, coalesce(sums.amount, 0), stated.last_seq, sums.last
    FROM stated FULL JOIN sums ON sums.id = stated.id
    WHERE stated.id IS NULL OR stated.posted <> coalesce(sums.amount, 0) OR (stated.closed AND stated.posted <> 0)
      OR stated.last_seq < coalesce(sums.last, 0)
      OR (stated.last_seq > coalesce(sums.last, 0) AND stated.last_seq > pruned_seq)
    ORDER BY 1 LIMIT ${faultsMax}`,
  )
  for (const [id, name, stated, sum, lastStated, last] of rows) {
    if (name === null) {
      faults.push(`Account ${id} is neither open nor closed, but its entries add up to ${sum}.`)
    } else if (stated !== sum) {
      faults.push(`Account ${name} has a balance of ${stated}, but its entries add up to ${sum}.`)
    } else if (lastStated === (last ?? 0)) faults.push(`Account ${name} is closed and has a balance of ${stated}.`)
    else faults.push(`Account ${name} notes ${lastStated} as its newest record, but it is ${last ?? 0}.`)
  }
}

async function proveHolds(query: Query, s: string, faults: string[]): Promise<void> {
  const rows = await query(
    `WITH outgoing AS (SELECT source AS id, sum(amount) AS amount, count(*) AS n FROM ${s}.holds GROUP BY source),
    incoming AS (SELECT target AS id, sum(amount) AS amount, count(*) AS n FROM ${s}.holds GROUP BY target),
    stated AS (
      SELECT id, name, held_out, holds_out, CASE id WHEN 1 THEN server_held_in ELSE held_in END AS held_in,
        CASE id WHEN 1 THEN NULL ELSE holds_in END AS holds_in
      FROM ${s}.accounts CROSS JOIN ${s}.feed WHERE NOT closed
    )
    SELECT coalesce(stated.id, outgoing.id, incoming.id), stated.name, stated.held_out, coalesce(outgoing.amount, 0),
      stated.held_in, coalesce(incoming.amount, 0)
    FROM stated FULL JOIN outgoing ON outgoing.id = stated.id
      FULL JOIN incoming ON incoming.id = coalesce(stated.id, outgoing.id)
    WHERE stated.id IS NULL OR held_out <> coalesce(outgoing.amount, 0) OR holds_out <> coalesce(outgoing.n, 0)
      OR held_in <> coalesce(incoming.amount, 0) OR holds_in <> coalesce(incoming.n, 0)
    ORDER BY 1 LIMIT ${faultsMax}`,
  )
  for (const [id, name, out, sumOut, into, sumIn] of rows) {
    if (name === null) faults.push(`Account ${id} is not open, but has open holds.`)
    else if (out !== sumOut) faults.push(`Account ${name} has outgoing holds of ${out}, but they add up to ${sumOut}.`)
    else if (into !== sumIn) faults.push(`Account ${name} has incoming holds of ${into}, but they add up to ${sumIn}.`)
    else faults.push(`Account ${name} has another number of open holds than is noted.`)
  }
}

async function proveReferences(query: Query, s: string, faults: string[], movements: number): Promise<void> {
  const [row] = await query(
    `SELECT (SELECT count(*) FROM ${s}.transfers AS t LEFT JOIN ${s}.movements AS m USING (kind, reference)
        WHERE t.kind IN (4, 5) AND (m.seq IS DISTINCT FROM t.seq OR m.amount <> t.amount
          OR m.account <> CASE t.kind WHEN 4 THEN t.target ELSE t.source END)),
      (SELECT count(*) FROM ${s}.movements WHERE seq > (SELECT pruned_seq FROM ${s}.feed))`,
  )
  const [lost, kept] = row as [number, number]
  if (lost > 0) faults.push(`${lost} deposits or withdrawals have lost their reference.`)
  if (kept !== movements) faults.push(`There are ${kept} references for ${movements} deposits and withdrawals.`)
}
