import { xrp } from '@millstream/xrp-sandbox'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seeds } from '../testing/sandbox-pair.js'
import { alice, bob, openWorld, prefix, type World } from '../testing/settlement-world.js'
import * as Claim from './claim.js'
import { createClaimer } from './claimer.js'
import type { XrpWallet } from './wallet.js'
import * as Wire from './wire.js'

const unitsPerXrp = 1_000_000_000n
const signer = Claim.signerFromSeed(seeds.tool)
const stranger = Claim.signerFromSeed('another seed')

describe('claims on payment channels', () => {
  let world: World
  let wallet: XrpWallet
  let channel: string

  beforeEach(async () => {
    world = await openWorld({ creditLimit: unitsPerXrp })
    await world.start()
    wallet = await world.wallet(seeds.tool)
    channel = (await world.customer(alice).openChannel(wallet, signer, 50n * xrp)).channel
  })

  afterEach(() => world.close())

  function claim(drops: bigint, change: Partial<Claim.Claim> = {}, name = alice): void {
    world.shop.claim(Wire.entry('claim', { ...signer.sign(channel, drops), ...change }), { name })
  }

  function refusals(): string[] {
    return world.events.flatMap((event) => (event.name === 'xrp.claim_refused' ? [event.reason] : []))
  }

  it('credits what a claim adds to the one before', async () => {
    claim(3n * xrp)
    await world.quiet()
    claim(5n * xrp)
    await world.quiet()
    expect(await world.balance(alice)).toBe(5n * unitsPerXrp)
    expect(await world.ledger.check()).toMatchObject({ ok: true })
  })

  it('ignores one that is not larger: it came late', async () => {
    claim(5n * xrp)
    claim(5n * xrp)
    claim(3n * xrp)
    await world.quiet()
    expect(await world.balance(alice)).toBe(5n * unitsPerXrp)
    expect(refusals()).toEqual([])
  })

  it('takes no forged, foreign, excessive or malformed claim', async () => {
    world.shop.claim(Wire.entry('claim', stranger.sign(channel, xrp)), { name: alice })
    claim(2n * xrp, { drops: 3n * xrp })
    claim(2n * xrp, { channel: 'AB'.repeat(32) })
    claim(50n * xrp + 1n)
    claim(xrp, {}, bob)
    for (const bad of [{ drops: -1n }, { drops: 0n }, { signature: '' }, { channel: '../x' }]) claim(xrp, bad as never)
    world.shop.claim({ name: 'claim', contentType: 2, data: Uint8Array.of(0xff, 0xfe) }, { name: alice })
    await world.quiet()
    expect(await world.balance(alice)).toBe(0n)
    expect(refusals()).toEqual([
      'wrong_signature',
      'wrong_signature',
      'unknown_channel',
      'exceeds_channel',
      'unknown_channel',
      'malformed',
      'malformed',
      'malformed',
      'malformed',
      'malformed',
    ])
  })

  it('stops verifying for a while for whoever sends many bad signatures', async () => {
    for (let n = 0; n < 30; n++) world.shop.claim(Wire.entry('claim', stranger.sign(channel, xrp)), { name: alice })
    expect(refusals().filter((reason) => reason === 'too_many').length).toBeGreaterThan(5)
    world.clock.advance(10_000)
    claim(xrp)
    await world.quiet()
    expect(await world.balance(alice)).toBe(unitsPerXrp)
  })

  it('redeems at the threshold, and what was claimed on the ledger is what was credited', async () => {
    claim(9n * xrp)
    await world.quiet()
    world.closeLedger()
    await world.quiet()
    expect(world.sandbox.balanceOf(world.shopAddress)).toBe(10_000n * xrp)
    claim(11n * xrp)
    await world.quiet()
    world.closeLedger()
    await world.quiet()
    expect(world.sandbox.balanceOf(world.shopAddress)).toBe(10_011n * xrp - 10n)
    expect((await world.customer(alice).state()).channels).toMatchObject([{ redeemed: 11n * xrp, claimed: 11n * xrp }])
  })

  it('redeems at once when the source asks for the end of the channel, and takes no more claims on it', async () => {
    claim(2n * xrp)
    await world.quiet()
    await wallet.send({ TransactionType: 'PaymentChannelClaim', Channel: channel, Flags: 0x0002_0000 }, 0n)
    await world.quiet()
    world.closeLedger()
    await world.quiet()
    expect(world.sandbox.balanceOf(world.shopAddress)).toBe(10_002n * xrp - 10n)
    claim(3n * xrp)
    await world.quiet()
    expect(refusals()).toEqual(['ended'])
    expect(await world.balance(alice)).toBe(2n * unitsPerXrp)
  })

  describe('while a transaction that closes the channel is under way', () => {
    function atRipple(seconds: number): number {
      return world.sandbox.lastLedger.closeTime + seconds
    }

    async function endingIn(seconds: number): Promise<void> {
      const made = await wallet.send(
        {
          ...{ TransactionType: 'PaymentChannelCreate', Destination: world.shopAddress, Amount: String(50n * xrp) },
          ...{ SettleDelay: 3_600, PublicKey: signer.publicKey, CancelAfter: atRipple(seconds) },
        },
        50n * xrp,
        true,
      )
      channel = made.nodes.find(({ type }) => type === 'PayChannel')!.id
      await world.customer(alice).registerChannel(signer, channel)
    }

    it('takes no claim on it, though its source takes back that it asked for the end', async () => {
      world.closesByItself = false
      claim(2n * xrp)
      await world.quiet()
      const fields = { TransactionType: 'PaymentChannelClaim', Channel: channel }
      const asked = wallet.send({ ...fields, Flags: 0x0002_0000 }, 0n)
      await world.quiet()
      // The first copy of what the shop sends now is lost, so what the source sends next comes before it.
      world.sandbox.faults.drop = 1
      world.closeLedger()
      await asked
      await world.quiet()
      const renewed = wallet.send({ ...fields, Flags: 0x0001_0000 }, 0n)
      await world.quiet()
      world.closeLedger()
      await renewed
      await world.quiet()
      claim(50n * xrp)
      await world.quiet()
      for (let ledgers = 0; ledgers < 5; ledgers++) {
        world.closeLedger()
        await world.quiet()
      }
      await expectPaid()
    })

    it('leaves a channel with an end far away open when it redeems at the threshold', async () => {
      await endingIn(1_000_000)
      world.closesByItself = false
      claim(11n * xrp)
      await world.quiet()
      world.closeLedger()
      await world.quiet()
      claim(12n * xrp)
      await world.quiet()
      world.closeLedger()
      await world.quiet()
      expect(world.events.map(({ name }) => name)).not.toContain('xrp.claim_worthless')
      expect(await world.balance(alice)).toBe(12n * unitsPerXrp)
      const { channels } = await world.customer(alice).state()
      expect(channels.at(-1)).toMatchObject({ status: 'open', redeemed: 11n * xrp })
    })

    async function expectPaid(): Promise<void> {
      expect(world.events.map(({ name }) => name)).not.toContain('xrp.claim_worthless')
      const { channels } = await world.customer(alice).state()
      const redeemed = channels.reduce((sum, one) => sum + one.redeemed!, 0n)
      expect(redeemed).toBeGreaterThan(0n)
      expect(await world.balance(alice)).toBe(redeemed * 1_000n)
    }
  })

  describe('after ledgers that nobody has any more', () => {
    let some: World
    let purse: XrpWallet
    let id: string

    beforeEach(async () => {
      some = await openWorld({ historyLedgers: 4, creditLimit: unitsPerXrp })
      await some.start()
      purse = await some.wallet(seeds.tool)
      id = (await some.customer(alice).openChannel(purse, signer, 50n * xrp)).channel
      some.shop.claim(Wire.entry('claim', signer.sign(id, 2n * xrp)), { name: alice })
      await some.quiet()
    })

    afterEach(() => some.close())

    async function comeBack(ledgers: number): Promise<void> {
      for (let closed = 0; closed < 8; closed++) some.closeLedger()
      await some.start()
      for (let closed = 0; closed < ledgers; closed++) {
        await some.quiet()
        some.closeLedger()
      }
      await some.quiet()
      some.shop.claim(Wire.entry('claim', signer.sign(id, 50n * xrp)), { name: alice })
      await some.quiet()
    }

    it('finds that the end of a channel was asked for, and redeems it', async () => {
      await some.stop()
      await purse.send({ TransactionType: 'PaymentChannelClaim', Channel: id, Flags: 0x0002_0000 }, 0n)
      await comeBack(1)
      expect(await some.balance(alice)).toBe(2n * unitsPerXrp)
      expect(some.sandbox.balanceOf(some.shopAddress)).toBe(10_002n * xrp - 10n)
    })

    it('finds that a channel is gone, takes no claim on it and says what it did not pay', async () => {
      await some.stop()
      const close = { TransactionType: 'PaymentChannelClaim', Channel: id, Flags: 0x0002_0000 }
      await purse.send(close, 0n)
      some.clock.advance(4_000_000)
      some.closeLedger()
      await purse.send(close, 0n)
      await comeBack(5)
      expect(await some.balance(alice)).toBe(2n * unitsPerXrp)
      expect(some.events).toContainEqual(expect.objectContaining({ name: 'xrp.claim_worthless', drops: 2n * xrp }))
    })
  })

  it('closes the channel in one transaction that redeems the claim and refunds the rest', async () => {
    claim(4n * xrp)
    await world.quiet()
    const before = world.sandbox.balanceOf(wallet.address)
    const [closed] = await world.customer(alice).closeChannels()
    expect(closed).toMatchObject({ status: 'closed', redeemed: 4n * xrp })
    expect(world.sandbox.balanceOf(wallet.address)).toBe(before + 46n * xrp)
    expect(world.sandbox.balanceOf(world.shopAddress)).toBe(10_004n * xrp - 10n)
    const answer = await world.customer(alice).withdraw(wallet.address, undefined)
    expect(answer).toMatchObject({ status: 'paid', drops: 4n * xrp })
  })

  it('lets nobody close the channel of another, nor register it', async () => {
    const ask = (question: Wire.Question) => world.ask(bob, [Wire.question(question)])
    await expect(ask({ ask: 'close', channel })).rejects.toThrow('not a channel of this account')
    const proof = signer.prove(channel, prefix + bob)
    await expect(ask({ ask: 'channel', channel, proof })).rejects.toThrow('not a channel of this account')
  })

  it('takes no channel without a proof by its key', async () => {
    const made = await wallet.send(
      {
        TransactionType: 'PaymentChannelCreate',
        Destination: world.shopAddress,
        Amount: String(5n * xrp),
        SettleDelay: 3_600,
        PublicKey: signer.publicKey,
      },
      5n * xrp,
      true,
    )
    const { id } = made.nodes.find(({ type }) => type === 'PayChannel')!
    await expect(world.customer(bob).registerChannel(stranger, id)).rejects.toThrow('not signed by the key')
    expect((await world.customer(bob).registerChannel(signer, id)).status).toBe('open')
  })

  it.each([
    ['that pays somebody else', { Destination: 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj' }, 'pays somebody else'],
    ['whose settle delay is short', { SettleDelay: 3_599 }, 'settle delay'],
    ['with a key of secp256k1', { PublicKey: `02${'11'.repeat(32)}` }, 'not of ed25519'],
    ['that holds too little', { Amount: '999999' }, 'holds less'],
    ['that ends soon', { CancelAfter: 0 }, 'ends too soon'],
  ])('takes no channel %s', async (_, change, reason) => {
    const shopWallet = await world.wallet(seeds.tool)
    const other = 'Destination' in change ? { Destination: 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh' } : change
    const soon = 'CancelAfter' in change ? { CancelAfter: world.sandbox.now() + 3_600 } : other
    const made = await shopWallet.send(
      {
        TransactionType: 'PaymentChannelCreate',
        Destination: world.shopAddress,
        Amount: String(5n * xrp),
        SettleDelay: 3_600,
        PublicKey: signer.publicKey,
        ...soon,
      },
      5n * xrp,
      true,
    )
    const { id } = made.nodes.find(({ type }) => type === 'PayChannel')!
    await expect(world.customer(bob).registerChannel(signer, id)).rejects.toThrow(reason)
  })
})

describe('a claimer', () => {
  const options = { signer, channel: 'AB'.repeat(32), claimed: 7n, drops: 1_000_000n, scale: 9, owed: 0n }
  const totalOf = (data: ReturnType<ReturnType<typeof createClaimer>['settle']>) => Wire.parseClaim(data![0]!.data)

  it('signs once in 2,000 payments while less than half of the limit is used', () => {
    const claimer = createClaimer({ ...options, limit: 1_000_000_000n })
    for (let n = 0; n < 10_000; n++) claimer.settle(1_000n)
    expect(claimer.signed).toBe(5)
  })

  it('signs for the total, above what was signed before, by a signature that holds', () => {
    const claimer = createClaimer({ ...options, limit: 20_000n })
    const answers = Array.from({ length: 10 }, () => claimer.settle(1_999n)).filter((one) => one !== undefined)
    const totals = answers.map((one) => totalOf(one)!)
    expect(totals.map(({ drops }) => drops)).toEqual([7n + 11n])
    expect(Claim.verifierOf(signer.publicKey)!.isSigned(totals[0]!)).toBe(true)
  })

  it('never signs for more than was paid, nor for more than the channel holds', () => {
    const claimer = createClaimer({ ...options, drops: 10n, limit: 2_000n })
    let paid = 0n
    for (let n = 0; n < 20; n++) {
      paid += 700n
      const answer = claimer.settle(700n)
      if (answer === undefined) continue
      expect((totalOf(answer)!.drops - 7n) * 1_000n).toBeLessThanOrEqual(paid)
      expect(totalOf(answer)!.drops).toBeLessThanOrEqual(10n)
    }
    expect(claimer.signed).toBe(3)
  })
})
