/** Money that came without saying whose it is: the operator finds out, and moves it. It is never the shop's. */
import { type Cursor, type Store, suspenseAccount } from '@millstream/ledger'
import { mayHoldDeposits } from '@millstream/trustline'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import type { MovementRow, Operator } from './operator.js'

export interface SuspenseRow {
  /** Transaction on the XRP Ledger: it shows from whom and with which tag it came. */
  readonly hash: string
  readonly at: string
  readonly amount: string
}

const account = 'suspense'
const depositPrefix = 'xrp '

/**
 * The place in the feed behind which a deposit is that was not moved yet: its record says whose transaction it was, so it
 * is not to be pruned away. `undefined` when there is none.
 */
export async function reader(store: Store): Promise<Cursor | undefined> {
  const moved = new Set<string>()
  let first: number | undefined
  // Newest first a store follows the account's own records.
  for await (const record of store.transfers({ account: suspenseAccount, newestFirst: true })) {
    const { cursor, target, reference = '' } = record
    if (target !== suspenseAccount) moved.add(reference)
    else if (cursor !== undefined && !moved.has(movedReference(reference.slice(depositPrefix.length)))) first = cursor
  }
  return first === undefined ? undefined : ((first - 1) as Cursor)
}

/** What is in suspense, oldest first. */
export async function list(operator: Operator): Promise<readonly SuspenseRow[]> {
  const rows = new Map<string, SuspenseRow>()
  for await (const { reference = '', target, at, amount } of operator.transfers({ account, oldestFirst: true })) {
    if (target === account && reference.startsWith(depositPrefix)) {
      const hash = reference.slice(depositPrefix.length)
      rows.set(hash, { hash, at, amount })
    } else {
      rows.delete(reference.slice(movedReference('').length))
    }
  }
  return [...rows.values()]
}

/**
 * Moves one deposit to whose it is. Both movements have one reference, so that a move that was cut short is finished by
 * doing it again.
 *
 * @throws {Failure} There is no such deposit in suspense.
 */
export async function move(operator: Operator, hash: string, to: string): Promise<MovementRow> {
  if (!mayHoldDeposits(to)) throw weak(to)
  const amount = await amountOf(operator, hash)
  await operator.withdraw(account, amount, movedReference(hash))
  return operator.fund(to, amount, movedReference(hash))
}

/** Also of one that was moved before: repeating a move does nothing, and says so. */
async function amountOf(operator: Operator, hash: string): Promise<bigint> {
  for await (const { reference, target, amount } of operator.transfers({ account, oldestFirst: true })) {
    if (target === account && reference === depositPrefix + hash) return BigInt(amount)
  }
  throw new Failure({
    code: 'LEDGER_NOT_IN_SUSPENSE',
    exit: exitCodes.refused,
    message: `No deposit of the transaction ${hash} is in suspense. Nothing was changed.`,
    next: 'run `millstream ledger suspense` to see what is',
  })
}

function movedReference(hash: string): string {
  return `moved ${depositPrefix}${hash}`
}

function weak(name: string): Failure {
  return new Failure({
    code: 'LEDGER_WEAK_TOKEN',
    exit: exitCodes.refused,
    message: `Account ${name} has a token of less than 16 bytes, or none: it holds no money. Nothing was changed.`,
    next: 'ask the customer to choose a longer token: that is another account',
  })
}
