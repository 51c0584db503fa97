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
  GroupCommit,
  type LedgerLimits,
  type PrepareOutcome,
  type RejectOutcome,
  StoreClosedError,
  StoreFailedError,
} from '@millstream/ledger'
import { Amount, type Condition, type Hashes, Instant, type RandomBytes, TransferId } from '@millstream/units'
import type { Direction, EndedTransfers } from './ended-transfers.js'
import type { Settings } from './options.js'
import { type FulfilledTransfer, openProgramJournal } from './program-journal.js'
import type * as Transfer from './transfer.js'
import { directionFrom, heldUntil, own, peer, sourceOf, type TrustlineAccount, targetOf } from './trustline-accounts.js'
import type { HeldTransfer, Note } from './trustline-context.js'

export interface TrustlineLedger {
  /** Fulfilled incoming less fulfilled outgoing, in base units. */
  balance(): bigint
  prepare(
    direction: Direction,
    transfer: Transfer.WireTransfer,
    contentHash: number,
    note: Note,
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

/** @throws {ProgramJournalError} What is in the program's store cannot be read. Nothing in it was changed. */
export async function openTrustlineLedger(options: TrustlineLedgerOptions): Promise<TrustlineLedger> {
  const { settings, clock, hashes, randomBytes, expired } = options
  const book = new Book({ clock, hashes, randomBytes, limits })
  const journal =
    settings.store === undefined ? undefined : await openProgramJournal(settings.store, book, hashes, options.ended)
  const commit = new GroupCommit({
    hasWork: () => book.hasChanges,
    write() {
      const changes = book.take()
      // Without a store the book is all there is.
      if (changes !== undefined) return journal?.append(changes)
    },
    describe: (cause) => storeFailed(cause),
  })
  let isClosed = false
  let hasFailed = false
  /** Found dead before anybody could be told. */
  let expiredEarly: readonly Expired[] = []

  openAccount(own, settings.balanceMin === undefined ? undefined : -settings.balanceMin)
  openAccount(peer, settings.balanceMax)
  try {
    await commit.durable()
  } catch (error) {
    journal?.close()
    throw error
  }

  return {
    balance: () => book.account(own.id)!.posted,
    prepare(direction, transfer, contentHash, note) {
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
      if (status === 'prepared') journal?.note(direction, id, note)
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
      if (isClosed || commit.failure !== undefined) return
      tellExpired([...expiredEarly, ...book.apply([]).expired])
      expiredEarly = []
    },
    held: (direction) => journal?.held(direction) ?? [],
    fulfilled: journal?.fulfilled ?? [],
    async close() {
      isClosed = true
      if (commit.failure === undefined) await commit.idle(() => undefined)
      journal?.close()
    },
  }

  function apply<const C extends Command>(command: C): Decided<[C]>['outcomes'][0] {
    if (commit.failure !== undefined) throw commit.failure
    if (isClosed) throw new StoreClosedError()
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

  /** Resolves when all that was decided so far is stored. */
  function durable(): Promise<void> {
    const written = commit.durable()
    written.catch(fail)
    return written
  }

  function fail(error: Error): void {
    if (hasFailed) return
    hasFailed = true
    options.failed(error)
  }

  function openAccount({ id, name }: TrustlineAccount, creditLimit: bigint | undefined): void {
    const limit = creditLimit === undefined || creditLimit > Amount.amountMax ? Amount.amountMax : creditLimit
    const opened = book.apply([{ type: 'open', name, kind: 'named', creditLimit: limit }])
    // A program may come back with another limit than it had before.
    const isOther = book.account(id)!.creditLimit !== limit
    const limited = isOther ? book.apply([{ type: 'limit', account: id, creditLimit: limit }]) : undefined
    expiredEarly = [...expiredEarly, ...opened.expired, ...(limited?.expired ?? [])]
  }
}

function storeFailed(cause: unknown): StoreFailedError {
  return new StoreFailedError({
    what: `the "_store" of the plugin did not keep a change (${cause instanceof Error ? cause.message : String(cause)})`,
    next: 'See to the store, then connect again.',
    cause,
  })
}
