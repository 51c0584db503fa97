import { suspenseAccount } from '@millstream/ledger'
import { xrp } from '@millstream/xrp-sandbox'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LedgerTransaction } from '../ledger-transaction.js'
import { seeds } from '../testing/sandbox-pair.js'
import { alice, bob, openWorld, type World } from '../testing/settlement-world.js'
import type { XrpWallet } from './wallet.js'

const unitsPerXrp = 1_000_000_000n

describe('deposits', () => {
  let world: World
  let wallet: XrpWallet

  beforeEach(async () => {
    world = await openWorld()
    await world.start()
    wallet = await world.wallet(seeds.tool)
  })

  afterEach(() => world.close())

  function pay(drops: bigint, tag?: number): Promise<LedgerTransaction> {
    const fields = { TransactionType: 'Payment', Destination: world.shopAddress, Amount: String(drops) }
    return wallet.send({ ...fields, ...(tag === undefined ? undefined : { DestinationTag: tag }) }, drops)
  }

  async function suspense(): Promise<bigint> {
    return (await world.ledger.account(suspenseAccount))!.posted
  }

  it('credits a payment to the account of its tag, in units of the ledger', async () => {
    const { tag } = await world.customer(alice).deposit(wallet, 1_000n * xrp)
    expect(tag).toBeGreaterThan(0)
    expect(await world.balance(alice)).toBe(1_000n * unitsPerXrp)
    expect(world.sandbox.balanceOf(world.shopAddress)).toBe(11_000n * xrp)
    expect(await world.ledger.check()).toMatchObject({ ok: true, total: 0n })
  })

  it('gives an account the same tag each time, and each account its own', async () => {
    const [one, same, other] = [
      await world.customer(alice).deposit(wallet, 1n),
      await world.customer(alice).deposit(wallet, 2n),
      await world.customer(bob).deposit(wallet, 4n),
    ]
    expect(same.tag).toBe(one.tag)
    expect(other.tag).not.toBe(one.tag)
    expect([await world.balance(alice), await world.balance(bob)]).toEqual([3_000n, 4_000n])
  })

  it('gives no tag to an account whose token could be guessed, nor to a passing one', async () => {
    for (const name of ['~walice-alice-alice-alic', '~p1-abcdefgh']) {
      await expect(world.customer(name).deposit(wallet, xrp)).rejects.toThrow('fewer than 16 bytes')
    }
    expect(wallet.balance()).toBe(10_000n * xrp)
  })

  it('puts a payment without a tag, or with an unknown one, into suspense', async () => {
    await pay(5n)
    await pay(7n, 1)
    await world.quiet()
    expect(await suspense()).toBe(12_000n)
    expect((await world.ledger.account(1 as never))!.posted).toBe(0n)
    expect(world.events.filter(({ name }) => name === 'xrp.deposit_suspended')).toHaveLength(2)
  })

  it('credits what came while the shop was not running, once, also if it is started twice', async () => {
    const { tag } = await world.customer(alice).deposit(wallet, 1n)
    await world.stop()
    const { hash } = await pay(9n, tag)
    await world.start()
    await world.quiet()
    expect(await world.balance(alice)).toBe(10_000n)
    await world.stop()
    await world.start()
    await world.quiet()
    expect(await world.balance(alice)).toBe(10_000n)
    expect(await world.customer(alice).state()).toMatchObject({ balance: 10_000n, sources: [wallet.address] })
    expect(hash).toMatch(/^[0-9A-F]{64}$/)
  })

  it('counts what the operator has entered under the hash only once', async () => {
    const { tag } = await world.customer(alice).deposit(wallet, 1n)
    await world.stop()
    const { hash } = await pay(9n, tag)
    const { id } = (await world.ledger.find(alice))!
    await world.ledger.apply([{ type: 'deposit', account: id, amount: 5_000n, reference: `xrp ${hash}` }]).durable
    await world.start()
    await world.quiet()
    expect(await world.balance(alice)).toBe(6_000n)
    expect(world.events.map(({ name }) => name)).toContain('xrp.deposit_counted_before')
  })

  it('says of a payment to another account that it knows nothing of it', async () => {
    const { hash } = await world.customer(bob).deposit(wallet, xrp)
    const { answer } = world.shop
    const question = (await import('./wire.js')).question({ ask: 'deposited', hash })
    const { data } = await answer(question, { name: alice })
    expect(JSON.parse(new TextDecoder().decode(data))).toEqual({ status: 'unknown' })
  })

  it('remembers a tag that was given before a restart', async () => {
    const { tag } = await world.customer(alice).deposit(wallet, 1n)
    await world.stop()
    await world.start()
    const again = await world.customer(alice).deposit(wallet, 1n)
    const other = await world.customer(bob).deposit(wallet, 1n)
    expect(again.tag).toBe(tag)
    expect(other.tag).not.toBe(tag)
  })
})
