/** `millstream ledger …`: the operator's tools, through the shop that holds the data folder or without one. */
import { randomBytes, systemClock } from '@millstream/hashes'
import { Hex, Instant } from '@millstream/units'
import { type ExitCode, exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'
import * as LedgerReport from '../ledger-report.js'
import * as OpenLedger from '../open-ledger.js'
import type { Operator } from '../operator.js'
import * as Statement from '../statement.js'
import type { StoreChoice } from '../store-choice.js'
import * as Suspense from '../suspense.js'
import type { Terminal } from '../terminal.js'

export interface LedgerOptions {
  readonly data: string
  readonly store?: StoreChoice
  readonly json?: boolean
}

export type LedgerRequest =
  | { readonly type: 'accounts' | 'check' | 'suspense' }
  | { readonly type: 'move'; readonly hash: string; readonly account: string }
  | { readonly type: 'transfers'; readonly account: string | undefined; readonly limit: number }
  | { readonly type: 'balances'; readonly at: Instant.Instant }
  | {
      readonly type: 'statement'
      readonly account: string
      readonly from: Instant.Instant | undefined
      readonly to: Instant.Instant | undefined
    }
  | { readonly type: 'prune'; readonly before: Instant.Instant; readonly dryRun: boolean }
  | { readonly type: 'limit'; readonly account: string; readonly amount: bigint }
  | {
      readonly type: 'fund' | 'withdraw'
      readonly account: string
      readonly amount: bigint
      readonly reference: string | undefined
    }

export async function run(options: LedgerOptions, request: LedgerRequest, terminal: Terminal): Promise<ExitCode> {
  const ledger = await OpenLedger.open(options)
  try {
    return await answer(ledger.operator, request, options.json === true, terminal)
  } finally {
    await ledger.close()
  }
}

async function answer(
  operator: Operator,
  request: LedgerRequest,
  json: boolean,
  terminal: Terminal,
): Promise<ExitCode> {
  const print = (value: object, text: () => string) => {
    terminal.stdout.write(json ? `${JSON.stringify(value)}\n` : text())
  }
  switch (request.type) {
    case 'accounts':
      await printAll(operator.accounts(), LedgerReport.accounts, json, terminal)
      return exitCodes.done
    case 'transfers': {
      const only = request.account === undefined ? {} : { account: request.account }
      const rows = operator.transfers({ limit: request.limit, ...only })
      const count = await printAll(rows, LedgerReport.transfers, json, terminal)
      if (count < request.limit) await tellBeginning(operator, terminal)
      return exitCodes.done
    }
    case 'balances':
      assertPast(request.at)
      await printAll(operator.balances(request.at), LedgerReport.balances, json, terminal)
      return exitCodes.done
    case 'statement':
      await printAll(Statement.lines(operator, request), LedgerReport.statement, json, terminal)
      if (request.from === undefined) await tellBeginning(operator, terminal)
      return exitCodes.done
    case 'prune': {
      assertPast(request.before)
      const row = await operator.prune(request.before, request.dryRun)
      print(row, () => LedgerReport.prune(row))
      return exitCodes.done
    }
    case 'limit': {
      const { asset } = await operator.describe()
      const row = await operator.limit(request.account, request.amount)
      print(row, () => LedgerReport.account(row, asset))
      return exitCodes.done
    }
    case 'fund':
    case 'withdraw': {
      const { asset } = await operator.describe()
      const reference = request.reference ?? newReference()
      const row = await operator[request.type](request.account, request.amount, reference)
      print(row, () => LedgerReport.movement(request.type === 'fund' ? 'funded' : 'withdrawn', row, asset))
      return exitCodes.done
    }
    case 'suspense': {
      const rows = await Suspense.list(operator)
      if (json) for (const row of rows) terminal.stdout.write(`${JSON.stringify(row)}\n`)
      else terminal.stdout.write(LedgerReport.suspense(rows))
      return exitCodes.done
    }
    case 'move': {
      const { asset } = await operator.describe()
      const row = await Suspense.move(operator, request.hash, request.account)
      print(row, () => LedgerReport.movement('funded', row, asset))
      return exitCodes.done
    }
    case 'check': {
      const { asset } = await operator.describe()
      const row = await operator.check()
      print(row, () => LedgerReport.check(row, asset))
      return row.ok ? exitCodes.done : exitCodes.check
    }
  }
}

/** JSON lines as they come; a table needs all rows before it knows how wide its columns are. Gives their number. */
async function printAll<Row>(
  rows: AsyncIterable<Row>,
  table: (rows: readonly Row[]) => string,
  json: boolean,
  terminal: Terminal,
): Promise<number> {
  const list: Row[] = []
  let count = 0
  for await (const row of rows) {
    count++
    if (json) terminal.stdout.write(`${JSON.stringify(row)}\n`)
    else list.push(row)
  }
  if (!json) terminal.stdout.write(table(list))
  return count
}

async function tellBeginning(operator: Operator, terminal: Terminal): Promise<void> {
  const { history } = await operator.describe()
  terminal.stderr.write(LedgerReport.beginning(history))
}

/** Names a movement that the operator did not name: made once for each run, so that running again is another one. */
function newReference(): string {
  return `operator ${new Date().toISOString()} ${Hex.fromBytes(randomBytes(4))}`
}

/** What has not come is not known yet; mostly it is a slip of the pen. */
function assertPast(at: Instant.Instant): void {
  if (at <= systemClock()) return
  throw new Failure({
    code: 'USAGE',
    exit: exitCodes.usage,
    message: `${Instant.toIso(at)} has not come yet. Nothing was done.`,
    next: 'name a time that has passed',
  })
}
