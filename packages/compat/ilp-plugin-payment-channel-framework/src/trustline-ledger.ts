/**
 * The ledger of one trustline: the book of `@millstream/ledger` with two accounts, this side's and the peer's, and a
 * journal of it in the program's store.
 *
 * Whatever customers a listener has, they share the account of the peer, as `getBalance()` of the plugin has always
 * implied. The peer may owe up to `maxBalance`, this side up to `-minBalance`: these are the credit limits of the two.
 */
import {
  Book,
  type Command,
  type Decided,
  type Expired,
  type FulfillOutcome,
  type LedgerLimits,
  type PrepareOutcome,
  type RejectOutcome,
} from '@millstream/ledger'
import {
  Amount,
  type Condition,
  type Hashes,
  Instant,
  MillstreamError,
  type RandomBytes,
  TransferId,
} from '@millstream/units'
import { createDeferred, type Deferred } from './deferred.js'
import type { Direction, EndedTransfers } from './ended-transfers.js'
import { type FulfilledTransfer, type Journal, openJournal } from './journal.js'
import type { Settings } from './options.js'
import type * as Transfer from './transfer.js'
import { directionFrom, heldUntil, own, peer, sourceOf, type TrustlineAccount, targetOf } from './trustline-accounts.js'
import type { HeldTransfer } from './trustline-context.js'

export interface TrustlineLedger {
  /** Fulfilled incoming less fulfilled outgoing, in base units. */
  balance(): bigint
  prepare(
    direction: Direction,
    transfer: Transfer.WireTransfer,
    contentHash: number,
    program: Transfer.ProgramTransfer,
  ): Answer<PrepareOutcome['status']>
  fulfill(
    direction: Direction,
    id: TransferId.TransferId,
    fulfillment: Condition.Fulfillment,
  ): Answer<FulfillOutcome['status']>
  reject(direction: Direction, id: TransferId.TransferId): Answer<RejectOutcome['status']>
  /** Ends what is overdue; `expired` is told. */
  expire(): void
  /** Open transfers, in the order of preparing, as they were when the ledger was opened. */
  held(direction: Direction): readonly HeldTransfer[]
  /** Incoming transfers that were fulfilled before a restart and have not expired: their payer may not know. */
  readonly fulfilled: readonly FulfilledTransfer[]
  close(): Promise<void>
}

export interface Answer<Status extends string> {
  readonly status: Status
  /** Resolves when what was decided is stored; nobody outside is told before. */
  readonly durable: Promise<void>
}

export interface TrustlineLedgerOptions {
  readonly settings: Settings
  readonly clock: Instant.Clock
  readonly hashes: Hashes
  readonly randomBytes: RandomBytes
  /** Is given what ended lately, for a program that asks about it after a restart. */
  readonly ended: EndedTransfers
  readonly expired: (direction: Direction, id: string, durable: Promise<void>) => void
  /** The store has failed: the book is ahead of it, and nothing more is decided. */
  readonly failed: (error: Error) => void
}

/**
 * Bounds of a trustline of 2017, which had none: what one program with many customers may reach within the hour or so
 * that transfers live.
 */
const limits: Partial<LedgerLimits> = {
  holdsPerAccountMax: 65_536,
  idsPerAccountMax: 2 ** 22,
  expiresInMsMax: Instant.instantMax,
  balanceMax: 2n ** 72n,
}

const stored = Promise.resolve()

/** @throws {JournalError} What is in the program's store cannot be read. Nothing in it was changed. */
export async function openTrustlineLedger(options: TrustlineLedgerOptions): Promise<TrustlineLedger> {
  const { settings, clock, hashes, randomBytes, expired } = options
  const book = new Book({ clock, hashes, randomBytes, limits })
  const journal = settings.store === undefined ? undefined : await openJournal(settings.store, book, options.ended)
  let isWriting = false
  let batch: Deferred<void> | undefined
  let failure: Error | undefined
  /** Found dead before anybody could be told. */
  let expiredEarly: readonly Expired[] = []

  openAccount(own, settings.balanceMin === undefined ? undefined : -settings.balanceMin)
  openAccount(peer, settings.balanceMax)
  await durable()

  return {
    balance: () => book.account(own.id)!.posted,
    prepare(direction, transfer, contentHash, program) {
      const { id, amount, condition, expiresAt } = transfer
      const source = sourceOf(direction)
      if (direction === 'outgoing' && expiresAt <= clock()) {
        // The ledger holds it longer than its payee does, so here it would still be in time.
        const { status } = apply({ type: 'look_up', source, id, contentHash })
        return { status: status === 'not_found' ? 'expired' : status, durable: durable() }
      }
      const { status } = apply({
        type: 'prepare',
        id,
        source,
        target: targetOf(direction),
        amount,
        condition,
        expiresAt: heldUntil(direction, expiresAt),
        destination: '',
        contentHash,
      })
      if (status === 'prepared') journal?.note(direction, id, program)
      return { status, durable: durable() }
    },
    fulfill(direction, id, fulfillment) {
      const { status } = apply({ type: 'fulfill', source: sourceOf(direction), id, fulfillment })
      if (status === 'fulfilled') journal?.forget(direction, id)
      return { status, durable: durable() }
    },
    reject(direction, id) {
      const { status } = apply({ type: 'reject', source: sourceOf(direction), id })
      if (status === 'rejected') journal?.forget(direction, id)
      return { status, durable: durable() }
    },
    expire() {
      if (failure !== undefined) return
      tellExpired([...expiredEarly, ...book.apply([]).expired])
      expiredEarly = []
    },
    held: (direction) => journal?.held(direction) ?? [],
    fulfilled: journal?.fulfilled ?? [],
    async close() {
      if (failure !== undefined) return
      await durable()
      await journal?.close()
      failure = new LedgerClosedError()
    },
  }

  function apply<const C extends Command>(command: C): Decided<[C]>['outcomes'][0] {
    if (failure !== undefined) throw failure
    // The byte strings belong to the ledger from here on.
    const decided = book.apply([command])
    tellExpired(decided.expired)
    return decided.outcomes[0]
  }

  function tellExpired(holds: readonly Expired[]): void {
    for (const hold of holds) {
      const direction = directionFrom(hold.source)
      journal?.forget(direction, hold.id)
      expired(direction, TransferId.format(hold.id), durable())
    }
  }

  /** Resolves when all that was decided so far is stored. Everything that is decided during one write is the next. */
  function durable(): Promise<void> {
    if (journal === undefined) return stored
    if (failure !== undefined) return rejected(failure)
    if (!book.hasChanges && !isWriting && batch === undefined) return stored
    if (batch === undefined) {
      batch = createDeferred()
      if (!isWriting) queueMicrotask(() => void write(journal))
    }
    return batch.promise
  }

  async function write(to: Journal): Promise<void> {
    isWriting = true
    while (batch !== undefined) {
      const written = batch
      batch = undefined
      try {
        const changes = book.take()
        if (changes !== undefined) await to.append(changes)
        written.resolve()
      } catch (error) {
        failure = new LedgerStoreError(error)
        written.reject(failure)
        ;(batch as Deferred<void> | undefined)?.reject(failure)
        batch = undefined
        options.failed(failure)
      }
    }
    isWriting = false
  }

  function openAccount({ id, name }: TrustlineAccount, creditLimit: bigint | undefined): void {
    const limit = creditLimit === undefined || creditLimit > Amount.amountMax ? Amount.amountMax : creditLimit
    expiredEarly = [...expiredEarly, ...book.apply([{ type: 'open', name, kind: 'named', creditLimit: limit }]).expired]
    // A program may come back with another limit than it had before.
    if (book.account(id)!.creditLimit !== limit) book.apply([{ type: 'limit', account: id, creditLimit: limit }])
  }
}

function rejected(error: Error): Promise<void> {
  const promise = Promise.reject(error)
  promise.catch(() => undefined)
  return promise
}

export class LedgerStoreError extends MillstreamError {
  override readonly name = 'LedgerStoreError'
  readonly code = 'LEDGER_STORE'
  constructor(cause: unknown) {
    super(
      'The "_store" of the plugin has failed to keep a change of the ledger, so nothing more is decided: ' +
        `${cause instanceof Error ? cause.message : String(cause)}. What was answered before is stored. ` +
        'Connect again to go on with what the store has.',
      { cause },
    )
  }
}

export class LedgerClosedError extends MillstreamError {
  override readonly name = 'LedgerClosedError'
  readonly code = 'LEDGER_CLOSED'
  constructor() {
    super('The plugin was disconnected; its ledger decides nothing until it is connected again.')
  }
}
