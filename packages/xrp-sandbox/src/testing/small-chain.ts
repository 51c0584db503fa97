/** A chain with a few accounts, and transactions that need no keys: as if their account had signed them. */
import { Chain } from '../ledger/chain.js'
import type { ClosedLedger } from '../ledger/closed-ledger.js'
import { type AccountRoot, accountIndex, type Entry, type JsonObject } from '../ledger/entry.js'
import { type Faults, none } from '../ledger/faults.js'
import { zero256 } from '../ledger/hash.js'
import { type HistoryLimits, historyLimits } from '../ledger/history.js'
import * as OwnerDirectory from '../ledger/owner-directory.js'
import * as Transaction from '../ledger/transaction.js'

export const alice = 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj'
export const bob = 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW'
export const carol = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh'
/** An address at which there is no account. */
export const nobody = 'rUWbtoWKQLSMwhBSiYDkYvZT5t4MbG7JWS'

/** Of 32 octets 0x11. */
export const condition = 'A025802002D449A31FBB267C8F352E9968A79E3E5FC95C1BBEAA502FD6454EBDE5A4BEDC810120'
export const fulfillment = `A0228020${'11'.repeat(32)}`

export const startTime = 848_650_920

export interface SmallChain {
  readonly chain: Chain
  readonly faults: Faults
  /** The open ledger's. */
  account(address: string): AccountRoot
  /** Fills in fee and sequence. */
  transaction(fields: JsonObject): Transaction.Transaction
  /** @returns The preliminary result. */
  submit(fields: JsonObject): string
  /** Submits and closes. @returns The final result. */
  final(fields: JsonObject): string
}

export function create(
  balances: Readonly<Record<string, bigint>> = {
    [alice]: 1_000_000_000n,
    [bob]: 1_000_000_000n,
    [carol]: 1_000_000_000n,
  },
  history: Partial<HistoryLimits> = {},
): SmallChain {
  const faults = none()
  const entries = new Map<string, Entry>()
  for (const [address, drops] of Object.entries(balances)) {
    entries.set(accountIndex(address), {
      LedgerEntryType: 'AccountRoot',
      Account: address,
      Balance: String(drops),
      Flags: 0,
      OwnerCount: 0,
      Sequence: 1,
      PreviousTxnID: zero256,
      PreviousTxnLgrSeq: 0,
    })
  }
  const chain = new Chain({
    fees: { base: 10n, reserveBase: 1_000_000n, reserveIncrement: 200_000n },
    networkId: 0,
    now: () => startTime,
    faults,
    history: { ...historyLimits, ...history },
    ledgerTransactionsMax: 10_000,
    entries,
    firstIndex: 2,
    firstCloseTime: startTime,
  })
  const account = (address: string) => chain.openState.read(accountIndex(address)) as AccountRoot
  const transaction = (fields: JsonObject) =>
    Transaction.unsigned({
      Fee: fields.Fulfillment === undefined ? '10' : '350',
      Sequence: account(fields.Account as string)?.Sequence ?? 1,
      SigningPubKey: '',
      TxnSignature: '',
      ...fields,
    })
  return {
    chain,
    faults,
    account,
    transaction,
    submit: (fields) => chain.submit(transaction(fields)).result,
    final: (fields) => {
      const sent = transaction(fields)
      chain.submit(sent)
      chain.close()
      return chain.history.transaction(sent.hash)?.validated.metadata.TransactionResult ?? 'not in a ledger'
    },
  }
}

/** What is wrong with the sums and lists of a ledger; nothing, if all is well. */
export function faultsOf(ledger: ClosedLedger): string[] {
  const found: string[] = []
  const owned = new Map<string, number>()
  const listed = new Map<string, Set<string>>()
  const view = { read: (index: string) => ledger.state.get(index) }
  let sum = 0n
  for (const [index, entry] of ledger.state.entries()) {
    if (entry.LedgerEntryType === 'AccountRoot') {
      const balance = BigInt(entry.Balance)
      if (balance < 0n) found.push(`${entry.Account} has ${balance}`)
      sum += balance
    } else if (entry.LedgerEntryType === 'Escrow' || entry.LedgerEntryType === 'PayChannel') {
      const left =
        entry.LedgerEntryType === 'Escrow' ? BigInt(entry.Amount) : BigInt(entry.Amount) - BigInt(entry.Balance)
      if (left < 0n) found.push(`${index} holds ${left}`)
      sum += left
      owned.set(entry.Account, (owned.get(entry.Account) ?? 0) + 1)
      for (const party of [entry.Account, entry.Destination]) {
        const indexes = listed.get(party) ?? new Set(OwnerDirectory.entries(view, party))
        listed.set(party, indexes)
        if (!indexes.has(index)) found.push(`${party} does not list ${index}`)
      }
    }
  }
  for (const [, entry] of ledger.state.entries()) {
    if (entry.LedgerEntryType !== 'AccountRoot') continue
    const count = owned.get(entry.Account) ?? 0
    if (entry.OwnerCount !== count) found.push(`${entry.Account} counts ${entry.OwnerCount} objects of ${count}`)
    for (const index of OwnerDirectory.entries(view, entry.Account)) {
      if (ledger.state.get(index) === undefined) found.push(`${entry.Account} lists ${index}, which is gone`)
    }
  }
  if (sum !== ledger.totalCoins) found.push(`${sum} drops of ${ledger.totalCoins}`)
  return found
}
