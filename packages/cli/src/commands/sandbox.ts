/** `millstream sandbox`: an XRP Ledger on this machine, until it is told to end. */
import { AddressError, createSandbox, ListenError, tutorialFund } from '@millstream/xrp-sandbox'
import { type ExitCode, exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'
import type { Funded } from '../sandbox-option.js'
import * as Signals from '../signals.js'
import type { Terminal } from '../terminal.js'

export interface SandboxOptions {
  readonly port: number
  readonly host: string
  readonly fund?: readonly Funded[]
  readonly closeEvery: number | 'manual'
  readonly json?: boolean
}

const dropsPerXrp = 1_000_000n

export async function run(options: SandboxOptions, terminal: Terminal): Promise<ExitCode> {
  const signals = Signals.listen()
  const fund =
    options.fund === undefined ? tutorialFund : new Map(options.fund.map(({ address, drops }) => [address, drops]))
  try {
    const sandbox = await start(options, fund)
    const funded = Object.fromEntries([...fund].map(([address, drops]) => [address, String(drops)]))
    if (options.json) {
      const facts = {
        url: sandbox.url,
        http: sandbox.httpUrl,
        faucet: `${sandbox.httpUrl}/accounts`,
        funded,
        pid: process.pid,
      }
      terminal.stdout.write(`${JSON.stringify({ ready: true, ...facts })}\n`)
    } else {
      terminal.stdout.write(`ready ${sandbox.url} ${sandbox.httpUrl}\n`)
      for (const [address, drops] of fund) terminal.stderr.write(`funded ${address} with ${formatXrp(drops)} XRP\n`)
      terminal.stderr.write(`faucet: POST ${sandbox.httpUrl}/accounts. None of this money is worth anything.\n`)
    }
    await signals.first
    const isClosed = await Promise.race([sandbox.close().then(() => true), signals.second.then(() => false)])
    return isClosed ? exitCodes.done : exitCodes.interrupted
  } finally {
    signals.close()
  }
}

async function start({ port, host, closeEvery }: SandboxOptions, fund: ReadonlyMap<string, bigint>) {
  try {
    return await createSandbox({ port, host, fund, closeEveryMs: closeEvery })
  } catch (cause) {
    if (cause instanceof AddressError) {
      throw new Failure({
        code: 'USAGE',
        exit: exitCodes.usage,
        message: cause.message,
        next: 'check the addresses of --fund',
        cause,
      })
    }
    if (!(cause instanceof ListenError)) throw cause
    const { code } = cause.cause as NodeJS.ErrnoException
    throw new Failure({
      code: 'SANDBOX_LISTEN',
      exit: exitCodes.address,
      message: `Nobody can listen on ${host}, port ${port} (${code}). Nothing was started.`,
      next: code === 'EADDRINUSE' ? 'another program has it: choose another with --port' : 'check --host and --port',
      cause,
    })
  }
}

function formatXrp(drops: bigint): string {
  const rest = String(drops % dropsPerXrp)
    .padStart(6, '0')
    .replace(/0+$/, '')
  return `${drops / dropsPerXrp}${rest === '' ? '' : `.${rest}`}`
}
