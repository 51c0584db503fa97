/**
 * An XRP account that sends one thing after another and waits for each: what a customer needs to fund its trustline.
 * Signed transactions are kept before they are sent; what a process before has left under way is brought to its end at
 * the next opening, and told.
 */
import { Hex, type Instant, MillstreamError, type RandomBytes, type Timers } from '@millstream/units'
import { type AccountUser, createXrpAccount } from '../account.js'
import * as Drops from '../drops.js'
import * as EngineResult from '../engine-result.js'
import { feeFactors, feeFor } from '../fees.js'
import type { JsonObject } from '../internal/json.js'
import type { LedgerTransaction } from '../ledger-transaction.js'
import type { XrpServer } from '../server.js'
import type { Signer } from '../signer.js'
import type { XrpStore } from '../store.js'
import type { SubmissionOutcome } from '../submitter.js'
import type { XrpObserver } from '../xrp-event.js'

export interface XrpWalletOptions {
  readonly server: XrpServer
  readonly signer: Signer
  readonly store: XrpStore
  readonly clock: Instant.Clock
  readonly timers: Timers
  readonly randomBytes: RandomBytes
  readonly observer?: XrpObserver
}

export interface XrpWallet {
  readonly address: string
  open(): Promise<void>
  /** What an earlier process has left under way, once it has ended: before anything new is sent. */
  earlier(): Promise<readonly SubmissionOutcome[]>
  /** Drops, as of the newest ledger that was read. */
  balance(): bigint
  /**
   * Resolves when the transaction is validated and has succeeded.
   *
   * @param drops - What leaves the account with it, without the fee.
   * @throws {NotFundedError} The account has not so much to spend. Nothing was sent.
   * @throws {NotSentError} It is in no ledger and will be in none, or it is in one and did nothing but cost its fee.
   * @throws {OutcomeUnknownError} Nobody can say.
   */
  send(fields: JsonObject, drops: bigint, ownsObject?: boolean): Promise<LedgerTransaction>
  close(): Promise<void>
}

const walletKind = 'wallet'

export function createXrpWallet(options: XrpWalletOptions): XrpWallet {
  const waiting = new Map<string, (outcome: SubmissionOutcome) => void>()
  const recovered: SubmissionOutcome[] = []
  let told: (() => void) | undefined
  const user: AccountUser = {
    restore() {},
    saw() {},
    ended({ kind, key }, outcome, batch) {
      batch.after(() => {
        const resolve = waiting.get(key)
        waiting.delete(key)
        if (resolve !== undefined) resolve(outcome)
        else if (kind === walletKind) recovered.push(outcome)
        told?.()
      })
    },
    stepped() {},
    wants: () => false,
    found() {},
    broken: () => giveUp('what is kept of them cannot be written any more'),
  }
  const account = createXrpAccount(options, user)

  return {
    address: account.address,
    open: () => account.open(),
    async earlier() {
      while (account.inFlight().some(({ purpose }) => !waiting.has(purpose.key))) {
        await new Promise<void>((resolve) => {
          told = resolve
        })
      }
      return recovered
    },
    balance: () => account.state().balance,
    async send(fields, drops, ownsObject = false) {
      assertFunded(drops, ownsObject)
      const key = Hex.fromBytes(options.randomBytes(16))
      const outcome = await new Promise<SubmissionOutcome>((resolve) => {
        waiting.set(key, resolve)
        account.submit({
          purpose: { kind: walletKind, key },
          fields,
          feeFactor: feeFactors.plain,
          drops,
          ownsObject,
        })
      })
      if (outcome.status === 'unknown') throw new OutcomeUnknownError(outcome.reason)
      if (outcome.status !== 'validated') throw new NotSentError(outcome.reason)
      const { result } = outcome.transaction
      if (EngineResult.named(result) !== 'success') throw new NotSentError(result)
      return outcome.transaction
    },
    async close() {
      await account.close()
      giveUp('the program ends')
    },
  }

  function assertFunded(drops: bigint, ownsObject: boolean): void {
    const { balance, ownerCount, reserveBase, reserveIncrement } = account.stateCommitted()
    const fee = feeFor(account.fees(), feeFactors.plain, account.limits.feeDropsMax) ?? account.limits.feeDropsMax
    const reserve = reserveBase + reserveIncrement * BigInt(ownerCount + (ownsObject ? 1 : 0))
    if (balance - reserve - fee < drops) throw new NotFundedError(account.address, { drops, balance, reserve, fee })
  }

  function giveUp(reason: string): void {
    for (const resolve of waiting.values()) resolve({ status: 'unknown', reason })
    waiting.clear()
  }
}

export class NotFundedError extends MillstreamError {
  override readonly name = 'XrpWallet.NotFundedError'
  readonly code = 'XRP_NOT_FUNDED'
  constructor(
    address: string,
    { drops, balance, reserve, fee }: { drops: bigint; balance: bigint; reserve: bigint; fee: bigint },
  ) {
    super(
      `The account ${address} holds ${Drops.format(balance)}, of which the XRP Ledger keeps ${Drops.format(reserve)} ` +
        `back. That is too little for ${Drops.format(drops)} and a fee of ${Drops.format(fee)}. Nothing was sent.`,
    )
  }
}

export class NotSentError extends MillstreamError {
  override readonly name = 'XrpWallet.NotSentError'
  readonly code = 'XRP_NOT_SENT'
  constructor(reason: string) {
    super(
      `The XRP Ledger did not carry the transaction out (${reason}). No XRP has left the account but perhaps the fee; ` +
        'it can be tried again.',
    )
  }
}

export class OutcomeUnknownError extends MillstreamError {
  override readonly name = 'XrpWallet.OutcomeUnknownError'
  readonly code = 'XRP_OUTCOME_UNKNOWN'
  constructor(reason: string) {
    super(
      `What became of the transaction is not known: ${reason}. It may have been carried out. Look the account up, or ` +
        'run the command again: what is under way is brought to its end before anything new is sent.',
    )
  }
}
