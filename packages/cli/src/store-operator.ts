/**
 * The operator's requests, answered by an open Store: in the shop that holds it, behind its socket, and in a `ledger`
 * command that has opened it. All of them go through the ledger's own commands, so its rules hold here too.
 */
import type {
  Account,
  AccountId,
  CheckReport,
  Command,
  Cursor,
  HistoryStart,
  OutcomeOf,
  Store,
  TransferQuery as StoreQuery,
  TransferRecord,
} from '@millstream/ledger'
import type { BackupBatch } from '@millstream/ledger-sqlite'
import { mayHoldDeposits } from '@millstream/trustline'
import { type Asset, Instant, TransferId } from '@millstream/units'
import type { SettlementReport } from '@millstream/xrp'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import * as Money from './money.js'
import type {
  AccountRow,
  BalanceRow,
  CheckRow,
  HistoryRow,
  LedgerDescription,
  MovementRow,
  Operator,
  PruneRow,
  TransferQuery,
  TransferRow,
  XrpCheckRow,
} from './operator.js'
import * as Suspense from './suspense.js'

export interface StoreOperatorOptions {
  readonly store: Store
  readonly prefix: string
  readonly asset: Asset
  readonly pid: number
  /** Copies the ledger; absent where it has no file. */
  readonly backup?: () => AsyncIterable<BackupBatch>
  /** Places in the feed that must not be pruned away, beside those that the store knows. */
  readonly readers?: () => readonly Cursor[]
  /** Compares the books with what moved on the XRP Ledger, where the trustline is settled there. */
  readonly checkXrp?: () => Promise<SettlementReport>
  /** Awaited between portions of pruning, which took so long. */
  readonly pause?: (workedMs: number) => Promise<void>
}

export function create(options: StoreOperatorOptions): Operator {
  const { store, prefix, asset, pid } = options

  async function describe(): Promise<LedgerDescription> {
    return { prefix, asset, pid, history: historyRow(await store.history()) }
  }

  async function* accounts(): AsyncGenerator<AccountRow> {
    for await (const account of store.accounts()) yield accountRow(account)
  }

  async function* transfers(query: TransferQuery): AsyncGenerator<TransferRow> {
    const { account, limit, from, to, oldestFirst = false } = query
    const only = account === undefined ? undefined : (await existing(account)).id
    const names = new Map<AccountId, string>()
    const nameOf = async (id: AccountId) => {
      if (!names.has(id)) names.set(id, (await store.account(id))?.name ?? `#${id}`)
      return names.get(id)!
    }
    const storeQuery: StoreQuery = {
      newestFirst: !oldestFirst,
      ...(limit === undefined ? {} : { limit }),
      ...(only === undefined ? {} : { account: only }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    }
    for await (const record of store.transfers(storeQuery)) {
      yield transferRow(record, await nameOf(record.source), await nameOf(record.target))
    }
  }

  async function limit(name: string, creditLimit: bigint): Promise<AccountRow> {
    const account = await ensured(name, 'named')
    const outcome = await one({ type: 'limit', account: account.id, creditLimit })
    if (outcome.status !== 'limited') throw noSuchAccount(name)
    return accountRow(outcome.account)
  }

  async function fund(name: string, amount: bigint, reference: string): Promise<MovementRow> {
    if (!mayHoldDeposits(name)) throw weakToken(name)
    // Money alone makes nobody a customer of the operator: strangers keep the credit that all strangers have.
    const account = await ensured(name, 'stranger')
    const outcome = await one({ type: 'deposit', account: account.id, amount, reference })
    if (outcome.status === 'account_not_found') throw noSuchAccount(name)
    if (outcome.status === 'exists_different') throw referenceTaken(reference)
    if (outcome.status === 'exceeds_target') throw exceedsTarget(name)
    return { status: outcome.status === 'exists' ? 'exists' : 'done', reference, account: await row(account.id) }
  }

  async function withdraw(name: string, amount: bigint, reference: string): Promise<MovementRow> {
    const account = await existing(name)
    const outcome = await one({ type: 'withdraw', account: account.id, amount, reference })
    if (outcome.status === 'exceeds_balance') throw exceedsBalance(account)
    if (outcome.status === 'account_not_found') throw noSuchAccount(name)
    if (outcome.status === 'exists_different') throw referenceTaken(reference)
    return { status: outcome.status === 'exists' ? 'exists' : 'done', reference, account: await row(account.id) }
  }

  async function check(): Promise<CheckRow> {
    const row = checkRow(await store.check())
    const report = await options.checkXrp?.()
    if (report === undefined) return row
    return { ...row, ok: row.ok && report.ok, faults: [...row.faults, ...report.faults], xrp: xrpCheckRow(report) }
  }

  async function* balances(at: Instant.Instant): AsyncGenerator<BalanceRow> {
    for await (const { account, name, posted } of store.balancesAt(at)) {
      yield { id: name ?? `#${account}`, balance: String(posted) }
    }
  }

  async function prune(before: Instant.Instant, dryRun: boolean): Promise<PruneRow> {
    const { readers = () => [], pause } = options
    const suspended = await Suspense.reader(store)
    const all = [...readers(), ...(suspended === undefined ? [] : [suspended])]
    const request = { before, dryRun, readers: all, ...(pause === undefined ? {} : { pause }) }
    const { history, records, boundBy } = await store.prune(request)
    return { dryRun, records, boundBy, history: historyRow(history) }
  }

  function backup(): AsyncIterable<BackupBatch> {
    if (options.backup === undefined) throw notInAFile()
    return options.backup()
  }

  /** One command, and its outcome once it would survive a crash: nobody is told before. */
  async function one<C extends Command>(command: C): Promise<OutcomeOf<C>> {
    const batch = store.apply([command])
    const [outcome] = await batch.outcomes
    await batch.durable
    return outcome as OutcomeOf<C>
  }

  async function existing(name: string): Promise<Account> {
    const account = await store.find(name)
    if (account === undefined) throw noSuchAccount(name)
    return account
  }

  async function ensured(name: string, kind: 'named' | 'stranger'): Promise<Account> {
    const found = await store.find(name)
    if (found?.kind === 'system' || found?.kind === 'passing') throw notForOperator(found)
    return found ?? (await one({ type: 'open', name, kind, creditLimit: 0n })).account
  }

  async function row(id: AccountId): Promise<AccountRow> {
    return accountRow((await store.account(id))!)
  }

  function exceedsBalance(account: Account): Failure {
    return new Failure({
      code: 'LEDGER_EXCEEDS_BALANCE',
      exit: exitCodes.refused,
      message: `Nothing was withdrawn: account ${account.name} has ${Money.format(account.posted, asset)}, less than that.`,
      next: 'withdraw at most its balance less what it holds',
    })
  }

  return { describe, accounts, transfers, limit, fund, withdraw, check, balances, prune, backup }
}

function accountRow(account: Account): AccountRow {
  const owed = account.owedSince === undefined ? {} : { owedSince: Instant.toIso(account.owedSince) }
  return {
    id: account.name,
    kind: account.kind,
    balance: String(account.posted),
    held: String(account.heldOut),
    incoming: String(account.heldIn),
    limit: String(account.creditLimit),
    openedAt: Instant.toIso(account.openedAt),
    ...owed,
  }
}

function transferRow(record: TransferRecord, source: string, target: string): TransferRow {
  return {
    ...(record.cursor === undefined ? {} : { cursor: record.cursor }),
    kind: record.kind,
    state: record.state,
    at: Instant.toIso(record.at),
    source,
    target,
    amount: String(record.amount),
    ...(record.id === undefined ? {} : { id: TransferId.format(record.id) }),
    ...(record.destination === undefined ? {} : { destination: record.destination }),
    ...(record.reference === undefined ? {} : { reference: record.reference }),
  }
}

function historyRow({ after, at }: HistoryStart): HistoryRow {
  return { after, ...(at === undefined ? {} : { at: Instant.toIso(at) }) }
}

function checkRow(report: CheckReport): CheckRow {
  const { ok, faults, accounts, entries, holds } = report
  const [total, posted, held] = [String(report.total), String(report.posted), String(report.held)]
  return { ok, faults, accounts, entries, holds, total, posted, held }
}

function xrpCheckRow(report: SettlementReport): XrpCheckRow {
  const { deposited, claimed, unredeemed, withdrawn, unknown, underWay } = report
  return {
    deposited: String(deposited),
    claimed: String(claimed),
    unredeemed: String(unredeemed),
    withdrawn: String(withdrawn),
    ...{ unknown, underWay },
  }
}

function notInAFile(): Failure {
  return new Failure({
    code: 'LEDGER_WITHOUT_FILE',
    exit: exitCodes.refused,
    message: 'This ledger has no file of its own: there is nothing to copy. Nothing was done.',
    next: 'back up a ledger in PostgreSQL with the tools of PostgreSQL; one in memory ends with its shop',
  })
}

function noSuchAccount(name: string): Failure {
  return new Failure({
    code: 'LEDGER_ACCOUNT_NOT_FOUND',
    exit: exitCodes.refused,
    message: `There is no account ${name} on this ledger. Nothing was changed.`,
    next: 'run `millstream ledger accounts` to see them; `ledger fund` and `ledger limit` open one',
  })
}

function notForOperator(account: Account): Failure {
  return new Failure({
    code: 'LEDGER_ACCOUNT_KIND',
    exit: exitCodes.refused,
    message: `Account ${account.name} is a ${account.kind} account: it gets no limit and no money by hand. Nothing was changed.`,
    next: 'name an account of a customer; a connection without user and token ends with its connection',
  })
}

function weakToken(name: string): Failure {
  return new Failure({
    code: 'LEDGER_WEAK_TOKEN',
    exit: exitCodes.refused,
    message: `Account ${name} has a token of less than 16 bytes, which somebody could guess: it holds no money. Nothing was changed.`,
    next: 'ask the customer to choose a longer token: that is another account, and its id is what to fund',
  })
}

function referenceTaken(reference: string): Failure {
  return new Failure({
    code: 'LEDGER_REFERENCE_TAKEN',
    exit: exitCodes.refused,
    message: `Reference ${JSON.stringify(reference)} was used before, with another account or amount. Nothing was changed.`,
    next: 'look for it in `millstream ledger transfers`; use a reference of its own for each movement',
  })
}

function exceedsTarget(name: string): Failure {
  return new Failure({
    code: 'LEDGER_EXCEEDS_TARGET',
    exit: exitCodes.refused,
    message: `Account ${name} would have more than an account of this ledger may have. Nothing was changed.`,
    next: 'fund it with less',
  })
}
