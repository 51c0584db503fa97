/**
 * Escrows of this account: transfers that it pays, each of them once, until a validated ledger says what became of it.
 *
 * ```
 * preparing ─▶ held ─▶ fulfilled
 *     │          └───▶ expired ─▶ cancelled: the money is back
 *     └▶ rejected: nothing was held
 * ```
 *
 * A transfer is known by its id: sent again it is the same one, also after a restart and after its end. An escrow that
 * has expired stays on the ledger until somebody cancels it, which is done here, for those that a process before has
 * left too.
 */
import type { SendOutcome } from '@millstream/plugin'
import { type Condition, type Hashes, Hex, Instant, Octets, type TransferId } from '@millstream/units'
import type { ReadLedger, XrpAccount } from './account.js'
import type { FoundEscrows } from './account-queries.js'
import { decodeCondition, decodeFulfillment, encodeCondition } from './crypto-condition.js'
import * as EngineResult from './engine-result.js'
import * as EscrowMemos from './escrow-memos.js'
import * as EscrowRefusal from './escrow-refusal.js'
import { explainShortage, feeFactors, feeFor, spendableDrops } from './fees.js'
import type { Batch } from './internal/batch.js'
import { createdEscrow, deletedEscrow, type LedgerTransaction } from './ledger-transaction.js'
import type { Outgoing } from './outgoing-escrow.js'
import * as OutgoingEscrow from './outgoing-escrow.js'
import * as RippleTime from './ripple-time.js'
import type { SendWatch } from './send-watch.js'
import { QueueFullError, type SubmissionOutcome } from './submitter.js'

/** A transfer that was looked at and can be written down. */
export interface CheckedTransfer {
  readonly id: TransferId.TransferId
  /** Classic address. */
  readonly destination: string
  readonly drops: bigint
  readonly condition: Condition.Condition
  readonly expiresAt: Instant.Instant
  readonly packet: Uint8Array
}

export interface OutgoingEscrows {
  send(transfer: CheckedTransfer, watch: SendWatch): Promise<SendOutcome>
  restore(entries: ReadonlyMap<string, string>): void
  saw(transaction: LedgerTransaction, batch: Batch): void
  createEnded(key: string, outcome: SubmissionOutcome, batch: Batch): void
  cancelEnded(key: string, outcome: SubmissionOutcome): void
  stepped(ledger: ReadLedger, batch: Batch): void
  found(found: FoundEscrows, batch: Batch): void
  isKnown(escrowId: string): boolean
  /** Outcomes that are overdue become `unknown`. */
  sweep(): void
  /** Drops in open escrows. */
  heldDrops(): bigint
  /** Drops of all that ended paid, or as nobody knows, over the life of the store. */
  paidDrops(): bigint
  readonly openCount: number
  abandon(reason: string): void
}

export const createKind = 'create'
export const cancelKind = 'cancel'
const transferPrefix = 'transfer/'
const paidKey = 'paid'
const cancelAttemptsMax = 8

export function createOutgoingEscrows(options: {
  readonly account: XrpAccount
  readonly hashes: Hashes
}): OutgoingEscrows {
  const { account, hashes } = options
  const transfers = new Map<string, Outgoing>()
  /** Those that are not at their end, and by escrow those that are on the ledger. */
  const open = new Set<Outgoing>()
  const byEscrow = new Map<string, Outgoing>()
  let paid = 0n

  return {
    send,
    restore,
    saw,
    createEnded,
    cancelEnded(key, outcome) {
      const outgoing = transfers.get(key)
      // What a ledger refuses costs a fee each time; without one it is tried again with the next ledger.
      if (outgoing === undefined || outcome.status !== 'validated') return
      const { result } = outcome.transaction
      if (!EngineResult.isClaimedFee(result)) return
      outgoing.attempts++
      const isTried = outgoing.attempts >= cancelAttemptsMax
      outgoing.isCancelHopeless = isTried || EngineResult.named(result) === 'no_escrow'
    },
    stepped,
    found,
    isKnown: (escrowId) => byEscrow.has(escrowId),
    sweep,
    heldDrops() {
      let drops = 0n
      for (const outgoing of open) if (outgoing.state !== 'preparing') drops += outgoing.drops
      return drops
    },
    paidDrops: () => paid,
    get openCount() {
      return open.size
    },
    abandon(reason) {
      for (const outgoing of open) tell(outgoing, { status: 'unknown', reason })
    },
  }

  function send(transfer: CheckedTransfer, watch: SendWatch): Promise<SendOutcome> {
    const key = Hex.fromBytes(transfer.id)
    const packetHash = Hex.fromBytes(hashes.sha256(transfer.packet))
    const known = transfers.get(key)
    if (known !== undefined) {
      if (!isSame(known, transfer, packetHash)) return refused('F05', 'Another transfer has this id. Nothing was sent.')
      if (known.outcome !== undefined) return Promise.resolve(known.outcome)
      if (known.id === undefined) {
        known.id = transfer.id.slice() as TransferId.TransferId
        known.packet = transfer.packet.slice()
      }
      return told(known, watch)
    }
    const refusal = refusalOf(transfer)
    if (refusal !== undefined) return refusal
    const outgoing: Outgoing = {
      key,
      destination: transfer.destination,
      drops: transfer.drops,
      condition: transfer.condition.slice() as Condition.Condition,
      cancelAfter: RippleTime.floor(transfer.expiresAt),
      expiresAt: transfer.expiresAt,
      packet: transfer.packet.slice(),
      packetHash,
      id: transfer.id.slice() as TransferId.TransferId,
      state: 'preparing',
      escrowId: undefined,
      sequence: undefined,
      attempts: 0,
      outcome: undefined,
      tell: [],
      watchers: [],
      missingAt: undefined,
      isCancelHopeless: false,
    }
    transfers.set(key, outgoing)
    open.add(outgoing)
    const promise = told(outgoing, watch)
    create(outgoing)
    return promise
  }

  function refusalOf(transfer: CheckedTransfer): Promise<SendOutcome> | undefined {
    const { limits } = account
    const leftMs = RippleTime.toInstant(RippleTime.floor(transfer.expiresAt)) - account.now()
    if (leftMs <= limits.expiryMarginMs) {
      return refused('F00', `The transfer expires too soon: over XRP it needs more than ${limits.expiryMarginMs} ms.`)
    }
    if (transfers.size >= limits.outgoingKeptMax)
      return refused('T05', 'Too many transfers are under way or just over.')
    const feeDrops = feeFor(account.fees(), feeFactors.plain, limits.feeDropsMax)
    if (feeDrops === undefined)
      return refused('T04', 'The network asks for a higher fee than the limit. Nothing was sent.')
    const state = account.stateCommitted()
    if (transfer.drops > spendableDrops(state, feeDrops)) {
      return refused('F08', explainShortage(state, transfer.drops, feeDrops))
    }
    return undefined
  }

  function told(outgoing: Outgoing, watch: SendWatch): Promise<SendOutcome> {
    if (outgoing.state !== 'preparing') watch.held?.()
    else outgoing.watchers.push(watch)
    return new Promise((resolve) => void outgoing.tell.push(resolve))
  }

  function create(outgoing: Outgoing): void {
    outgoing.attempts++
    const { limits } = account
    const leftMs = RippleTime.toInstant(outgoing.cancelAfter) - limits.expiryMarginMs - account.now()
    try {
      account.submit({
        purpose: { kind: createKind, key: outgoing.key },
        fields: {
          TransactionType: 'EscrowCreate',
          Destination: outgoing.destination,
          Amount: String(outgoing.drops),
          Condition: encodeCondition(outgoing.condition),
          CancelAfter: outgoing.cancelAfter,
          Memos: EscrowMemos.encode({ id: outgoing.id!, packet: outgoing.packet }),
        },
        feeFactor: feeFactors.plain,
        drops: outgoing.drops,
        ownsObject: true,
        // A transfer that gets in too late could not be fulfilled any more.
        ledgersAhead: Math.max(3, Math.ceil(leftMs / limits.ledgerMs)),
        isWanted: () => RippleTime.toInstant(outgoing.cancelAfter) - account.now() > limits.expiryMarginMs,
        keep: (batch) => keep(outgoing, batch),
      })
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error
      account.commit((batch) => reject(outgoing, 'T05', error.message, batch))
    }
  }

  function createEnded(key: string, outcome: SubmissionOutcome, batch: Batch): void {
    const outgoing = transfers.get(key)
    if (outgoing === undefined || outgoing.state !== 'preparing') return
    if (outcome.status === 'validated') {
      const { transaction } = outcome
      const escrow = createdEscrow(transaction)
      if (escrow === undefined) reject(outgoing, ...EscrowRefusal.ofResult(transaction.result), batch)
      else hold(outgoing, escrow.id, transaction.sequence, batch)
    } else if (outcome.status === 'unknown') {
      finish(outgoing, { status: 'unknown', reason: 'The server has forgotten the ledgers it may be in.' }, batch)
    } else if (outcome.status === 'lapsed' && mayTryAgain(outgoing)) {
      batch.after(() => create(outgoing))
    } else {
      const [code, message] =
        outcome.status === 'refused' ? EscrowRefusal.ofResult(outcome.reason) : EscrowRefusal.ofLapse(outcome.reason)
      reject(outgoing, code, message, batch)
    }
  }

  function mayTryAgain(outgoing: Outgoing): boolean {
    const leftMs = RippleTime.toInstant(outgoing.cancelAfter) - account.now()
    // After a restart the packet is gone, until whoever asked asks again.
    const isWhole = outgoing.id !== undefined && outgoing.tell.length > 0
    return isWhole && outgoing.attempts < account.limits.createAttemptsMax && leftMs > account.limits.expiryMarginMs
  }

  function hold(outgoing: Outgoing, escrowId: string, sequence: number, batch: Batch): void {
    outgoing.state = 'held'
    outgoing.escrowId = escrowId
    outgoing.sequence = sequence
    byEscrow.set(escrowId, outgoing)
    keep(outgoing, batch)
    const watchers = outgoing.watchers.splice(0)
    batch.after(() => {
      for (const watcher of watchers) watcher.held?.()
    })
  }

  function saw(transaction: LedgerTransaction, batch: Batch): void {
    const deleted = deletedEscrow(transaction)
    const outgoing = deleted === undefined ? undefined : byEscrow.get(deleted.id)
    if (outgoing === undefined) return
    if (transaction.type !== 'EscrowFinish') {
      finish(outgoing, { status: 'expired' }, batch)
      return
    }
    const fulfillment = decodeFulfillment(transaction.fields.Fulfillment)
    const isRight = fulfillment !== undefined && Octets.equal(hashes.sha256(fulfillment), outgoing.condition)
    finish(outgoing, { status: 'fulfilled', ...(isRight ? { fulfillment } : undefined) }, batch)
  }

  function stepped(ledger: ReadLedger, batch: Batch): void {
    for (const outgoing of [...open]) {
      if (outgoing.state === 'preparing') continue
      if (outgoing.missingAt !== undefined && ledger.index >= outgoing.missingAt) {
        const reason = 'The server has forgotten the ledger in which the escrow ended.'
        finish(outgoing, { status: 'unknown', reason }, batch)
        continue
      }
      if (ledger.closedAt <= outgoing.cancelAfter) continue
      if (outgoing.state === 'held') {
        // A ledger is judged by the close of the one before it, so that no later one can finish this.
        outgoing.state = 'expired'
        outgoing.outcome = { status: 'expired' }
        keep(outgoing, batch)
        batch.after(() => tell(outgoing, { status: 'expired' }))
      }
      batch.after(() => cancel(outgoing))
    }
    forgetOld(batch)
  }

  function cancel(outgoing: Outgoing): void {
    const purpose = { kind: cancelKind, key: outgoing.key }
    if (outgoing.state !== 'expired' || outgoing.isCancelHopeless || account.isSubmitting(purpose)) return
    try {
      account.submit({
        purpose,
        fields: { TransactionType: 'EscrowCancel', Owner: account.address, OfferSequence: outgoing.sequence },
        feeFactor: feeFactors.plain,
        drops: 0n,
        ownsObject: false,
      })
    } catch (error) {
      if (!(error instanceof QueueFullError)) throw error
    }
  }

  function found({ escrows, ids, ledger }: FoundEscrows, batch: Batch): void {
    for (const { entry, created } of escrows) {
      if (entry.owner !== account.address || byEscrow.has(entry.id)) continue
      const condition = decodeCondition(entry.condition)
      const { cancelAfter, drops, destination, id: escrowId } = entry
      const memos = EscrowMemos.decode(created.fields.Memos)
      // What another program holds in escrow is none of ours.
      if (condition === undefined || cancelAfter === undefined || drops === undefined || typeof memos === 'string')
        continue
      const key = Hex.fromBytes(memos.id)
      const known = transfers.get(key)
      // Its transaction is still under way, and will say so itself.
      if (known?.state === 'preparing') continue
      const adopted: Outgoing = {
        key: known === undefined ? key : `escrow-${escrowId}`,
        ...{ destination, drops, condition, cancelAfter },
        expiresAt: RippleTime.toInstant(cancelAfter),
        packet: memos.packet,
        packetHash: Hex.fromBytes(hashes.sha256(memos.packet)),
        id: memos.id,
        state: 'preparing',
        escrowId: undefined,
        sequence: undefined,
        attempts: 0,
        outcome: undefined,
        tell: [],
        watchers: [],
        missingAt: undefined,
        isCancelHopeless: false,
      }
      transfers.set(adopted.key, adopted)
      open.add(adopted)
      hold(adopted, escrowId, created.sequence, batch)
    }
    for (const outgoing of open) {
      const isMissing = outgoing.escrowId !== undefined && ids !== undefined && !ids.has(outgoing.escrowId)
      // How it ended stands in the ledgers that are read next, if the server has them.
      if (isMissing) outgoing.missingAt = ledger + 1
    }
  }

  function restore(entries: ReadonlyMap<string, string>): void {
    const kept = entries.get(paidKey)
    if (kept !== undefined) paid = BigInt(JSON.parse(kept) as string)
    for (const [name, text] of entries) {
      const outgoing = name.startsWith(transferPrefix)
        ? OutgoingEscrow.parse(name.slice(transferPrefix.length), text)
        : undefined
      if (outgoing === undefined) continue
      transfers.set(outgoing.key, outgoing)
      if (outgoing.state !== 'ended') open.add(outgoing)
      if (outgoing.escrowId !== undefined && outgoing.state !== 'ended') byEscrow.set(outgoing.escrowId, outgoing)
    }
  }

  function keep(outgoing: Outgoing, batch: Batch): void {
    batch.put(transferPrefix + outgoing.key, OutgoingEscrow.format(outgoing))
  }

  function finish(outgoing: Outgoing, outcome: SendOutcome, batch: Batch): void {
    // What was told once stays true: an escrow that could not be finished any more was not.
    outgoing.outcome ??= outcome
    outgoing.state = 'ended'
    open.delete(outgoing)
    if (outgoing.escrowId !== undefined) byEscrow.delete(outgoing.escrowId)
    keep(outgoing, batch)
    if (outgoing.outcome.status === 'fulfilled' || outgoing.outcome.status === 'unknown') {
      paid += outgoing.drops
      batch.put(paidKey, String(paid))
    }
    batch.after(() => tell(outgoing, outcome))
  }

  /** Nothing was held, so nothing is remembered: the same transfer may be tried again. */
  function reject(outgoing: Outgoing, code: string, message: string, batch: Batch): void {
    transfers.delete(outgoing.key)
    open.delete(outgoing)
    outgoing.state = 'ended'
    batch.remove(transferPrefix + outgoing.key)
    batch.after(() => tell(outgoing, { status: 'rejected', by: 'ledger', code, message }))
  }

  function tell(outgoing: Outgoing, outcome: SendOutcome): void {
    for (const one of outgoing.tell.splice(0)) one(outgoing.outcome ?? outcome)
  }

  function sweep(): void {
    const now = account.now()
    for (const outgoing of open) {
      if (outgoing.tell.length === 0 || now < Instant.after(outgoing.expiresAt, account.limits.unknownAfterMs)) continue
      tell(outgoing, {
        status: 'unknown',
        reason: 'The XRP Ledger could not be read in time. The amount may be spent.',
      })
    }
  }

  function forgetOld(batch: Batch): void {
    const now = account.now()
    const { outgoingKeptMs, outgoingKeptMax } = account.limits
    for (const outgoing of transfers.values()) {
      // In the order in which they were sent; expiries differ by an hour at most. Nobody can pay again what has expired.
      const keptMs = transfers.size > outgoingKeptMax / 2 ? 0 : outgoingKeptMs
      if (now < Instant.after(outgoing.expiresAt, keptMs)) break
      if (outgoing.state !== 'ended') continue
      transfers.delete(outgoing.key)
      batch.remove(transferPrefix + outgoing.key)
    }
  }
}

function isSame(known: Outgoing, transfer: CheckedTransfer, packetHash: string): boolean {
  return (
    known.destination === transfer.destination &&
    known.drops === transfer.drops &&
    known.cancelAfter === RippleTime.floor(transfer.expiresAt) &&
    known.packetHash === packetHash &&
    Octets.equal(known.condition, transfer.condition)
  )
}

export function refused(code: string, message: string): Promise<SendOutcome> {
  return Promise.resolve({ status: 'rejected', by: 'ledger', code, message })
}
