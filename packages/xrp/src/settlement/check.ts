/**
 * Compares what is kept of the XRP Ledger with the books: each deposit, claim and withdrawal there is one movement here,
 * of the same amount, and the other way round. Works from the two stores alone, with a running shop or without.
 */
import { type AccountId, type Store, settlementAccount, suspenseAccount } from '@millstream/ledger'
import * as Drops from '../drops.js'
import { channelPrefix, type KeptChannel } from './channels.js'
import { readTotals } from './context.js'
import { depositPrefix, type KeptDeposit } from './deposits.js'
import * as Reference from './reference.js'
import { type KeptWithdrawal, withdrawalPrefix } from './withdrawals.js'

/** Amounts are drops. */
export interface SettlementReport {
  readonly ok: boolean
  /** One sentence for each thing that does not hold; at most 100. */
  readonly faults: readonly string[]
  readonly deposited: bigint
  readonly claimed: bigint
  /** Of the claims, what the XRP Ledger has not paid yet. */
  readonly unredeemed: bigint
  readonly withdrawn: bigint
  /** What is in the suspense account, in base units of the ledger. */
  readonly suspense: bigint
  /** Steps that are under way: they may be in one of the books only. */
  readonly underWay: number
  /** Withdrawals of which nobody can say whether they were paid. */
  readonly unknown: number
  /** Old records are gone, so sums were compared for what is left. */
  readonly isPruned: boolean
}

interface Booked {
  readonly deposits: Map<string, bigint>
  readonly claims: Map<string, bigint>
  readonly withdrawals: Map<string, bigint>
  readonly returns: Map<string, bigint>
}

const faultsMax = 100

/**
 * @param entries - Of the store of the shop's XRP account.
 * @param scale - Of the ledger.
 */
export async function checkSettlement(
  ledger: Store,
  entries: ReadonlyMap<string, string>,
  scale: number,
): Promise<SettlementReport> {
  const faults: string[] = []
  const fault = (words: string) => {
    if (faults.length < faultsMax) faults.push(words)
  }
  const booked = await readBooks(ledger, scale)
  const isPruned = (await ledger.history()).after > 0
  const totals = readTotals(entries)
  const open = { deposits: 0n, claims: 0n, withdrawals: 0n }
  let underWay = 0
  let unknown = 0
  let unredeemed = 0n

  for (const deposit of keptIn<KeptDeposit>(entries, depositPrefix)) {
    const drops = BigInt(deposit.drops)
    const found = booked.deposits.get(deposit.hash)
    if (deposit.state === 'seen') {
      underWay++
      open.deposits += found ?? 0n
    } else if (found !== drops && !(isPruned && found === undefined)) {
      fault(`The payment ${deposit.hash} of ${drops} drops is in the books with ${found ?? 'nothing'}.`)
    }
  }

  for (const channel of keptIn<KeptChannel>(entries, channelPrefix)) {
    const { id, state } = channel
    const credited = BigInt(channel.credited)
    const crediting = BigInt(channel.crediting)
    const claimed = BigInt(channel.claimed)
    const redeemed = BigInt(channel.redeemed)
    if (crediting > credited) {
      underWay++
      open.claims += booked.claims.get(Reference.ofClaim(id, crediting)) ?? 0n
    }
    if (claimed > redeemed) unredeemed += claimed - redeemed
    if (redeemed > claimed) fault(`Of channel ${id} ${redeemed} drops were redeemed, and ${claimed} claimed.`)
    if (state === 'closed' && redeemed < claimed) {
      fault(`Channel ${id} has ended, and ${claimed - redeemed} drops were credited for it that it never paid.`)
    }
  }

  for (const withdrawal of keptIn<KeptWithdrawal>(entries, withdrawalPrefix)) {
    const { name, id, state } = withdrawal
    const key = `${name} ${id}`
    const drops = BigInt(withdrawal.drops)
    const [debited, returned] = [booked.withdrawals.get(key), booked.returns.get(key)]
    if (state === 'paid' || state === 'returned' || state === 'refused') {
      const isRight =
        state === 'paid'
          ? debited === drops && returned === undefined
          : state === 'returned'
            ? debited === returned && debited === drops
            : debited === undefined
      if (!isRight && !isPruned) {
        fault(`The withdrawal ${id} of account ${name} is ${state}; the books have ${debited} and back ${returned}.`)
      }
    } else {
      if (state === 'unknown') unknown++
      else underWay++
      open.withdrawals += (debited ?? 0n) - (returned ?? 0n)
    }
  }

  if (!isPruned) {
    const sum = (map: Map<string, bigint>) => [...map.values()].reduce((total, drops) => total + drops, 0n)
    const compare = (what: string, kept: bigint, found: bigint) => {
      if (kept !== found) fault(`The ${what} on XRP add up to ${kept} drops, and in the books to ${found}.`)
    }
    compare('deposits', totals.deposited, sum(booked.deposits) - open.deposits)
    compare('claims', totals.claimed, sum(booked.claims) - open.claims)
    compare('withdrawals', totals.withdrawn, sum(booked.withdrawals) - sum(booked.returns) - open.withdrawals)
  }
  const moved = await unfinishedMoves(ledger)
  for (const reference of moved) {
    fault(`What was moved out of suspense as "${reference}" has not arrived: run the same command again.`)
  }

  return {
    ok: faults.length === 0,
    faults,
    ...totals,
    unredeemed,
    suspense: (await ledger.account(suspenseAccount))?.posted ?? 0n,
    underWay,
    unknown,
    isPruned,
  }
}

async function readBooks(ledger: Store, scale: number): Promise<Booked> {
  const booked: Booked = {
    deposits: new Map(),
    claims: new Map(),
    withdrawals: new Map(),
    returns: new Map(),
  }
  for await (const record of ledger.transfers({ account: settlementAccount })) {
    const named = Reference.parse(record.reference ?? '')
    if (named === undefined) continue
    // No movement of ours has a fraction of a drop.
    const drops = Drops.floorFromUnits(record.amount, scale)
    if (named.kind === 'deposit') booked.deposits.set(named.hash, drops)
    else if (named.kind === 'claim') booked.claims.set(record.reference!, drops)
    else if (named.kind === 'withdrawal') booked.withdrawals.set(named.key, drops)
    else booked.returns.set(named.key, drops)
  }
  return booked
}

/** A move is two movements of one reference: out of suspense, and to its owner. */
async function unfinishedMoves(ledger: Store): Promise<readonly string[]> {
  const open = new Map<string, AccountId>()
  for await (const { kind, reference = '', source, target } of ledger.transfers({ account: settlementAccount })) {
    if (!reference.startsWith('moved ')) continue
    if (kind === 'withdrawal') open.set(reference, source)
    else if (target !== settlementAccount) open.delete(reference)
  }
  return [...open.keys()]
}

function* keptIn<Kept>(entries: ReadonlyMap<string, string>, prefix: string): Generator<Kept> {
  for (const [key, text] of entries) if (key.startsWith(prefix)) yield JSON.parse(text) as Kept
}
