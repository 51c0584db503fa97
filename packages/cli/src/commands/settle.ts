/** `millstream settle`: signs for what is owed on a trustline, on a payment channel that it opens if it is told to. */
import { Amount } from '@millstream/units'
import { type ExitCode, exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'
import * as XrpCustomer from '../xrp-customer.js'
import type { XrpPlace } from '../xrp-place.js'
import * as XrpSeed from '../xrp-seed.js'

export interface SettleOptions extends Partial<Pick<XrpPlace, 'xrp'>>, Pick<XrpPlace, 'seedFile'> {
  readonly to: XrpCustomer.CustomerPlace['ledger']
  /** Drops to put into a new channel, if there is none. */
  readonly channel?: bigint
  readonly home: string
  readonly endpointHost?: readonly string[]
  readonly json?: boolean
}

export async function run(options: SettleOptions, terminal: Terminal): Promise<ExitCode> {
  const keys = await XrpSeed.read(options)
  const opened = await XrpCustomer.open({ ...options, ledger: options.to })
  try {
    const { customer, asset, account } = opened
    const before = await customer.state()
    if (!before.channels.some(({ status }) => status === 'open')) await openChannel(opened, keys, options)
    const drops = await customer.settle(keys.claims)
    const after = await customer.state()
    const channel = after.channels.find(({ status }) => status === 'open')
    if (options.json) {
      const row = { account, drops: String(drops), balance: String(after.balance), channel: channel?.channel }
      terminal.stdout.write(`${JSON.stringify(row)}\n`)
    } else {
      const left = (channel?.drops ?? 0n) - (channel?.claimed ?? 0n)
      terminal.stdout.write(`settled  ${XrpCustomer.format(drops)}
account  ${account}
balance  ${Amount.format(before.balance, asset)}, now ${Amount.format(after.balance, asset)}
channel  ${channel?.channel ?? 'none'}, ${XrpCustomer.format(left)} left in it
`)
    }
    return exitCodes.done
  } finally {
    await opened.close()
  }
}

async function openChannel(
  { customer }: XrpCustomer.OpenCustomer,
  { signer, claims }: XrpSeed.Keys,
  { channel, xrp, home }: SettleOptions,
): Promise<void> {
  if (channel === undefined || xrp === undefined) {
    throw new Failure({
      code: 'XRP_NO_CHANNEL',
      exit: exitCodes.refused,
      message: 'There is no payment channel to sign for. Nothing was sent.',
      next: 'open one with --channel AMOUNT --xrp wss://…: the XRP in it stays yours until you have signed for it',
    })
  }
  const wallet = await XrpCustomer.openWallet(xrp, signer, home)
  try {
    await customer.openChannel(wallet, claims, channel)
  } finally {
    await wallet.close()
  }
}
