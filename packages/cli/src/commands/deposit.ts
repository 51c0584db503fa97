/** `millstream deposit`: pays XRP into an account on a trustline, and waits until it is there. */
import { Amount } from '@millstream/units'
import { type ExitCode, exitCodes } from '../exit-code.js'
import type { Terminal } from '../terminal.js'
import * as XrpCustomer from '../xrp-customer.js'
import type { XrpPlace } from '../xrp-place.js'
import * as XrpSeed from '../xrp-seed.js'

export interface DepositOptions extends XrpPlace {
  readonly to: XrpCustomer.CustomerPlace['ledger']
  readonly home: string
  readonly endpointHost?: readonly string[]
  readonly json?: boolean
}

export async function run(drops: bigint, options: DepositOptions, terminal: Terminal): Promise<ExitCode> {
  const { signer } = await XrpSeed.read(options)
  const opened = await XrpCustomer.open({ ...options, ledger: options.to })
  try {
    const { customer, asset, account } = opened
    // Asked before anything else: a host that takes no deposits says so here.
    const before = await customer.state()
    const wallet = await XrpCustomer.openWallet(options.xrp, signer, options.home)
    try {
      const held = wallet.balance()
      const { hash, tag } = await customer.deposit(wallet, drops)
      const after = await customer.state()
      if (options.json) {
        const row = {
          ...{ account, hash, tag, address: after.address, source: wallet.address },
          drops: String(drops),
          balance: String(after.balance),
          xrp: String(wallet.balance()),
        }
        terminal.stdout.write(`${JSON.stringify(row)}\n`)
      } else {
        terminal.stdout.write(`deposited    ${XrpCustomer.format(drops)}
transaction  ${hash}
account      ${account}, tag ${tag} of ${after.address}
balance      ${Amount.format(before.balance, asset)}, now ${Amount.format(after.balance, asset)}
on XRP       ${XrpCustomer.format(held)}, now ${XrpCustomer.format(wallet.balance())} in ${wallet.address}
`)
      }
      return exitCodes.done
    } finally {
      await wallet.close()
    }
  } finally {
    await opened.close()
  }
}
