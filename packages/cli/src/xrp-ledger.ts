/** What shop and payer say of an XRP Ledger that they pay over. */
import { MillstreamError } from '@millstream/units'
import type { XrpPlugin } from '@millstream/xrp'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'

const accountPattern = /(?:^|\.)(r[1-9A-HJ-NP-Za-km-z]{24,34})(?:\.|$)/

/** @returns What stands before the account of the XRP Ledger in an address. */
export function prefixOf(address: string): string | undefined {
  const match = accountPattern.exec(address)
  if (match === null) return undefined
  const prefix = address.slice(0, address.indexOf(match[1]!, match.index))
  return prefix === '' ? undefined : prefix
}

/** @throws {Failure} It cannot be used. Nothing was sent. */
export async function connected(plugin: XrpPlugin, server: string, address: string): Promise<void> {
  try {
    await plugin.connect()
  } catch (error) {
    throw failureOf(error, server, address)
  }
}

function failureOf(error: unknown, server: string, address: string): unknown {
  if (!(error instanceof MillstreamError)) return error
  const advice: Readonly<Record<string, readonly [next: string, exit: Failure['exit']]>> = {
    XRP_UNREACHABLE: ['see whether the server runs at this address, or name another with --xrp', exitCodes.ledger],
    XRP_ACCOUNT_NOT_FUNDED: [`send XRP to ${address}: an account exists from its first payment on`, exitCodes.money],
    XRP_OTHER_NETWORK: [
      'name a server of the network that this folder belongs to, or use another folder',
      exitCodes.folder,
    ],
    XRP_OTHER_ACCOUNT: ['give the seed of the account that this folder belongs to', exitCodes.folder],
  }
  const [next, exit] = advice[error.code] ?? ['try again', exitCodes.ledger]
  const place = new URL(server)
  return new Failure({
    code: error.code,
    exit,
    message: error.message,
    fields: [
      ['server', `${place.protocol}//${place.host}`],
      ['account', address],
      ['paid', 'nothing'],
    ],
    next,
    cause: error,
  })
}
