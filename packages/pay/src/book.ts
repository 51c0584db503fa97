/**
 * The payer's book of one ledger account: what it spent there, what may have become spent, and which numbers it used.
 *
 * Numbers and spending are reserved in blocks, written ahead: before the first payment of a block goes out, the book
 * says that all of it may be spent. After a crash the rest of the block counts as spent until the host's balance says
 * otherwise, and its numbers are never used again.
 *
 * The host of a trustline keeps the record that counts; this one is kept to never pay twice, and to notice a host whose
 * balance it cannot explain.
 */
import { Instant } from '@millstream/units'
import { nothingPaid, PayError } from './pay-error.js'

/** What a stream tells its book. */
export interface StreamPosition {
  /** First number that is not used yet. */
  readonly next: number
  /** Posted so far by this stream, in base units. */
  readonly posted: bigint
  /** Held or of unknown outcome: may still become spent. */
  readonly unresolved: bigint
}

export interface BookedStream {
  /** First number that was never reserved for this address: 1, or more when the address was paid before. */
  readonly first: number
  /** Resolves once it is durable that numbers below `end` may be used. Undefined when nothing has to be waited for. */
  reserve(end: number, position: StreamPosition): Promise<void> | undefined
  /** The stream is over: nothing is in flight any more. */
  close(position: StreamPosition): Promise<void>
}

/** What a balance of the host says about the book. */
export type BalanceVerdict = {
  /** What had been in doubt until now; undefined when nothing was, or still is. */
  readonly settled?: SettledDoubt
} & (
  | { readonly status: 'agrees' }
  /** Somebody gave money to the account. */
  | { readonly status: 'credited'; readonly amount: bigint }
  /** The host took `amount` more than this payer ever sent. Its balance is adopted all the same. */
  | { readonly status: 'unexplained'; readonly amount: bigint; readonly expectedMin: bigint; readonly balance: bigint }
)

export interface SettledDoubt {
  /** What had counted as spent because nobody knew. */
  readonly amount: bigint
  /** What of it was spent. */
  readonly spent: bigint
  /** Whether the balance told: else all of it counts as spent for good. */
  readonly isCertain: boolean
}

export interface Book {
  /**
   * @param price - Base units for each number.
   * @throws {AddressInUseError} The address is being paid already; two streams would use the same numbers.
   */
  open(address: string, price: bigint): Promise<BookedStream>
  /**
   * Compares with what the host says the account holds, and settles what was unresolved where that can be told: once no
   * stream is open and all that could be held has expired.
   */
  reconcile(balance: bigint): Promise<BalanceVerdict>
  /** Posted as far as known, over the life of the book, in base units. */
  spent(): bigint
  /** May have become spent: reserved, held, or of unknown outcome. */
  unresolved(): bigint
  /** Resolves when no write is under way or waiting for its turn, whatever became of it. */
  flush(): Promise<void>
}

/** What of a book has to survive. */
export interface BookState {
  /** The host's balance when the two were last settled; undefined before. */
  readonly base: bigint | undefined
  /** Posted since then as far as known. */
  readonly posted: bigint
  /** Posted over the life of the book, as far as known. */
  readonly spent: bigint
  /** What may have become spent; nothing of it is held any more after `until`. */
  readonly unresolved: readonly { readonly amount: bigint; readonly until: Instant.Instant }[]
  /** Addresses paid, the oldest first: numbers below `next` are used or reserved, `reserved` may become spent. */
  readonly streams: readonly { readonly address: string; readonly next: number; readonly reserved: bigint }[]
  /**
   * A balance came that could not tell what had become of what was unresolved then (a first one, or one with a credit of
   * unknown size in it), so that no later one can tell either. Absent is false.
   */
  readonly cannotTell?: boolean
}

export const emptyBook: BookState = { base: undefined, posted: 0n, spent: 0n, unresolved: [], streams: [] }

export interface BookOptions {
  readonly clock: Instant.Clock
  /** As it was saved; whatever was reserved then counts as spent until the host's balance says otherwise. */
  readonly state?: BookState
  /** Resolves once `state` would survive a crash. Never called while another call is under way. */
  readonly save?: (state: BookState) => Promise<void>
  /** How long a payment may still be held that was sent a moment ago: its expiry and some grace. 45,000 */
  readonly heldMsMax?: number
}

/** Addresses that are remembered after their stream has ended. Shops give each reader a new one. */
export const streamsKept = 256

interface OpenStream {
  next: number
  reserved: bigint
  open: boolean
}

export function createBook(options: BookOptions): Book {
  const { clock, save } = options
  const from = options.state ?? emptyBook
  let { base, posted, spent, cannotTell = false } = from
  let unresolved = [...from.unresolved]
  const streams = new Map<string, OpenStream>()
  for (const { address, next, reserved } of from.streams) {
    // A crash: nobody knows what became of the rest of the block, nor of what was in flight.
    if (reserved > 0n) unresolved.push({ amount: reserved, until: until() })
    streams.set(address, { next, reserved: 0n, open: false })
  }
  let saving: Promise<void> | undefined
  let savingNext: Promise<void> | undefined

  return {
    async open(address, price) {
      const known = streams.get(address)
      if (known?.open === true) throw new AddressInUseError(address)
      const stream: OpenStream = { next: known?.next ?? 1, reserved: 0n, open: true }
      streams.delete(address)
      streams.set(address, stream)
      return booked(stream, price)
    },

    async reconcile(balance) {
      const verdict = judge(balance)
      await persist()
      return verdict
    },

    spent: () => spent,
    unresolved: () => sumUnresolved() + sumReserved(),

    async flush() {
      for (let last = savingNext ?? saving; last !== undefined; last = savingNext ?? saving) await last.catch(noop)
    },
  }

  function booked(stream: OpenStream, price: bigint): BookedStream {
    let told = 0n
    return {
      first: stream.next,
      reserve(end, position) {
        take(position)
        stream.next = end
        stream.reserved = position.unresolved + BigInt(end - position.next) * price
        return persist()
      },
      async close(position) {
        take(position)
        stream.next = position.next
        stream.reserved = 0n
        stream.open = false
        if (position.unresolved > 0n) unresolved.push({ amount: position.unresolved, until: until() })
        forgetOldest()
        await persist()
      },
    }

    function take(position: StreamPosition): void {
      posted += position.posted - told
      spent += position.posted - told
      told = position.posted
    }
  }

  function judge(balance: bigint): BalanceVerdict {
    const first = base === undefined
    base ??= balance + posted
    const highest = base - posted
    const lowest = highest - sumUnresolved() - sumReserved()
    let verdict: BalanceVerdict = { status: 'agrees' }
    if (balance < lowest) {
      verdict = { status: 'unexplained', amount: lowest - balance, expectedMin: lowest, balance }
      // All that may have been spent was, and more: the rest is written off.
      base -= lowest - balance
    } else if (balance > highest) {
      verdict = { status: 'credited', amount: balance - highest }
      base += balance - highest
    }
    // Without an earlier balance, or with a credit of unknown size in it, this one hides what was spent before it.
    if (first || verdict.status === 'credited') cannotTell ||= sumUnresolved() + sumReserved() > 0n
    const now = clock()
    const quiet = sumReserved() === 0n && unresolved.every((entry) => entry.until <= now)
    if (quiet) {
      // Where nobody can tell all of it counts.
      const amount = sumUnresolved()
      const wasSpent = cannotTell ? amount : base - posted - balance
      if (amount > 0n) verdict = { ...verdict, settled: { amount, spent: wasSpent, isCertain: !cannotTell } }
      spent += wasSpent
      cannotTell = false
      unresolved = []
      base = balance
      posted = 0n
    }
    return verdict
  }

  function until(): Instant.Instant {
    return Instant.after(clock(), options.heldMsMax ?? 45_000)
  }

  function sumUnresolved(): bigint {
    return unresolved.reduce((sum, entry) => sum + entry.amount, 0n)
  }

  function sumReserved(): bigint {
    let sum = 0n
    for (const stream of streams.values()) sum += stream.reserved
    return sum
  }

  function forgetOldest(): void {
    let closed = 0
    for (const stream of streams.values()) if (!stream.open) closed++
    for (const [address, stream] of streams) {
      if (closed <= streamsKept) return
      if (stream.open) continue
      streams.delete(address)
      closed--
    }
  }

  /** One write at a time; what changes meanwhile goes into one more. */
  function persist(): Promise<void> | undefined {
    if (save === undefined) return undefined
    if (saving === undefined) {
      saving = save(state()).finally(() => {
        saving = undefined
      })
      return saving
    }
    savingNext ??= saving.then(noop, noop).then(() => {
      savingNext = undefined
      return persist()
    })
    return savingNext
  }

  function state(): BookState {
    return {
      base,
      posted,
      spent,
      unresolved: [...unresolved],
      streams: Array.from(streams, ([address, { next, reserved }]) => ({ address, next, reserved })),
      ...(cannotTell ? { cannotTell } : {}),
    }
  }
}

function noop(): void {}

export class AddressInUseError extends PayError {
  override readonly name = 'Book.AddressInUseError'
  readonly code = 'PAY_ADDRESS_IN_USE'
  constructor(address: string) {
    super({
      message: `The shop asks for payments to ${address}, which another stream of this payer is paying already.`,
      next: 'wait for the other stream to end; nothing was paid for this one',
      money: nothingPaid,
    })
  }
}
