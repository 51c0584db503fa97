/** Claims on a payment channel while a payer pays: what it owes is settled as it grows. */
import type { TrustlineClient } from '@millstream/btp'
import { randomBytes } from '@millstream/hashes'
import { Claim, type Claimer, claimedBy, createClaimer, createXrpCustomer, readSeed } from '@millstream/xrp'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'

/** Has the answers of a connection carry claims. */
export type Settle = (plugin: TrustlineClient) => Promise<void>

/** @param seedFile - Of the XRP account that has opened the channel. */
export function create(seedFile: string): Settle {
  /** Several connections pay from one account, and so from one channel. */
  const claimers = new Map<string, Claimer>()
  return async (plugin) => {
    const { account, asset } = plugin.info()
    const claimer = claimers.get(account) ?? (await claimerOf(plugin, account, asset.scale, seedFile))
    claimers.set(account, claimer)
    plugin.settleWith(claimer.settle)
  }
}

async function claimerOf(plugin: TrustlineClient, account: string, scale: number, seedFile: string): Promise<Claimer> {
  const signer = Claim.signerFromSeed(await readSeed({ file: seedFile }))
  const customer = createXrpCustomer({
    ask: (data) => plugin.message(data),
    account,
    randomBytes,
    pause: async () => undefined,
  })
  const { balance, limit, channels } = await customer.state()
  const channel = channels.find(({ status }) => status === 'open')
  if (channel === undefined) throw noChannel()
  return createClaimer({
    ...{ signer, scale, limit },
    channel: channel.channel,
    claimed: claimedBy(signer, channel),
    drops: channel.drops ?? 0n,
    owed: balance < 0n ? -balance : 0n,
  })
}

function noChannel(): Failure {
  return new Failure({
    code: 'XRP_NO_CHANNEL',
    exit: exitCodes.refused,
    message:
      'This account has no payment channel at the shop, so there is nothing to sign claims on. Nothing was paid.',
    next: 'open one with: millstream settle --to … --channel AMOUNT --xrp wss://… --seed-file FILE',
  })
}
