/** `millstream ledger export`: accounts or transfers as a file for other programs, row by row. */
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Instant } from '@millstream/units'
import * as Csv from '../csv.js'
import { type ExitCode, exitCodes } from '../exit-code.js'
import { printable } from '../failure.js'
import * as LedgerReport from '../ledger-report.js'
import * as NewFile from '../new-file.js'
import * as OpenLedger from '../open-ledger.js'
import type { AccountRow, Operator, TransferRow } from '../operator.js'
import type { StoreChoice } from '../store-choice.js'
import type { Terminal } from '../terminal.js'

export interface ExportOptions {
  readonly data: string
  readonly store?: StoreChoice
  readonly format: 'csv' | 'jsonl'
  readonly account?: string
  readonly from?: Instant.Instant
  readonly to?: Instant.Instant
  readonly output?: string
}

type Columns<Row> = ReadonlyArray<readonly [name: keyof Row & string, kind: 'text' | 'number']>

const accountColumns: Columns<AccountRow> = [
  ['id', 'text'],
  ['kind', 'text'],
  ['balance', 'number'],
  ['held', 'number'],
  ['incoming', 'number'],
  ['limit', 'number'],
  ['openedAt', 'text'],
  ['owedSince', 'text'],
]
const transferColumns: Columns<TransferRow> = [
  ['cursor', 'number'],
  ['at', 'text'],
  ['kind', 'text'],
  ['state', 'text'],
  ['source', 'text'],
  ['target', 'text'],
  ['amount', 'number'],
  ['id', 'text'],
  ['destination', 'text'],
  ['reference', 'text'],
]

/** Characters that are written at once. */
const textCharactersMin = 65_536

export async function run(
  what: 'accounts' | 'transfers',
  options: ExportOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  if (options.output !== undefined) await NewFile.assertNew(options.output)
  const ledger = await OpenLedger.open(options)
  try {
    const rows =
      what === 'accounts' ? exportAccounts(ledger.operator, options) : exportTransfers(ledger.operator, options)
    const first = await rows.next()
    // Nothing is removed from under the list any more.
    const { history } = await ledger.operator.describe()
    await write(from(first, rows), options.output, terminal)
    const isWhole = history.at !== undefined && options.from !== undefined && options.from > Date.parse(history.at)
    if (what === 'transfers' && !isWhole) terminal.stderr.write(LedgerReport.beginning(history))
    return exitCodes.done
  } finally {
    await ledger.close()
  }
}

function exportAccounts(operator: Operator, { format, account }: ExportOptions): AsyncGenerator<string> {
  const rows = async function* () {
    for await (const row of operator.accounts()) if (account === undefined || row.id === account) yield row
  }
  return toText(rows(), accountColumns, format)
}

function exportTransfers(operator: Operator, { format, account, from, to }: ExportOptions): AsyncGenerator<string> {
  const only = {
    ...(account === undefined ? {} : { account }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
  const ended = async function* () {
    // What is held is not in the history yet: it comes with the export of the time in which it ends.
    for await (const row of operator.transfers({ ...only, oldestFirst: true })) if (row.state !== 'held') yield row
  }
  return toText(ended(), transferColumns, format)
}

async function* from(first: IteratorResult<string>, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  if (first.done !== true) yield first.value
  yield* rest
}

async function* toText<Row extends object>(
  rows: AsyncIterable<Row>,
  columns: Columns<Row>,
  format: 'csv' | 'jsonl',
): AsyncGenerator<string> {
  let text = format === 'csv' ? Csv.line(columns.map(([name]) => ({ text: name }))) : ''
  for await (const row of rows) {
    text +=
      format === 'csv' ? Csv.line(columns.map(([name, kind]) => cell(row[name], kind))) : `${JSON.stringify(row)}\n`
    if (text.length < textCharactersMin) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

function cell(value: unknown, kind: 'text' | 'number'): Csv.Cell {
  if (value === undefined) return undefined
  return kind === 'number' ? { number: String(value) } : { text: String(value) }
}

async function write(text: AsyncIterable<string>, output: string | undefined, terminal: Terminal): Promise<void> {
  if (output === undefined) {
    const { stdout } = terminal
    // Addresses and references may hold anything: on a terminal they must not steer it.
    const shown = stdout.isTTY === true ? Readable.from(mapped(text, printable)) : Readable.from(text)
    try {
      await pipeline(shown, stdout, { end: false })
    } catch (error) {
      // The reader has what it wanted.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
    }
    return
  }
  const file = await NewFile.create(output)
  try {
    const name = 'export'
    const target = createWriteStream(join(file.folder, name), { flags: 'wx', mode: 0o600, flush: true })
    await pipeline(Readable.from(text), target).catch((cause: NodeJS.ErrnoException) => {
      throw cause.syscall === undefined ? cause : NewFile.unwritable(output, cause)
    })
    await file.place(name)
  } finally {
    await file.discard()
  }
}

async function* mapped(text: AsyncIterable<string>, map: (text: string) => string): AsyncGenerator<string> {
  for await (const part of text) yield map(part)
}
