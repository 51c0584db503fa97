/**
 * XRP that is paid out of an account.
 *
 * ```
 * asked ─▶ debited ─▶ signed ─▶ paid
 *   │         │          │
 *   ▼         └──────────┴────▶ returning ─▶ returned       unknown
 * refused
 * ```
 *
 * Each arrow is durable before the next step. The debit and the return are in the ledger under references of this
 * withdrawal, so that either is made once, whenever the process ends between two of them. The signed bytes are kept in
 * one write with the state `signed`, after the debit and before anything is sent. Money goes back to the account only
 * when the transaction is in no ledger and never will be, or is in one and failed; what nobody can say stays `unknown`.
 */
import { SettlementRefusedError } from '@millstream/trustline'
import * as Drops from '../drops.js'
import * as EngineResult from '../engine-result.js'
import { feeFactors, feeFor } from '../fees.js'
import type { Batch } from '../internal/batch.js'
import type { SubmissionOutcome } from '../submitter.js'
import type { SettlementContext } from './context.js'
import { createFinished } from './finished.js'
import * as Reference from './reference.js'
import type { Sources } from './sources.js'
import type { WithdrawalAnswer } from './wire.js'

export interface Withdrawals {
  restore(entries: ReadonlyMap<string, string>): void
  /** Goes on with what the process before has begun. The account is open. */
  resume(): void
  /**
   * @param drops - Everything if left out.
   * @throws {SettlementRefusedError} Nothing was debited.
   */
  start(name: string, id: string, address: string, drops: bigint | undefined): Promise<WithdrawalAnswer>
  ended(key: string, outcome: SubmissionOutcome, batch: Batch): void
  stepped(batch: Batch): void
  statusOf(name: string, id: string): WithdrawalAnswer
}

export interface KeptWithdrawal {
  readonly name: string
  readonly id: string
  readonly address: string
  readonly tag: number | null
  readonly drops: string
  state: 'asked' | 'debited' | 'signed' | 'paid' | 'returning' | 'returned' | 'refused' | 'unknown'
  hash?: string
  reason?: string
}

/** Of submissions. */
export const withdrawalKind = 'withdrawal'
export const withdrawalPrefix = 'withdrawal/'

const final = new Set<KeptWithdrawal['state']>(['paid', 'returned', 'refused'])

export function createWithdrawals(context: SettlementContext, sources: Sources): Withdrawals {
  const { account, ledger, limits, observe, scale, totals } = context
  const withdrawals = new Map<string, KeptWithdrawal>()
  const finished = createFinished(limits.finishedMax)
  /** Accounts with one that is not finished: one at a time. */
  const busy = new Map<string, string>()
  /** Those that are being judged, by their keys. */
  const starting = new Map<string, Promise<WithdrawalAnswer>>()

  return {
    restore(entries) {
      for (const [key, text] of entries) {
        if (!key.startsWith(withdrawalPrefix)) continue
        const withdrawal = JSON.parse(text) as KeptWithdrawal
        withdrawals.set(keyOf(withdrawal), withdrawal)
        if (final.has(withdrawal.state)) finished.add(keyOf(withdrawal))
        else if (withdrawal.state !== 'unknown') busy.set(withdrawal.name, withdrawal.id)
      }
    },
    resume() {
      for (const withdrawal of withdrawals.values()) {
        if (withdrawal.state === 'asked') context.run(() => debit(withdrawal))
        else if (withdrawal.state === 'debited') submit(withdrawal)
        else if (withdrawal.state === 'returning') context.run(() => giveBack(withdrawal))
      }
    },
    async start(name, id, address, drops) {
      const key = keyOf({ name, id })
      const known = withdrawals.get(key)
      if (known !== undefined) return answerOf(known)
      const judged = starting.get(key) ?? start(name, id, address, drops).finally(() => starting.delete(key))
      starting.set(key, judged)
      return judged
    },
    ended,
    stepped(batch) {
      for (const key of finished.takeBeyond()) {
        withdrawals.delete(key)
        batch.remove(withdrawalPrefix + key)
      }
    },
    statusOf(name, id) {
      const withdrawal = withdrawals.get(keyOf({ name, id }))
      return withdrawal === undefined ? { id, status: 'unheard' } : answerOf(withdrawal)
    },
  }

  async function start(name: string, id: string, address: string, asked: bigint | undefined) {
    if (busy.has(name)) throw refused('A withdrawal of this account is under way. Wait until it has ended.')
    const [source, another] = sources.at(name, address)
    if (source === undefined) {
      throw refused('No deposit to this account came from that address: XRP goes back only to where it came from.')
    }
    if (another !== undefined) {
      throw refused(
        'Deposits came from that address under several source tags, and which one is yours cannot be told. Nothing was ' +
          'debited; name another address from which you paid, or ask the operator.',
      )
    }
    // Held from here on: what comes meanwhile is refused.
    busy.set(name, id)
    try {
      // Of an old one only the ledger knows, which would take the debit for made.
      if (await ledger.wasWithdrawn(name, Reference.ofWithdrawal(name, id))) {
        throw refused('The id was used before, for a withdrawal that ended long ago. Nothing was debited; use another.')
      }
      const found = await ledger.find(name)
      const available = Drops.floorFromUnits((found?.posted ?? 0n) - (found?.heldOut ?? 0n), scale)
      const drops = asked ?? available
      if (drops < limits.withdrawDropsMin || drops > available) throw tooMuch(drops, available)
      assertSpendable(drops)
      const withdrawal: KeptWithdrawal = {
        ...{ name, id, address, state: 'asked', tag: source.tag ?? null },
        drops: String(drops),
      }
      withdrawals.set(keyOf(withdrawal), withdrawal)
      account.commit((batch) => {
        keep(withdrawal, batch)
        batch.after(() => context.run(() => debit(withdrawal)))
      })
      return answerOf(withdrawal)
    } catch (error) {
      busy.delete(name)
      throw error
    }
  }

  function tooMuch(drops: bigint, available: bigint): SettlementRefusedError {
    const least = Drops.format(limits.withdrawDropsMin)
    if (drops > available) return refused(`The account has ${Drops.format(available)} that is not held.`)
    return refused(`The least that is paid out is ${least}; the account has ${Drops.format(available)}.`)
  }

  function assertSpendable(drops: bigint): void {
    const { balance, reserveBase, reserveIncrement, ownerCount } = account.stateCommitted()
    const fee = feeFor(account.fees(), feeFactors.plain, account.limits.feeDropsMax) ?? account.limits.feeDropsMax
    const reserve = reserveBase + reserveIncrement * BigInt(ownerCount)
    if (balance - reserve - fee >= drops) return
    observe({ name: 'xrp.withdrawal_short', level: 'error', drops, balance })
    throw new SettlementRefusedError(
      'UnreachableError',
      'The host cannot pay so much out at this moment. The account keeps what it has; ask its operator.',
    )
  }

  async function debit(withdrawal: KeptWithdrawal): Promise<void> {
    const { name, id } = withdrawal
    const status = await ledger.withdraw(name, BigInt(withdrawal.drops), Reference.ofWithdrawal(name, id))
    const isDebited = status === 'withdrawn' || status === 'exists'
    account.commit((batch) => {
      if (!isDebited) {
        finish(withdrawal, 'refused', batch, status)
        return
      }
      withdrawal.state = 'debited'
      keep(withdrawal, batch)
      batch.after(() => submit(withdrawal))
    })
  }

  function submit(withdrawal: KeptWithdrawal): void {
    const { address, tag, drops } = withdrawal
    const purpose = { kind: withdrawalKind, key: keyOf(withdrawal) }
    if (account.isSubmitting(purpose)) return
    try {
      account.submit({
        purpose,
        fields: {
          TransactionType: 'Payment',
          Destination: address,
          Amount: drops,
          ...(tag === null ? undefined : { DestinationTag: tag }),
        },
        feeFactor: feeFactors.plain,
        drops: BigInt(drops),
        ownsObject: false,
        keep(batch) {
          withdrawal.state = 'signed'
          keep(withdrawal, batch)
        },
      })
    } catch (error) {
      // Nothing was signed.
      const reason = error instanceof Error ? error.name : 'not_signed'
      account.commit((batch) => lost(withdrawal, reason, batch))
    }
  }

  function ended(key: string, outcome: SubmissionOutcome, batch: Batch): void {
    const withdrawal = withdrawals.get(key)
    if (withdrawal === undefined || final.has(withdrawal.state)) return
    if (outcome.status === 'validated') {
      const { hash, result } = outcome.transaction
      withdrawal.hash = hash
      if (EngineResult.named(result) !== 'success') {
        lost(withdrawal, result, batch)
        return
      }
      totals.add('withdrawn', BigInt(withdrawal.drops), batch)
      finish(withdrawal, 'paid', batch)
    } else if (outcome.status === 'unknown') {
      busy.delete(withdrawal.name)
      withdrawal.state = 'unknown'
      withdrawal.reason = outcome.reason
      keep(withdrawal, batch)
      const { name: account, id } = withdrawal
      observe({ name: 'xrp.withdrawal_unknown', level: 'error', account, id, drops: BigInt(withdrawal.drops) })
    } else {
      lost(withdrawal, outcome.reason, batch)
    }
  }

  function lost(withdrawal: KeptWithdrawal, reason: string, batch: Batch): void {
    withdrawal.state = 'returning'
    withdrawal.reason = reason
    keep(withdrawal, batch)
    batch.after(() => context.run(() => giveBack(withdrawal)))
  }

  async function giveBack(withdrawal: KeptWithdrawal): Promise<void> {
    const { name, id } = withdrawal
    const status = await ledger.deposit(name, BigInt(withdrawal.drops), Reference.ofReturn(name, id))
    account.commit((batch) => {
      if (withdrawal.state !== 'returning') return
      if (status === 'deposited' || status === 'exists') finish(withdrawal, 'returned', batch)
      else
        observe({ name: 'xrp.withdrawal_unknown', level: 'error', account: name, id, drops: BigInt(withdrawal.drops) })
    })
  }

  function finish(
    withdrawal: KeptWithdrawal,
    state: 'paid' | 'returned' | 'refused',
    batch: Batch,
    reason = withdrawal.reason,
  ): void {
    withdrawal.state = state
    if (reason !== undefined) withdrawal.reason = reason
    busy.delete(withdrawal.name)
    keep(withdrawal, batch)
    finished.add(keyOf(withdrawal))
    const { name: account, id, address } = withdrawal
    const facts = { account, id, address, drops: BigInt(withdrawal.drops) }
    batch.after(() => {
      if (state === 'paid') observe({ name: 'xrp.withdrawn', level: 'info', ...facts })
      else observe({ name: 'xrp.withdrawal_failed', level: 'warn', ...facts, reason: reason ?? 'unknown' })
    })
  }

  function keep(withdrawal: KeptWithdrawal, batch: Batch): void {
    batch.put(withdrawalPrefix + keyOf(withdrawal), withdrawal)
  }
}

function keyOf({ name, id }: Pick<KeptWithdrawal, 'name' | 'id'>): string {
  return `${name} ${id}`
}

function answerOf({ id, state, drops, address, hash, reason }: KeptWithdrawal): WithdrawalAnswer {
  const status = state === 'signed' ? 'sent' : state === 'asked' || state === 'debited' ? 'waiting' : state
  return {
    id,
    status: status === 'returning' ? 'sent' : status,
    drops: BigInt(drops),
    address,
    ...(hash === undefined ? undefined : { hash }),
    ...(reason === undefined ? undefined : { reason }),
  }
}

function refused(message: string): SettlementRefusedError {
  return new SettlementRefusedError('NotAcceptedError', message)
}
