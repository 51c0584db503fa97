/**
 * Which escrows to this account are Interledger transfers that can be taken, and what they say.
 *
 * Anybody can make an escrow to anybody, with any memos, amounts and times. What is none of ours, or could not be
 * finished with a gain and in time, is ignored by name: its owner gets the money back when it has expired.
 */
import { IlpPacket } from '@millstream/codec'
import type { IncomingTransfer } from '@millstream/plugin'
import { Instant } from '@millstream/units'
import { decodeCondition } from './crypto-condition.js'
import * as Drops from './drops.js'
import * as EscrowMemos from './escrow-memos.js'
import type { EscrowEntry, LedgerTransaction } from './ledger-transaction.js'
import * as RippleTime from './ripple-time.js'

export type IgnoredReason =
  | EscrowMemos.MemoFault
  /** The amount is a token. */
  | 'not_xrp'
  /** Finishing costs more than it brings. */
  | 'below_minimum'
  /** No condition, or not one of a preimage of 32 bytes: it could not be finished. */
  | 'foreign_condition'
  | 'no_expiry'
  /** It could not be finished at once. */
  | 'finish_after'
  | 'expires_too_soon'
  | 'expires_too_late'
  /** The packet is no ILP payment. */
  | 'not_a_payment'
  | 'too_many'
  /** The payee does not take it. */
  | 'refused'

export interface EscrowRules {
  readonly address: string
  readonly prefix: string
  readonly scale: number
  readonly dropsMin: bigint
  readonly marginMs: number
  readonly expiresInMsMax: number
}

/** Looks at what the ledger entry says by itself, before its memos are asked for. */
export function judgeEntry(entry: EscrowEntry, rules: EscrowRules, now: Instant.Instant): IgnoredReason | undefined {
  if (entry.drops === undefined) return 'not_xrp'
  if (entry.drops < rules.dropsMin || entry.drops === 0n) return 'below_minimum'
  if (decodeCondition(entry.condition) === undefined) return 'foreign_condition'
  if (entry.finishAfter !== undefined) return 'finish_after'
  if (entry.cancelAfter === undefined) return 'no_expiry'
  const expiresAt = RippleTime.toInstant(entry.cancelAfter)
  if (expiresAt - now <= rules.marginMs) return 'expires_too_soon'
  if (expiresAt > Instant.after(now, rules.expiresInMsMax)) return 'expires_too_late'
  return undefined
}

/** @param created - The EscrowCreate: the entry itself has no memos. */
export function read(
  entry: EscrowEntry,
  created: LedgerTransaction,
  rules: EscrowRules,
  now: Instant.Instant,
): IncomingTransfer | IgnoredReason {
  const fault = judgeEntry(entry, rules, now)
  if (fault !== undefined) return fault
  const memos = EscrowMemos.decode(created.fields.Memos)
  if (typeof memos === 'string') return memos
  const payment = decodePayment(memos.packet)
  if (payment === undefined) return 'not_a_payment'
  return {
    id: memos.id,
    source: rules.prefix + entry.owner,
    amount: Drops.toUnits(entry.drops!, rules.scale),
    condition: decodeCondition(entry.condition)!,
    expiresAt: RippleTime.toInstant(entry.cancelAfter!),
    packet: memos.packet,
    destination: payment.account,
    destinationAmount: payment.amount,
  }
}

export function decodePayment(packet: Uint8Array): IlpPacket.Payment | undefined {
  try {
    return IlpPacket.decodePayment(packet)
  } catch {
    return undefined
  }
}
