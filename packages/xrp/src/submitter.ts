/**
 * Gets transactions of one account into the ledger: each once, in order, without a gap, and over restarts.
 *
 * ```
 * submit ─▶ queued ─▶ signed, durable ─▶ sent, again at each ledger ─▶ validated
 *              │            │                                  └─▶ lapsed: its last ledger has passed without it
 *              ▼            ▼
 *           dropped      refused: can never be valid
 * ```
 *
 * Sequence numbers are handed out without a gap. One that comes back (refused, lapsed) goes to the next transaction;
 * when there is none and later numbers wait behind it, a transaction that does nothing fills it. The signed bytes are
 * kept before they are sent, and the very same bytes are sent again until a ledger has them or none can: so neither a
 * cut nor a restart loses or repeats one. Only a validated ledger decides.
 */
import { MillstreamError } from '@millstream/units'
import * as EngineResult from './engine-result.js'
import { feeFactors, feeFor, type ServerFees } from './fees.js'
import type { Batch, Batches } from './internal/batch.js'
import { type JsonObject, textOf } from './internal/json.js'
import type { LedgerTransaction } from './ledger-transaction.js'
import type { XrpLimits } from './limits.js'
import { XrpRequestError } from './server.js'
import type { Signer } from './signer.js'
import type { Entry, Purpose, Submission } from './submission.js'
import * as SubmissionRecord from './submission.js'
import type { XrpObserver } from './xrp-event.js'

export interface Draft {
  readonly purpose: Purpose
  /** The fields of the transaction without account, sequence, fee and last ledger. */
  readonly fields: JsonObject
  /** In base fees. */
  readonly feeFactor: number
  /** Drops that leave the account with it, and whether it makes an object to be paid reserve for. */
  readonly drops: bigint
  readonly ownsObject: boolean
  /** At most this many ledgers after the newest. */
  readonly ledgersAhead?: number
  /** Asked right before it is signed; what nobody wants any more is dropped, and nothing was disclosed. */
  isWanted?(): boolean
  /** Adds to the write that keeps the signed bytes. */
  keep?(batch: Batch, signed: Submission): void
}

export type SubmissionOutcome =
  | { readonly status: 'validated'; readonly transaction: LedgerTransaction }
  /** It is in no ledger and never will be. `reason` is the engine's result, or a name of ours. */
  | { readonly status: 'refused' | 'lapsed' | 'dropped'; readonly reason: string }
  /** The server has forgotten the ledgers in which it may be. */
  | { readonly status: 'unknown'; readonly reason: string }

export interface SubmitterOptions {
  readonly signer: Signer
  readonly batches: Batches
  readonly limits: XrpLimits
  readonly observer: XrpObserver
  readonly request: (blob: string) => Promise<JsonObject>
  readonly fees: () => ServerFees
  /** Asks the server for its fees again. */
  readonly refreshFees: () => Promise<void>
  /** Newest validated ledger. */
  readonly validated: () => number
  readonly networkId: () => number | undefined
  /** Everything in `batch` is durable before anybody is told. */
  readonly ended: (purpose: Purpose, outcome: SubmissionOutcome, batch: Batch) => void
}

export interface Submitter {
  /** Takes up what the process before has kept. Before `begin`. */
  restore(entries: ReadonlyMap<string, string>): void
  /** @param sequence - The account's next, open ledger included. */
  begin(sequence: number): void
  /** @throws {QueueFullError} Too many wait already. Nothing was signed. */
  submit(draft: Draft): void
  /** A validated transaction of this account. */
  saw(transaction: LedgerTransaction, batch: Batch): void
  /**
   * All ledgers up to `ledger` were read.
   *
   * @param sequence - The account's next, as of that ledger.
   */
  stepped(ledger: number, sequence: number, batch: Batch): void
  /** Ledgers are missing: whatever may be in them was looked up by hash, and these were not found. */
  forget(ledger: number, batch: Batch): void
  /** Sends what is to be sent; again from the start after a reconnect. */
  send(isReconnect: boolean): void
  inFlight(): readonly Submission[]
  has(purpose: Purpose): boolean
  readonly queuedCount: number
  /** What queued and unvalidated transactions will take from the account. */
  committed(): { readonly drops: bigint; readonly objects: number }
  stop(): void
}

const keyPrefix = 'submission/'
/** A transaction that the server says it has is sent again after so many ledgers without it. */
const ledgersBeforeRepeat = 3
const feeVersionsMax = 5
const historyMissing: SubmissionOutcome = { status: 'unknown', reason: 'history_missing' }

export function createSubmitter(options: SubmitterOptions): Submitter {
  const { signer, batches, limits, observer } = options
  const entries = new Map<number, Entry>()
  const free: number[] = []
  let queue: Draft[] = []
  let next: number | undefined
  let isStopped = false

  return {
    restore,
    begin,
    submit,
    saw,
    stepped,
    forget,
    send,
    inFlight: () => [...entries.values()],
    has: ({ kind, key }) =>
      queue.some(({ purpose }) => purpose.kind === kind && purpose.key === key) ||
      [...entries.values()].some(({ purpose }) => purpose.kind === kind && purpose.key === key),
    get queuedCount() {
      return queue.length
    },
    committed,
    stop() {
      isStopped = true
    },
  }

  function restore(kept: ReadonlyMap<string, string>): void {
    for (const [key, text] of kept) {
      if (!key.startsWith(keyPrefix)) continue
      const entry = SubmissionRecord.parse(text)
      if (entry === undefined) throw new SubmissionCorruptedError()
      entries.set(entry.sequence, entry)
    }
  }

  function begin(sequence: number): void {
    const top = Math.max(sequence - 1, ...entries.keys())
    for (let one = sequence; one <= top; one++) if (!entries.has(one)) free.push(one)
    next = top + 1
    signQueued()
    fillGaps()
  }

  function submit(draft: Draft): void {
    if (queue.length >= limits.queuedMax) throw new QueueFullError(limits.queuedMax)
    queue.push(draft)
    signQueued()
  }

  function signQueued(): void {
    if (next === undefined || isStopped || queue.length === 0) return
    const left: Draft[] = []
    for (const draft of queue) {
      // A number that came back is needed by those above it, however many they are.
      if (entries.size >= limits.inFlightMax && free.length === 0) left.push(draft)
      else signDraft(draft)
    }
    queue = left
  }

  function signDraft(draft: Draft): void {
    const { purpose } = draft
    if (draft.isWanted?.() === false) {
      end(purpose, { status: 'dropped', reason: 'not_wanted' })
      return
    }
    const feeDrops = feeFor(options.fees(), draft.feeFactor, limits.feeDropsMax)
    if (feeDrops === undefined) {
      observer({ name: 'xrp.fee_above_cap', level: 'warn', kind: purpose.kind, capDrops: limits.feeDropsMax })
      end(purpose, { status: 'dropped', reason: 'fee_above_cap' })
      return
    }
    const sequence = free[0] ?? next!
    const lastLedger =
      options.validated() + Math.min(draft.ledgersAhead ?? limits.ledgersAheadMax, limits.ledgersAheadMax)
    const entry: Entry = {
      purpose,
      sequence,
      hashes: [],
      feeDrops,
      drops: draft.drops,
      ownsObject: draft.ownsObject,
      blob: '',
      fields: draft.fields,
      feeFactor: draft.feeFactor,
      lastLedger,
      mayBeMissed: false,
      mayBeOut: false,
      isKept: false,
      isSent: false,
      sentAt: 0,
      isApplied: false,
    }
    try {
      sign(entry)
    } catch (error) {
      const reason = error instanceof MillstreamError ? error.code : 'sign_failed'
      end(purpose, { status: 'dropped', reason })
      return
    }
    if (free.length > 0) free.shift()
    else next!++
    entries.set(sequence, entry)
    batches.commit((batch) => {
      draft.keep?.(batch, entry)
      keep(entry, batch)
    })
  }

  function sign(entry: Entry): void {
    const networkId = options.networkId()
    const { blob, hash } = signer.sign({
      ...entry.fields,
      Account: signer.address,
      Sequence: entry.sequence,
      Fee: String(entry.feeDrops),
      LastLedgerSequence: entry.lastLedger,
      // Networks up to 1024 refuse the field, others require it.
      ...(networkId !== undefined && networkId > 1024 ? { NetworkID: networkId } : undefined),
    })
    entry.blob = blob
    entry.hashes.push(hash)
  }

  /** Keeps the bytes, and sends them once they are kept. */
  function keep(entry: Entry, batch: Batch): void {
    batch.put(keyPrefix + entry.sequence, SubmissionRecord.format(entry))
    batch.after(() => {
      entry.isKept = true
      if (entries.get(entry.sequence) === entry) sendEntry(entry)
    })
  }

  function end(purpose: Purpose, outcome: SubmissionOutcome): void {
    batches.commit((batch) => options.ended(purpose, outcome, batch))
  }

  function send(isReconnect: boolean): void {
    for (const entry of inOrder()) {
      if (isReconnect) entry.isSent = false
      const mayRest = entry.isApplied && options.validated() - entry.sentAt < ledgersBeforeRepeat
      if (!entry.isSent || !mayRest) sendEntry(entry)
    }
    signQueued()
  }

  function inOrder(): Entry[] {
    return [...entries.values()].sort((a, b) => a.sequence - b.sequence)
  }

  function sendEntry(entry: Entry): void {
    if (isStopped || !entry.isKept) return
    entry.isSent = true
    entry.sentAt = options.validated()
    const { blob } = entry
    options.request(blob).then(
      (answer) => {
        const result = textOf(answer.engine_result)
        if (result !== undefined && entry.blob === blob) answered(entry, result, answer.applied === true)
      },
      (error: unknown) => {
        entry.isApplied = false
        const isRefused = error instanceof XrpRequestError && EngineResult.submitted(error.result) === 'refused'
        if (!isRefused) entry.mayBeOut = true
        if (error instanceof XrpRequestError && entry.blob === blob) answered(entry, error.result, false)
      },
    )
  }

  function answered(entry: Entry, result: string, isApplied: boolean): void {
    if (isStopped || entries.get(entry.sequence) !== entry) return
    entry.isApplied = isApplied || result === 'terQUEUED'
    const verdict = EngineResult.submitted(result)
    if (verdict === 'raise_fee') void raiseFee(entry)
    if (verdict === 'wait') entry.mayBeOut = true
    if (verdict !== 'refused') return
    observer({ name: 'xrp.submission_refused', level: 'error', kind: entry.purpose.kind, result })
    // The ledgers tell, at the latest when the last one that can have it has passed.
    if (entry.mayBeOut) return
    batches.commit((batch) => remove(entry, batch, true, { status: 'refused', reason: result }))
  }

  async function raiseFee(entry: Entry): Promise<void> {
    await options.refreshFees().catch(() => undefined)
    if (isStopped || entries.get(entry.sequence) !== entry || entry.hashes.length >= feeVersionsMax) return
    const feeDrops = feeFor(options.fees(), entry.feeFactor, limits.feeDropsMax)
    if (feeDrops === undefined || feeDrops <= entry.feeDrops) {
      if (feeDrops === undefined) {
        observer({ name: 'xrp.fee_above_cap', level: 'warn', kind: entry.purpose.kind, capDrops: limits.feeDropsMax })
      }
      return
    }
    entry.feeDrops = feeDrops
    sign(entry)
    entry.isKept = false
    batches.commit((batch) => keep(entry, batch))
  }

  function saw(transaction: LedgerTransaction, batch: Batch): void {
    const { sequence, hash } = transaction
    const entry = entries.get(sequence)
    if (next !== undefined && sequence >= next) next = sequence + 1
    const index = free.indexOf(sequence)
    if (index >= 0) free.splice(index, 1)
    if (entry === undefined) {
      // A ticket's number is none of the account's sequence.
      if (index >= 0) observer({ name: 'xrp.sequence_taken', level: 'warn', sequence })
      return
    }
    if (entry.hashes.includes(hash)) {
      if (entry.purpose.kind === gapKind) observer({ name: 'xrp.gap_filled', level: 'info', sequence })
      remove(entry, batch, false, { status: 'validated', transaction })
    } else {
      observer({ name: 'xrp.sequence_taken', level: 'warn', sequence })
      remove(entry, batch, false, { status: 'lapsed', reason: 'sequence_taken' })
    }
  }

  function stepped(ledger: number, sequence: number, batch: Batch): void {
    for (const entry of inOrder()) {
      const isTaken = entry.sequence < sequence
      if (!isTaken && entry.lastLedger >= ledger) continue
      if (isTaken && entry.mayBeMissed) {
        // By itself, perhaps, in a ledger that was not read.
        remove(entry, batch, false, historyMissing)
        continue
      }
      const { kind } = entry.purpose
      observer({ name: 'xrp.submission_lapsed', level: 'warn', kind, sequence: entry.sequence })
      const reason = isTaken ? 'sequence_taken' : 'last_ledger_passed'
      remove(entry, batch, !isTaken, { status: 'lapsed', reason })
    }
    while (free.length > 0 && free[0]! < sequence) free.shift()
    if (next !== undefined && next < sequence) next = sequence
  }

  function forget(ledger: number, batch: Batch): void {
    for (const entry of inOrder()) {
      if (entry.lastLedger < ledger) {
        remove(entry, batch, false, historyMissing)
        continue
      }
      entry.mayBeMissed = true
      batch.put(keyPrefix + entry.sequence, SubmissionRecord.format(entry))
    }
  }

  function remove(entry: Entry, batch: Batch, isFree: boolean, outcome: SubmissionOutcome): void {
    entries.delete(entry.sequence)
    batch.remove(keyPrefix + entry.sequence)
    if (isFree) {
      free.push(entry.sequence)
      free.sort((a, b) => a - b)
    }
    options.ended(entry.purpose, outcome, batch)
    batch.after(() => {
      signQueued()
      fillGaps()
    })
  }

  /** Numbers at the top are simply handed out again; below a transaction that waits for them they must be used. */
  function fillGaps(): void {
    if (next === undefined || isStopped) return
    while (free.length > 0 && free.at(-1) === next - 1) {
      free.pop()
      next--
    }
    for (const sequence of [...free]) {
      const isGapDraft = ({ purpose }: Draft) => purpose.kind === gapKind && purpose.key === String(sequence)
      if (!queue.some(isGapDraft)) submit(gapDraft(sequence))
    }
  }

  function committed(): { readonly drops: bigint; readonly objects: number } {
    let drops = 0n
    let objects = 0
    for (const entry of entries.values()) {
      drops += entry.drops + entry.feeDrops
      if (entry.ownsObject) objects++
    }
    for (const draft of queue) {
      drops += draft.drops + (feeFor(options.fees(), draft.feeFactor, limits.feeDropsMax) ?? 0n)
      if (draft.ownsObject) objects++
    }
    return { drops, objects }
  }
}

/** An AccountSet that sets nothing. */
export const gapKind = 'gap'

function gapDraft(sequence: number): Draft {
  return {
    purpose: { kind: gapKind, key: String(sequence) },
    fields: { TransactionType: 'AccountSet' },
    feeFactor: feeFactors.plain,
    drops: 0n,
    ownsObject: false,
  }
}

export class QueueFullError extends MillstreamError {
  override readonly name = 'Submitter.QueueFullError'
  readonly code = 'XRP_QUEUE_FULL'
  constructor(queuedMax: number) {
    super(`${queuedMax} transactions wait already for the XRP Ledger. This one was not signed; try again later.`)
  }
}

export class SubmissionCorruptedError extends MillstreamError {
  override readonly name = 'Submitter.SubmissionCorruptedError'
  readonly code = 'XRP_SUBMISSION_CORRUPTED'
  constructor() {
    super(
      'A signed transaction of the process before cannot be read. Nothing was sent. Put back a copy of the folder, or ' +
        'move it away when no transfer is open; then the ledger alone is believed.',
    )
  }
}
