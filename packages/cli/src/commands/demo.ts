/**
 * `millstream demo`: a shop and a payer as two processes on this machine, letters as they are paid, and both books at
 * the end. Exits with 0 only if the books agree.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import { openPayerState } from '@millstream/pay/node'
import type { Asset } from '@millstream/units'
import * as DemoProcess from '../demo-process.js'
import { type ExitCode, exitCodes } from '../exit-code.js'
import * as Meter from '../meter.js'
import * as Money from '../money.js'
import * as OpenLedger from '../open-ledger.js'
import type { AccountRow, CheckRow } from '../operator.js'
import * as OwnProcess from '../own-process.js'
import * as Signals from '../signals.js'
import type { Terminal } from '../terminal.js'

export interface DemoOptions {
  readonly letters: number
}

/** As fast as a person can follow, and for how long. */
const slowLetters = 60
const slowPerSecond = 14
const creditLimit = 1_000_000_000n
/** Letters on one line, and how many of them are shown where nobody watches. */
const lineWidth = 78
const unwatchedLetters = 3 * lineWidth

interface PaySummary {
  readonly pieces: number
  readonly paid: string
  readonly seconds: number
  readonly piecesPerSecond: number
  readonly account: string
  readonly asset: Asset
}

export async function run(options: DemoOptions, terminal: Terminal): Promise<ExitCode> {
  const folder = await mkdtemp(join(tmpdir(), 'millstream-demo-'))
  // The payer ends before the shop, so that nobody pays into the void.
  const processes = OwnProcess.createGroup()
  // A terminal that is closed ends it too, and it has something to clean up.
  const signals = Signals.listen(['SIGINT', 'SIGTERM', 'SIGHUP'])
  const shown = show(folder, processes, options, terminal)
  try {
    return await Promise.race([shown, interruption(signals)])
  } finally {
    signals.close()
    await processes.end()
    // What was interrupted comes to its own end before the folder goes.
    await shown.catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }
}

async function show(
  folder: string,
  processes: OwnProcess.Group,
  options: DemoOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const data = join(folder, 'shop')
  const say = (text: string) => {
    if (!processes.hasEnded) terminal.stdout.write(text)
  }

  const strangers = `credit:${creditLimit}`
  const shop = processes.start([
    'shop',
    '--json',
    '--port',
    '0',
    '--btp-port',
    '0',
    '--data',
    data,
    '--strangers',
    strangers,
  ])
  const ready = await DemoProcess.readyLine<{ readonly http: string; readonly btp: string }>('shop', shop)
  say(`A letter shop with its ledger, and somebody who reads: two processes on this machine.\n
  shop    ${ready.http}
  ledger  ${ready.btp}, in SQLite, every payment flushed to the disk
  price   1 base unit (0.000000001 XRP) a letter, one payment for each\n\n`)

  const home = join(folder, 'payer')
  const pay = async (args: readonly string[]): Promise<PaySummary> => {
    const payer = processes.start(['pay', ready.http, '--json', '--quiet', '--home', home, ...args])
    await printLetters(payer, terminal.stdout.isTTY === true, say)
    const exit = await payer.ended
    if (exit !== exitCodes.done) throw DemoProcess.failed('payer', exit, payer.stderr())
    return JSON.parse(payer.stderr().trimEnd().split('\n').at(-1)!) as PaySummary
  }
  say('At a pace that you can follow:\n\n')
  const slow = await pay(['--pieces', `${slowLetters}`, '--risk', '1', '--rate', `${slowPerSecond}`])
  say('And as fast as it goes:\n\n')
  const budget = `${options.letters}`
  const fast = await pay([
    '--pieces',
    `${options.letters}`,
    '--budget',
    budget,
    '--risk',
    `${Math.min(options.letters, 4096)}`,
  ])

  const books = await readBooks(data, fast.account)
  const own = await readPayerBook(home, ready.btp, fast.account)
  const paid = BigInt(slow.paid) + BigInt(fast.paid)
  const letters = slow.pieces + fast.pieces
  const spent = own.spent === paid && own.unresolved === 0n
  const agree = books.check.ok && BigInt(letters) === paid && spent && books.payer === -paid && books.shop === paid
  const money = (value: bigint) => Money.format(value, fast.asset)
  say(`  letters        ${letters}
  paid           ${money(paid)}
  rate           ${Meter.formatRate(slow.piecesPerSecond)}, then ${Meter.formatRate(fast.piecesPerSecond)}
  payer's book   ${money(own.spent)} spent, ${own.unresolved === 0n ? 'nothing' : money(own.unresolved)} in doubt
  shop's ledger  ${money(books.payer)} on the payer's account, ${money(books.shop)} on the shop's
  ledger check   ${books.check.ok ? 'ok: every sum holds' : books.check.faults.join(' ')}
  both books     ${agree ? 'agree' : 'DO NOT AGREE'}\n`)
  return agree ? exitCodes.done : exitCodes.check
}

/** Letters as they come, in lines of a width that every terminal has. */
async function printLetters(
  payer: OwnProcess.OwnProcess,
  watched: boolean,
  say: (text: string) => void,
): Promise<void> {
  const decoder = new StringDecoder('utf8')
  let column = 0
  let count = 0
  for await (const chunk of payer.stdout as AsyncIterable<Buffer>) {
    const letters = Array.from(decoder.write(chunk))
    const shown = watched ? letters : letters.slice(0, Math.max(0, unwatchedLetters - count))
    count += letters.length
    let text = ''
    for (const letter of shown) {
      text += column === 0 ? `  ${letter}` : letter
      column = (column + 1) % lineWidth
      if (column === 0) text += '\n'
    }
    if (text !== '') say(text)
  }
  const rest = watched ? 0 : Math.max(0, count - unwatchedLetters)
  say(`${column === 0 ? '' : '\n'}${rest === 0 ? '' : `  … and ${rest} more\n`}\n`)
}

async function readBooks(data: string, account: string) {
  const ledger = await OpenLedger.open({ data })
  try {
    const rows = new Map<string, AccountRow>()
    for await (const row of ledger.operator.accounts()) rows.set(row.id, row)
    const balance = (id: string) => BigInt(rows.get(id)?.balance ?? 0)
    const check: CheckRow = await ledger.operator.check()
    return { payer: balance(account), shop: balance('server'), check }
  } finally {
    await ledger.close()
  }
}

/** What the payer wrote down for itself. */
async function readPayerBook(home: string, btp: string, account: string) {
  const state = await openPayerState({ folder: home, clock: systemClock, hashes, randomBytes })
  try {
    const book = await state.book(btp.replace(/\/$/, ''), account)
    return { spent: book.spent(), unresolved: book.unresolved() }
  } finally {
    await state.close()
  }
}

async function interruption(signals: Signals.Signals): Promise<ExitCode> {
  await signals.first
  return exitCodes.interrupted
}
