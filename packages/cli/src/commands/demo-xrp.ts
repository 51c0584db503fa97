/**
 * `millstream demo --xrp`: real XRP transactions on an XRP Ledger of this machine. A reader deposits XRP on a shop's
 * trustline, reads, gets the rest back, and then reads from a shop that is paid by escrows. Exits with 0 only if all
 * books agree with what moved on the ledger.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Amount } from '@millstream/units'
import * as DemoProcess from '../demo-process.js'
import { type ExitCode, exitCodes } from '../exit-code.js'
import * as OpenLedger from '../open-ledger.js'
import type { AccountRow } from '../operator.js'
import * as OwnProcess from '../own-process.js'
import * as Signals from '../signals.js'
import type { Terminal } from '../terminal.js'

const depositXrp = '1000'
const letters = 1_000
/** Base units of the trustline: a thousandth of an XRP. */
const price = 1_000_000n
const escrowLetters = 10
/** Drops: a thousandth of an XRP too. */
const escrowPrice = 1_000n
/** More than what a dozen transactions cost, in drops. */
const feesMax = 10_000n
const xrp = { code: 'XRP', scale: 6 }
const dropUnits = 1_000n
const columns = 14

interface Sandbox {
  readonly url: string
  readonly http: string
}

interface Balances {
  readonly reader: bigint
  readonly shop: bigint
}

export async function run(terminal: Terminal): Promise<ExitCode> {
  const folder = await mkdtemp(join(tmpdir(), 'millstream-demo-'))
  const processes = OwnProcess.createGroup()
  const signals = Signals.listen(['SIGINT', 'SIGTERM', 'SIGHUP'])
  const shown = show(folder, processes, terminal)
  try {
    return await Promise.race([shown, signals.first.then(() => exitCodes.interrupted)])
  } finally {
    signals.close()
    await processes.end()
    // What was interrupted comes to its own end before the folder goes.
    await shown.catch(() => {})
    await rm(folder, { recursive: true, force: true })
  }
}

async function show(folder: string, processes: OwnProcess.Group, terminal: Terminal): Promise<ExitCode> {
  const say = (text: string) => {
    if (!processes.hasEnded) terminal.stdout.write(text)
  }
  const home = join(folder, 'reader')
  const ask = async (who: string, args: readonly string[]): Promise<DemoProcess.Answer> => {
    const child = processes.start([...args, '--home', home, '--json'])
    return DemoProcess.answerOf(who, child)
  }

  const sandbox = await startSandbox(processes)
  const [shop, reader] = [await openAccount(sandbox, folder, 'shop'), await openAccount(sandbox, folder, 'reader')]
  const balances = async (): Promise<Balances> => ({
    reader: await balanceOf(sandbox, reader),
    shop: await balanceOf(sandbox, shop),
  })
  const seedOf = (who: string) => ['--xrp', sandbox.url, '--seed-file', join(folder, `${who}.seed`)]
  say(`A shop and a reader, each with an account on an XRP Ledger that runs on this machine.\n
  ledger  ${sandbox.url}
  shop    ${shop}
  reader  ${reader}\n\n`)

  const start = await balances()
  say(`Over a trustline: deposit ${depositXrp} XRP, read ${letters} letters at 0.001 XRP, withdraw the rest.\n\n`)
  const data = join(folder, 'trustline')
  const words = ['shop', '--json', '--port', '0', '--btp-port', '0', '--data', data]
  const trustline = processes.start([...words, '--price', `${price}`, ...seedOf('shop')])
  const { http } = await DemoProcess.readyLine<{ http: string }>('shop', trustline)
  const deposited = await ask('deposit', ['deposit', depositXrp, '--to', http, ...seedOf('reader')])
  const afterDeposit = await balances()
  const budget = `${BigInt(letters) * price}`
  const limits = ['--quiet', '--max-price', `${price}`, '--budget', budget, '--risk', `${64n * price}`]
  const read = await ask('reader', ['pay', http, '--pieces', `${letters}`, ...limits])
  const bookBefore = await accountsOf(data)
  const withdrawn = await ask('withdrawal', ['withdraw', '--from', http])
  const afterWithdrawal = await balances()
  const bookAfter = await accountsOf(data)
  const check = await checkOf(data)
  await trustline.end()

  const account = String(deposited.account)
  const cost = BigInt(String(read.paid))
  const rows: ReadonlyArray<readonly [string, ...bigint[]]> = [
    ['on XRP: reader', start.reader, afterDeposit.reader, afterDeposit.reader, afterWithdrawal.reader],
    ['on XRP: shop', start.shop, afterDeposit.shop, afterDeposit.shop, afterWithdrawal.shop],
    ['book: reader', 0n, BigInt(String(deposited.balance)) / dropUnits, ...inDrops(account, bookBefore, bookAfter)],
    ['book: shop', 0n, 0n, ...inDrops('server', bookBefore, bookAfter)],
  ]
  say(table(['', 'before', 'deposited', 'read', 'withdrawn'], rows))
  const fees = start.reader + start.shop - afterWithdrawal.reader - afterWithdrawal.shop
  const isSettled =
    check.ok &&
    read.pieces === letters &&
    cost === BigInt(letters) * price &&
    BigInt(String(withdrawn.drops)) === BigInt(String(deposited.drops)) - cost / dropUnits &&
    isWithinFees(start.reader - afterWithdrawal.reader - cost / dropUnits) &&
    isWithinFees(cost / dropUnits - (afterWithdrawal.shop - start.shop))
  say(`
  letters       ${String(read.pieces)}, paid ${Amount.format(cost, { code: 'XRP', scale: 9 })}
  fees          ${format(fees)} XRP, burned by the ledger
  ledger check  ${check.ok ? 'ok: every sum holds, on the trustline and on XRP' : check.faults.join(' ')}
  both books    ${isSettled ? 'agree' : 'DO NOT AGREE'}\n
By escrows: ${escrowLetters} letters at 0.001 XRP, without any account at the shop.\n\n`)

  const escrowShop = processes.start([
    ...['shop', '--json', '--port', '0', '--data', join(folder, 'escrow'), '--escrow', ...seedOf('shop')],
    ...['--price', `${escrowPrice}`, '--letters', `${escrowLetters}`],
  ])
  const ready = await DemoProcess.readyLine<{ http: string; paymentMin: string }>('shop', escrowShop)
  const most = `${BigInt(escrowLetters) * escrowPrice}`
  const bought = await ask('reader', [
    ...['pay', ready.http, '--quiet', '--max-price', `${escrowPrice}`, '--budget', most, '--risk', most],
    ...seedOf('reader'),
  ])
  const end = await balances()
  say(
    table(
      ['', 'before', 'after'],
      [
        ['on XRP: reader', afterWithdrawal.reader, end.reader],
        ['on XRP: shop', afterWithdrawal.shop, end.shop],
      ],
    ),
  )
  const paid = BigInt(String(bought.paid))
  const isPaid =
    bought.pieces === escrowLetters &&
    paid === BigInt(escrowLetters) * escrowPrice &&
    isWithinFees(afterWithdrawal.reader - end.reader - paid) &&
    isWithinFees(paid - (end.shop - afterWithdrawal.shop))
  say(`
  letters       ${String(bought.pieces)} in ${String(bought.seconds)} s: ${String(bought.content)}
  paid          ${format(paid)} XRP, ${format(BigInt(ready.paymentMin))} XRP or more at a time
  fees          ${format(afterWithdrawal.reader + afterWithdrawal.shop - end.reader - end.shop)} XRP
  XRP Ledger    ${isPaid ? 'agrees' : 'DOES NOT AGREE'}\n`)
  return isSettled && isPaid ? exitCodes.done : exitCodes.check
}

async function startSandbox(processes: OwnProcess.Group): Promise<Sandbox> {
  const child = processes.start(['sandbox', '--json', '--port', '0'])
  return DemoProcess.readyLine<Sandbox>('XRP Ledger', child)
}

/** @returns Its address; the seed is in a file. */
async function openAccount({ http }: Sandbox, folder: string, name: string): Promise<string> {
  const response = await fetch(`${http}/accounts`, { method: 'POST', body: JSON.stringify({ xrpAmount: '5000' }) })
  const { account, seed } = (await response.json()) as { account: { address: string }; seed: string }
  await writeFile(join(folder, `${name}.seed`), `${seed}\n`, { mode: 0o600 })
  // Until the next ledger has closed nobody knows the account.
  while ((await infoOf(http, account.address)) === undefined) await new Promise((resolve) => setTimeout(resolve, 50))
  return account.address
}

async function balanceOf({ http }: Sandbox, address: string): Promise<bigint> {
  return BigInt((await infoOf(http, address)) ?? 0)
}

async function infoOf(http: string, account: string): Promise<string | undefined> {
  const body = JSON.stringify({ method: 'account_info', params: [{ account, ledger_index: 'validated' }] })
  const response = await fetch(http, { method: 'POST', body })
  const { result } = (await response.json()) as { result: { account_data?: { Balance: string } } }
  return result.account_data?.Balance
}

async function accountsOf(data: string): Promise<ReadonlyMap<string, bigint>> {
  const ledger = await OpenLedger.open({ data })
  try {
    const rows = new Map<string, bigint>()
    for await (const { id, balance } of ledger.operator.accounts() as AsyncIterable<AccountRow>) {
      rows.set(id, BigInt(balance))
    }
    return rows
  } finally {
    await ledger.close()
  }
}

async function checkOf(data: string) {
  const ledger = await OpenLedger.open({ data })
  try {
    return await ledger.operator.check()
  } finally {
    await ledger.close()
  }
}

function inDrops(account: string, ...books: ReadonlyArray<ReadonlyMap<string, bigint>>): bigint[] {
  return books.map((book) => (book.get(account) ?? 0n) / dropUnits)
}

function isWithinFees(drops: bigint): boolean {
  return drops >= 0n && drops <= feesMax
}

function format(drops: bigint): string {
  return Amount.format(drops, xrp).replace(/ XRP$/, '')
}

/** With all digits, so that points stand below each other. */
function aligned(drops: bigint): string {
  return `${drops / 1_000_000n}.${String(drops % 1_000_000n).padStart(6, '0')}`
}

function table(titles: readonly string[], rows: ReadonlyArray<readonly [string, ...bigint[]]>): string {
  const line = (label: string, cells: readonly string[]) =>
    `  ${label.padEnd(14)}${cells.map((cell) => cell.padStart(columns)).join('')}\n`
  const [first = '', ...others] = titles
  return line(first, others) + rows.map(([label, ...cells]) => line(label, cells.map(aligned))).join('')
}
