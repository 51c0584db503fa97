/** `millstream withdraw`: gets XRP out of an account on a trustline, back to where it came from. */
import { Amount } from '@millstream/units'
import { type ExitCode, exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'
import * as XrpCustomer from '../xrp-customer.js'

export interface WithdrawOptions {
  readonly from: XrpCustomer.CustomerPlace['ledger']
  readonly address?: string
  readonly home: string
  readonly endpointHost?: readonly string[]
  readonly json?: boolean
}

/** @param asked - Drops; everything that is there, and what is in channels, if left out. */
export async function run(asked: bigint | undefined, options: WithdrawOptions, terminal: Terminal): Promise<ExitCode> {
  const opened = await XrpCustomer.open({ ...options, ledger: options.from })
  try {
    const { customer, asset, account } = opened
    const before = await customer.state()
    const closed = asked === undefined ? await customer.closeChannels() : []
    const now = await customer.state()
    const isEmpty = asked === undefined && now.balance < now.withdrawDropsMin * 10n ** BigInt(asset.scale - 6)
    const answer = isEmpty ? undefined : await customer.withdraw(addressOf(options, now.sources), asked)
    const after = await customer.state()
    if (answer !== undefined && answer.status !== 'paid') throw notPaid(answer)
    if (options.json) {
      const row = {
        account,
        ...{ address: answer?.address, hash: answer?.hash, drops: String(answer?.drops ?? 0n) },
        channels: closed.map(({ channel }) => channel),
        balance: String(after.balance),
      }
      terminal.stdout.write(`${JSON.stringify(row)}\n`)
    } else {
      const paid = answer === undefined ? 'nothing' : `${XrpCustomer.format(answer.drops ?? 0n)} to ${answer.address}`
      const channels = closed.map(({ channel }) => `closed       channel ${channel}\n`).join('')
      terminal.stdout.write(`withdrawn    ${paid}
transaction  ${answer?.hash ?? 'none'}
${channels}account      ${account}
balance      ${Amount.format(before.balance, asset)}, now ${Amount.format(after.balance, asset)}
`)
    }
    return exitCodes.done
  } finally {
    await opened.close()
  }
}

function addressOf({ address }: WithdrawOptions, sources: readonly string[]): string {
  if (address !== undefined) return address
  const [only, ...others] = new Set(sources)
  if (only !== undefined && others.length === 0) return only
  throw new Failure({
    code: 'XRP_ADDRESS_NEEDED',
    exit: exitCodes.usage,
    message:
      only === undefined
        ? 'No deposit came to this account from an address on the XRP Ledger, so there is none to pay back to.'
        : `Deposits came from several addresses: ${[only, ...others].join(', ')}. Nothing was withdrawn.`,
    next: only === undefined ? 'ask the operator of the shop' : 'choose one with --address',
  })
}

function notPaid({
  id,
  status,
  reason = 'the host does not say why',
}: {
  id: string
  status: string
  reason?: string
}) {
  const isUnknown = status === 'unknown' || status === 'unheard'
  return new Failure({
    code: 'XRP_NOT_WITHDRAWN',
    exit: isUnknown ? exitCodes.unresolved : exitCodes.refused,
    message: isUnknown
      ? `Nobody can say whether the withdrawal ${id} was paid (${reason}).`
      : `The withdrawal was not paid (${reason}). The account has its balance back.`,
    next: isUnknown ? 'look your address up on the XRP Ledger, and ask the operator of the shop' : 'try again',
  })
}
