/** Payments over BTP to a host whose customers settle with claims. */
import { type BtpSocketListener, createTrustlineClient, type TrustlineClient } from '@millstream/btp'
import { IlpPacket } from '@millstream/codec'
import { hashes, randomBytes } from '@millstream/hashes'
import { createTrustlineHost, type TrustlineHost } from '@millstream/trustline'
import { Condition, Instant, TransferId } from '@millstream/units'
import { xrp } from '@millstream/xrp-sandbox'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seeds } from '../testing/sandbox-pair.js'
import { openWorld, prefix, type World } from '../testing/settlement-world.js'
import * as Claim from './claim.js'
import { type Claimer, createClaimer } from './claimer.js'
import { createXrpCustomer, type XrpCustomer } from './customer.js'

const signer = Claim.signerFromSeed(seeds.tool)
const limit = 10_000n
const price = 1_000n

describe('a trustline that is settled with claims', () => {
  let world: World
  let host: TrustlineHost
  let client: TrustlineClient
  let customer: XrpCustomer
  let payments = 0

  beforeEach(async () => {
    world = await openWorld({ creditLimit: limit })
    await world.start()
    host = createTrustlineHost({
      store: world.ledger,
      prefix,
      asset: { code: 'XRP', scale: 9 },
      strangers: { policy: 'credit', each: limit },
      clock: world.clock.now,
      ...{ hashes, randomBytes },
      settlement: world.shop,
    })
    host.receive({
      check: () => undefined,
      fulfill: ({ destination }) => fulfillmentOf(destination),
      settled: () => undefined,
    })
    await host.ready
    client = createTrustlineClient({
      uri: 'btp+ws://alice:a-token-of-sixteen-bytes@host:9000/',
      connect: async (_, listener) => connectTo(host, listener),
      clock: world.clock.now,
      ...{ hashes, randomBytes },
    })
    await client.connect()
    customer = createXrpCustomer({
      ask: (data) => client.message(data),
      account: client.info().account,
      randomBytes,
      pause: () => world.quiet(),
    })
  })

  afterEach(async () => {
    await client.close()
    await host.close()
    await world.close()
  })

  async function pay(): Promise<string> {
    const destination = `${prefix}server.user.${++payments}`
    const { status } = await client.send({
      id: TransferId.from(randomBytes(16)),
      amount: price,
      condition: Condition.from(hashes.sha256(fulfillmentOf(destination))),
      expiresAt: Instant.after(world.clock.now(), 30_000),
      packet: IlpPacket.encodePayment(price, destination),
    })
    return status
  }

  async function openChannel(): Promise<string> {
    const wallet = await world.wallet(seeds.tool)
    return (await customer.openChannel(wallet, signer, 5n * xrp)).channel
  }

  function claimerOn(channel: string, owed = 0n): Claimer {
    return createClaimer({ signer, channel, claimed: 0n, drops: 5n * xrp, scale: 9, owed, limit })
  }

  it('refuses a customer beyond its unsecured limit until it has settled', async () => {
    await openChannel()
    for (let n = 0; n < 10; n++) expect(await pay()).toBe('fulfilled')
    expect(await pay()).toBe('rejected')
    expect(await customer.settle(signer)).toBe(10n)
    expect(await pay()).toBe('fulfilled')
    expect((await customer.state()).balance).toBe(-price)
  })

  it('lets a customer that signs claims pay on and on, within what it may owe', async () => {
    client.settleWith(claimerOn(await openChannel()).settle)
    for (let n = 0; n < 60; n++) {
      expect(await pay()).toBe('fulfilled')
      // The claim is in the answer; it counts when it is stored.
      await world.quiet()
    }
    const { balance, channels } = await customer.state()
    expect(60n * price - channels[0]!.claimed! * 1_000n).toBe(-balance)
    expect(-balance).toBeLessThanOrEqual(limit)
  })

  it('does the transfer whatever the claim is worth', async () => {
    await openChannel()
    const forger = Claim.signerFromSeed('somebody else')
    const { channel } = (await customer.state()).channels[0]!
    const forged = createClaimer({
      ...{ channel, signer: forger, claimed: 0n, drops: 5n * xrp, scale: 9, owed: 0n, limit: 0n },
    })
    client.settleWith(forged.settle)
    expect(await pay()).toBe('fulfilled')
    await world.quiet()
    expect(forged.signed).toBe(1)
    expect((await customer.state()).balance).toBe(-price)
    expect(world.events.filter(({ name }) => name === 'xrp.claim_refused')).toHaveLength(1)
  })

  it('credits no more than what is in the channel, and refuses payments beyond it', async () => {
    const wallet = await world.wallet(seeds.tool)
    const { channel } = await customer.openChannel(wallet, signer, xrp)
    const claimer = createClaimer({ signer, channel, claimed: 0n, drops: 5n, scale: 9, owed: 0n, limit })
    client.settleWith(claimer.settle)
    const outcomes: string[] = []
    for (let n = 0; n < 20; n++) {
      outcomes.push(await pay())
      await world.quiet()
    }
    expect(outcomes.filter((status) => status === 'fulfilled')).toHaveLength(15)
    expect((await customer.state()).balance).toBe(-limit)
  })
})

function fulfillmentOf(destination: string): Condition.Fulfillment {
  return Condition.fulfillmentFrom(hashes.sha256(new TextEncoder().encode(destination)))
}

/** Both ends in one process, a turn of the event loop apart. */
function connectTo(host: TrustlineHost, listener: BtpSocketListener) {
  const end = (other: () => BtpSocketListener) => ({
    bufferedBytes: 0,
    send: (frame: Uint8Array) => {
      const copy = frame.slice()
      setImmediate(() => other().receive(copy))
    },
    close: (code: number, reason: string) => void setImmediate(() => other().socketClosed(code, reason)),
  })
  const hostEnd: BtpSocketListener = host.accept({ socket: end(() => listener), remoteAddress: '192.0.2.1' })
  return end(() => hostEnd)
}
