/**
 * The faucet, as the test network's: `POST /accounts` with `{"destination": "r…", "xrpAmount": "100"}`, both of which
 * may be left out. Without a destination it makes an account and answers with its seed.
 */
import { deriveAddress, deriveKeypair, generateSeed } from 'ripple-keypairs'
import type { Control } from './api/method.js'
import { toAddress } from './ledger/address.js'
import type { JsonObject } from './ledger/entry.js'

export interface FaucetAnswer {
  readonly status: number
  readonly body: JsonObject
}

const dropsPerXrp = 1_000_000n

export function giveAccount(
  request: JsonObject,
  options: { readonly drops: bigint; readonly dropsMax: bigint; readonly control: Control },
): FaucetAnswer {
  const drops = request.xrpAmount === undefined ? options.drops : parseXrp(request.xrpAmount)
  if (drops === undefined || drops <= 0n || drops > options.dropsMax) {
    const max = options.dropsMax / dropsPerXrp
    return { status: 400, body: { error: `xrpAmount is more than 0 and at most ${max} XRP.` } }
  }
  const { destination } = request
  if (destination !== undefined) {
    const address = toAddress(destination)
    if (address === undefined) return { status: 400, body: { error: 'destination is no address.' } }
    return given({ address, classicAddress: address }, drops, options.control)
  }
  const seed = generateSeed({ algorithm: 'ed25519' })
  const address = deriveAddress(deriveKeypair(seed).publicKey)
  return given({ address, classicAddress: address, secret: seed }, drops, options.control, { seed })
}

function given(
  account: { readonly address: string; readonly classicAddress: string; readonly secret?: string },
  drops: bigint,
  control: Control,
  more: JsonObject = {},
): FaucetAnswer {
  let transactionHash: string
  try {
    transactionHash = control.fund(account.address, drops)
  } catch (error) {
    return { status: 400, body: { error: error instanceof Error ? error.message : String(error) } }
  }
  const amount = Number(drops) / Number(dropsPerXrp)
  return { status: 200, body: { account, amount, balance: amount, transactionHash, ...more } }
}

/** A number or a decimal string, down to the drop. */
function parseXrp(value: unknown): bigint | undefined {
  const match = /^(\d{1,11})(?:\.(\d{1,6}))?$/.exec(String(value))
  if (match === null) return undefined
  return BigInt(match[1]!) * dropsPerXrp + BigInt((match[2] ?? '').padEnd(6, '0'))
}
