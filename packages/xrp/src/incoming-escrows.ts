/**
 * Escrows to this account: offered to the payee, finished with its fulfillment, and settled when a validated ledger
 * says what became of them.
 *
 * ```
 * found ─▶ waiting ─▶ asked ─▶ answered ─▶ claimed ─▶ fulfilled
 *  (no payee yet)       │          │           └────▶ lost: cancelled or expired, though the fulfillment is public
 *                       ▼          └▶ too late: nothing is disclosed, it expires
 *                   rejected, expired
 * ```
 *
 * A fulfillment is public from the moment its EscrowFinish is sent. So it is only sent while enough time is left, a
 * claim is durable before that, and from then on it is tried again until the ledger has decided.
 */
import type { Cursor, IncomingTransfer, Payee, Rejection, SettledOutcome } from '@millstream/plugin'
import { Condition, type Hashes, type Instant, Octets } from '@millstream/units'
import type { ReadLedger, XrpAccount } from './account.js'
import type { FoundEscrow } from './account-queries.js'
import { encodeCondition, encodeFulfillment } from './crypto-condition.js'
import * as Drops from './drops.js'
import { isClaimedFee } from './engine-result.js'
import { feeFactors } from './fees.js'
import * as IncomingEscrow from './incoming-escrow.js'
import type { Batch } from './internal/batch.js'
import { integerOf, objectOf, textOf } from './internal/json.js'
import { createdEscrow, deletedEscrow, type EscrowEntry, type LedgerTransaction } from './ledger-transaction.js'
import * as RippleTime from './ripple-time.js'
import { QueueFullError, type SubmissionOutcome } from './submitter.js'
import type { XrpObserver } from './xrp-event.js'

export interface IncomingEscrowsOptions {
  readonly account: XrpAccount
  readonly rules: () => IncomingEscrow.EscrowRules
  readonly hashes: Hashes
  readonly observer: XrpObserver
  /** Of the feed, as it was at the start. */
  readonly lastCursor: () => Cursor
}

export interface IncomingEscrows {
  receive(payee: Payee): void
  restore(entries: ReadonlyMap<string, string>): void
  saw(transaction: LedgerTransaction, batch: Batch): void
  ended(escrowId: string, outcome: SubmissionOutcome, batch: Batch): void
  stepped(ledger: ReadLedger, batch: Batch): void
  found(escrows: readonly FoundEscrow[], batch: Batch): void
  wants(entry: EscrowEntry): boolean
  readonly count: number
}

type State = 'waiting' | 'asked' | 'answered' | 'over'

interface Incoming {
  readonly escrowId: string
  readonly owner: string
  readonly sequence: number
  readonly cancelAfter: RippleTime.RippleTime
  readonly transfer: IncomingTransfer
  state: State
  /** Whoever was asked; a payee that was replaced is not heard any more. */
  asked: Payee | undefined
  fulfillment: Condition.Fulfillment | undefined
}

/** What stays of an escrow whose fulfillment may be public, until the ledger has decided. */
interface Claim {
  readonly source: string
  readonly destination: string
  readonly amount: bigint
  readonly drops: bigint
  readonly owner: string
  readonly sequence: number
  readonly cancelAfter: RippleTime.RippleTime
  readonly condition: string
  readonly fulfillment: string
  /** The last that the ledger said of it. */
  result: string
  /** A ledger has refused it and taken the fee: it is not paid for again. */
  isHopeless: boolean
}

export const finishKind = 'finish'
const claimPrefix = 'claim/'
/** Places in one ledger: `cursor = ledger × places + index`. */
const places = 2 ** 20
/** What is lost is told after everything that the ledger itself has posted. */
const lostPlace = 2 ** 19

export function createIncomingEscrows(options: IncomingEscrowsOptions): IncomingEscrows {
  const { account, hashes, observer, rules } = options
  const escrows = new Map<string, Incoming>()
  const claims = new Map<string, Claim>()
  let payee: Payee | undefined
  let ignored: Partial<Record<IncomingEscrow.IgnoredReason, number>> = {}
  let cursor: Cursor | undefined

  return {
    receive(registered) {
      payee = registered
      for (const escrow of escrows.values()) if (escrow.state !== 'answered') offer(escrow)
    },
    restore(entries) {
      for (const [key, text] of entries) {
        const claim = key.startsWith(claimPrefix) ? parseClaim(text) : undefined
        if (claim !== undefined) claims.set(key.slice(claimPrefix.length), claim)
      }
    },
    saw(transaction, batch) {
      const created = createdEscrow(transaction)
      if (created?.destination === account.address) take(created, transaction, batch)
      const deleted = deletedEscrow(transaction)
      if (deleted?.destination === account.address) gone(deleted, transaction, batch)
    },
    ended,
    stepped,
    found(found, batch) {
      for (const { entry, created } of found) if (entry.destination === account.address) take(entry, created, batch)
    },
    wants(entry) {
      const isKnown = escrows.has(entry.id) || claims.has(entry.id)
      const reason = isKnown ? undefined : IncomingEscrow.judgeEntry(entry, rules(), account.now())
      if (reason !== undefined) count(reason)
      return !isKnown && reason === undefined
    },
    get count() {
      return escrows.size
    },
  }

  function take(entry: EscrowEntry, created: LedgerTransaction, batch: Batch): void {
    if (escrows.has(entry.id) || claims.has(entry.id)) return
    const transfer = IncomingEscrow.read(entry, created, rules(), account.now())
    if (typeof transfer === 'string' || escrows.size >= account.limits.incomingMax) {
      count(typeof transfer === 'string' ? transfer : 'too_many')
      return
    }
    const escrow: Incoming = {
      escrowId: entry.id,
      owner: entry.owner,
      sequence: created.sequence,
      cancelAfter: entry.cancelAfter!,
      transfer,
      state: 'waiting',
      asked: undefined,
      fulfillment: undefined,
    }
    escrows.set(entry.id, escrow)
    batch.after(() => offer(escrow))
  }

  /** Judged, then asked for, as the payee that is registered now sees it. */
  function offer(escrow: Incoming): void {
    const asked = payee
    if (asked === undefined || escrow.state === 'over') return
    if (!hasTimeFor(escrow.cancelAfter)) return
    if (escrow.asked === undefined) {
      const refusal = checkBy(asked, escrow.transfer)
      if (refusal !== undefined) {
        escrows.delete(escrow.escrowId)
        escrow.state = 'over'
        count('refused')
        return
      }
    }
    escrow.state = 'asked'
    escrow.asked = asked
    const answer = (value: Condition.Fulfillment | Rejection) => answered(escrow, asked, value)
    try {
      const value = asked.fulfill(escrow.transfer)
      if (value instanceof Promise) value.then(answer, (error: unknown) => answer(failure('fulfill', error)))
      else answer(value)
    } catch (error) {
      answer(failure('fulfill', error))
    }
  }

  function answered(escrow: Incoming, by: Payee, value: Condition.Fulfillment | Rejection): void {
    if (escrow.state !== 'asked' || escrow.asked !== by) return
    const isRight =
      value instanceof Uint8Array &&
      value.length === 32 &&
      Octets.equal(hashes.sha256(value), escrow.transfer.condition)
    if (!isRight) {
      // The ledger knows no rejection: the payer gets its money back when the escrow has expired.
      account.commit((batch) => settle(escrow, 'rejected', batch))
      return
    }
    escrow.state = 'answered'
    escrow.fulfillment = Condition.fulfillmentFrom(value.slice())
    claim(escrow)
  }

  /** Sends the fulfillment, if there is time. Else it stays secret, and the escrow expires. */
  function claim(escrow: Incoming): void {
    const { escrowId, owner, sequence, transfer, cancelAfter } = escrow
    submitFinish(
      escrowId,
      {
        source: transfer.source,
        destination: transfer.destination,
        amount: transfer.amount,
        drops: Drops.floorFromUnits(transfer.amount, rules().scale),
        owner,
        sequence,
        cancelAfter,
        condition: encodeCondition(transfer.condition),
        fulfillment: encodeFulfillment(escrow.fulfillment!),
        result: '',
        isHopeless: false,
      },
      () => hasTimeFor(cancelAfter),
    )
  }

  function submitFinish(escrowId: string, claim: Claim, isWanted: () => boolean): void {
    const leftMs = RippleTime.toInstant(claim.cancelAfter) - account.now()
    try {
      account.submit({
        purpose: { kind: finishKind, key: escrowId },
        fields: {
          TransactionType: 'EscrowFinish',
          Owner: claim.owner,
          OfferSequence: claim.sequence,
          Condition: claim.condition,
          Fulfillment: claim.fulfillment,
        },
        feeFactor: feeFactors.finish,
        drops: 0n,
        ownsObject: false,
        ledgersAhead: Math.max(3, Math.ceil(leftMs / account.limits.ledgerMs)),
        isWanted,
        keep(batch) {
          claims.set(escrowId, claim)
          batch.put(claimPrefix + escrowId, formatClaim(claim))
        },
      })
    } catch (error) {
      // Too many wait: the next ledger brings another try.
      if (!(error instanceof QueueFullError)) throw error
    }
  }

  function ended(escrowId: string, outcome: SubmissionOutcome, batch: Batch): void {
    const claim = claims.get(escrowId)
    // Dropped before it was signed, or decided already: what stepped finds is tried again.
    if (claim === undefined) return
    claim.result = outcome.status === 'validated' ? outcome.transaction.result : outcome.reason
    claim.isHopeless ||= outcome.status === 'validated' && isClaimedFee(claim.result)
    if (outcome.status === 'lapsed') batch.after(() => claimAgain(escrowId, claim))
  }

  /** The fulfillment is public already, so that no time is too late but the expiry itself. */
  function claimAgain(escrowId: string, claim: Claim): void {
    if (claim.isHopeless || claims.get(escrowId) !== claim) return
    if (account.isSubmitting({ kind: finishKind, key: escrowId })) return
    submitFinish(escrowId, claim, () => RippleTime.toInstant(claim.cancelAfter) > account.now())
  }

  /** A finish or a cancel by anybody has ended the escrow. */
  function gone(entry: EscrowEntry, transaction: LedgerTransaction, batch: Batch): void {
    const claim = claims.get(entry.id)
    const escrow = escrows.get(entry.id)
    if (claim === undefined && escrow === undefined) return
    const isPaid = transaction.type === 'EscrowFinish'
    if (claim === undefined) {
      // Finished by somebody else though nobody here has agreed: the number is public, and buys nothing.
      settle(escrow!, isPaid ? 'lost' : 'expired', batch)
      return
    }
    if (isPaid) {
      forget(entry.id, batch)
      const closedAt = transaction.closedAt ?? account.readLedger()?.closedAt
      const postedAt = closedAt === undefined ? account.now() : RippleTime.toInstant(closedAt)
      post(claim, claim.amount, transaction.ledgerIndex * places + transaction.index, postedAt, batch)
      if (escrow !== undefined) settle(escrow, 'fulfilled', batch)
    } else {
      lose(entry.id, claim, transaction.ledgerIndex * places + transaction.index, batch)
    }
  }

  function stepped(ledger: ReadLedger, batch: Batch): void {
    for (const [escrowId, claim] of [...claims]) {
      // A ledger is judged by the close of the one before it, so that no later one can finish this.
      if (ledger.closedAt > claim.cancelAfter) lose(escrowId, claim, ledger.index * places + lostPlace, batch)
      else if (!account.isSubmitting({ kind: finishKind, key: escrowId }))
        batch.after(() => claimAgain(escrowId, claim))
    }
    for (const escrow of [...escrows.values()]) {
      if (claims.has(escrow.escrowId)) continue
      if (ledger.closedAt > escrow.cancelAfter) settle(escrow, 'expired', batch)
      else if (escrow.state === 'answered' && !account.isSubmitting({ kind: finishKind, key: escrow.escrowId })) {
        batch.after(() => {
          if (escrow.state === 'answered' && hasTimeFor(escrow.cancelAfter)) claim(escrow)
        })
      }
    }
    if (Object.keys(ignored).length === 0) return
    observer({ name: 'xrp.escrows_ignored', level: 'info', counts: ignored })
    ignored = {}
  }

  function lose(escrowId: string, claim: Claim, place: number, batch: Batch): void {
    const { drops, result } = claim
    observer({ name: 'xrp.claim_lost', level: 'error', escrow: escrowId, drops, result })
    forget(escrowId, batch)
    // Amount 0: nothing was paid, and the number is used all the same.
    post(claim, 0n, place, account.now(), batch)
    const escrow = escrows.get(escrowId)
    if (escrow !== undefined) settle(escrow, 'lost', batch)
  }

  function forget(escrowId: string, batch: Batch): void {
    claims.delete(escrowId)
    batch.remove(claimPrefix + escrowId)
  }

  function post(claim: Claim, amount: bigint, place: number, postedAt: Instant.Instant, batch: Batch): void {
    const last = lastCursor()
    // What is read again after a crash keeps its place, and the store knows it; several may be lost in one place.
    const at = (amount === 0n && place <= last ? last + 1 : place) as Cursor
    if (at > last) cursor = at
    batch.post({ cursor: at, source: claim.source, destination: claim.destination, amount, postedAt })
  }

  function lastCursor(): Cursor {
    cursor ??= options.lastCursor()
    return cursor
  }

  function settle(escrow: Incoming, outcome: SettledOutcome, batch: Batch): void {
    const { asked, transfer } = escrow
    escrow.state = 'over'
    escrow.fulfillment = undefined
    escrows.delete(escrow.escrowId)
    if (asked === undefined) return
    const at = lastCursor()
    batch.after(() => {
      try {
        asked.settled(transfer, outcome, at)
      } catch (error) {
        observer({ name: 'xrp.payee_failed', level: 'error', call: 'settled', error })
      }
    })
  }

  function checkBy(asked: Payee, transfer: IncomingTransfer): Rejection | undefined {
    try {
      return asked.check(transfer)
    } catch (error) {
      return failure('check', error)
    }
  }

  function failure(call: 'check' | 'fulfill', error: unknown): Rejection {
    observer({ name: 'xrp.payee_failed', level: 'error', call, error })
    return { code: 'T00', message: 'The receiver of the payment failed.' }
  }

  function hasTimeFor(cancelAfter: RippleTime.RippleTime): boolean {
    return RippleTime.toInstant(cancelAfter) - account.now() > account.limits.expiryMarginMs
  }

  function count(reason: IncomingEscrow.IgnoredReason): void {
    ignored[reason] = (ignored[reason] ?? 0) + 1
  }
}

function formatClaim(claim: Claim): unknown {
  return { ...claim, amount: String(claim.amount), drops: String(claim.drops) }
}

function parseClaim(text: string): Claim | undefined {
  const value = objectOf(JSON.parse(text))
  const source = textOf(value?.source)
  const destination = textOf(value?.destination)
  const owner = textOf(value?.owner)
  const sequence = integerOf(value?.sequence)
  const condition = textOf(value?.condition)
  const fulfillment = textOf(value?.fulfillment)
  const cancelAfter = value?.cancelAfter
  if (
    value === undefined ||
    source === undefined ||
    destination === undefined ||
    owner === undefined ||
    sequence === undefined ||
    condition === undefined ||
    fulfillment === undefined ||
    !RippleTime.isRippleTime(cancelAfter)
  ) {
    return undefined
  }
  const amount = BigInt(textOf(value.amount) ?? 0)
  const drops = BigInt(textOf(value.drops) ?? 0)
  const result = textOf(value.result) ?? ''
  const known = { source, destination, owner, sequence, condition, fulfillment, cancelAfter, amount, drops, result }
  return { ...known, isHopeless: value.isHopeless === true }
}
