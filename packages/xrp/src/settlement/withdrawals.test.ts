import { xrp } from '@millstream/xrp-sandbox'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { seeds } from '../testing/sandbox-pair.js'
import { alice, bob, openWorld, type World } from '../testing/settlement-world.js'
import type { XrpWallet } from './wallet.js'
import * as Wire from './wire.js'

const fee = 10n
/** Of the account that has everything in the first ledger. */
const genesisSeed = 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb'
const id = '0123456789abcdef0123456789abcdef'

describe('withdrawals', () => {
  let world: World
  let wallet: XrpWallet

  beforeEach(async () => {
    world = await openWorld()
    await world.start()
    wallet = await world.wallet(seeds.tool)
    await world.customer(alice).deposit(wallet, 1_000n * xrp)
  })

  afterEach(() => world.close())

  async function spend(units: bigint): Promise<void> {
    const { id: account } = (await world.ledger.find(alice))!
    await world.ledger.apply([{ type: 'withdraw', account, amount: units, reference: `spent ${units}` }]).durable
  }

  it('pays what is left back to where it came from, in whole drops', async () => {
    await spend(1_500n)
    const answer = await world.customer(alice).withdraw(wallet.address, undefined)
    // 1,500 units are a drop and a half: the half stays in the account.
    expect(answer).toMatchObject({ status: 'paid', drops: 1_000n * xrp - 2n })
    expect(await world.balance(alice)).toBe(500n)
    expect(world.sandbox.balanceOf(wallet.address)).toBe(10_000n * xrp - 2n - fee)
    expect(world.sandbox.balanceOf(world.shopAddress)).toBe(10_000n * xrp + 2n - fee)
    expect(await world.ledger.check()).toMatchObject({ ok: true })
  })

  it('pays the amount that is named', async () => {
    const answer = await world.customer(alice).withdraw(wallet.address, 3n * xrp)
    expect(answer.status).toBe('paid')
    expect(await world.balance(alice)).toBe(997n * 1_000_000_000n)
  })

  it('makes one id one withdrawal, however often it is asked for, also after a restart', async () => {
    const customer = world.customer(alice)
    const [one, same] = await Promise.all([
      customer.withdraw(wallet.address, xrp, id),
      customer.withdraw(wallet.address, xrp, id),
    ])
    await world.stop()
    await world.start()
    const again = await customer.withdraw(wallet.address, xrp, id)
    expect([one.hash, same.hash, again.hash]).toEqual([one.hash, one.hash, one.hash])
    expect(await world.balance(alice)).toBe(999n * 1_000_000_000n)
  })

  it('pays nothing for an id that was used so long ago that only the ledger knows it', async () => {
    const some = await openWorld({ limits: { finishedMax: 2 } })
    onTestFinished(() => some.close())
    await some.start()
    const customer = some.customer(alice)
    const purse = await some.wallet(seeds.tool)
    await customer.deposit(purse, 10n * xrp)
    expect((await customer.withdraw(purse.address, xrp, id)).status).toBe('paid')
    for (let n = 0; n < 4; n++) await customer.withdraw(purse.address, xrp)
    await expect(customer.withdraw(purse.address, xrp, id)).rejects.toThrow('was used before')
    await expect(customer.withdraw(purse.address, 2n * xrp, id)).rejects.toThrow('was used before')
    expect(await some.balance(alice)).toBe(5_000_000_000n)
    expect(some.sandbox.balanceOf(some.shopAddress)).toBe(10_005n * xrp - 5n * fee)
    expect((await customer.withdraw(purse.address, xrp)).status).toBe('paid')
  })

  it('gives nothing back when the server has forgotten the ledgers in which it may have been paid', async () => {
    const some = await openWorld({ historyLedgers: 4 })
    onTestFinished(() => some.close())
    await some.start()
    const purse = await some.wallet(seeds.tool)
    await some.customer(alice).deposit(purse, 10n * xrp)
    some.closesByItself = false
    await some.ask(alice, [Wire.question({ ask: 'withdraw', id, address: purse.address, drops: xrp })])
    await some.quiet()
    await some.stop()
    // It is paid in the first of these. Later ledgers than all of them could still take it, had it not been.
    for (let ledgers = 0; ledgers < 8; ledgers++) some.closeLedger()
    expect(some.sandbox.balanceOf(some.shopAddress)).toBe(10_009n * xrp - fee)
    await some.start()
    for (let ledgers = 0; ledgers < 30; ledgers++) {
      await some.quiet()
      some.closeLedger()
    }
    expect(await some.balance(alice)).toBe(9_000_000_000n)
    const status = Wire.parseJson((await some.ask(alice, [Wire.question({ ask: 'withdrawal', id })]))[0]!.data)
    expect(status).toMatchObject({ status: 'unknown', reason: 'history_missing' })
  })

  it('gives nothing back for a refusal of bytes that another server may have passed on', async () => {
    world.closesByItself = false
    await world.ask(alice, [Wire.question({ ask: 'withdraw', id, address: wallet.address, drops: xrp })])
    await world.quiet()
    await world.stop()
    world.sandbox.faults.refuse = { result: 'temMALFORMED', count: 1 }
    await world.start()
    await world.quiet()
    expect(await world.balance(alice)).toBe(999_000_000_000n)
    world.closeLedger()
    await world.quiet()
    expect(world.sandbox.balanceOf(world.shopAddress)).toBe(10_999n * xrp - fee)
    expect(await world.balance(alice)).toBe(999_000_000_000n)
  })

  it.each([
    ['to an address that brought nothing', 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW', xrp, 'goes back only'],
    ['of more than there is', undefined, 1_001n * xrp, 'has 1000 XRP'],
    ['of less than the least', undefined, 999n, 'least that is paid out'],
  ])('refuses a withdrawal %s', async (_, address, drops, message) => {
    await expect(world.customer(alice).withdraw(address ?? wallet.address, drops)).rejects.toThrow(message)
    expect(await world.balance(alice)).toBe(1_000_000_000_000n)
  })

  it('refuses another account what is not its own', async () => {
    await expect(world.customer(bob).withdraw(wallet.address, xrp)).rejects.toThrow('goes back only')
    expect((await world.customer(alice).withdraw(wallet.address, xrp, id)).status).toBe('paid')
    const { data } = await world.shop.answer(Wire.question({ ask: 'withdrawal', id }), {
      name: bob,
    })
    expect(JSON.parse(new TextDecoder().decode(data))).toMatchObject({ status: 'unheard' })
  })

  it('refuses a second withdrawal while one is under way', async () => {
    world.closesByItself = false
    const first = world.customer(alice).withdraw(wallet.address, xrp)
    await expect(world.customer(alice).withdraw(wallet.address, xrp)).rejects.toThrow('under way')
    world.closesByItself = true
    world.closeLedger()
    expect((await first).status).toBe('paid')
    expect(await world.balance(alice)).toBe(999_000_000_000n)
  })

  it('gives the money back when the transaction got into no ledger and no ledger can take it any more', async () => {
    world.closesByItself = false
    // Submitted again at each ledger, so it has to be lost each time.
    world.sandbox.faults.drop = 1_000
    const customer = world.customer(alice)
    const first = customer.withdraw(wallet.address, xrp)
    for (let ledgers = 0; ledgers < 40; ledgers++) {
      await world.quiet()
      expect(await world.balance(alice)).toBe(ledgers < 20 ? 999_000_000_000n : await world.balance(alice))
      world.closeLedger()
    }
    world.sandbox.faults.drop = 0
    world.closesByItself = true
    expect(await first).toMatchObject({ status: 'returned', reason: 'last_ledger_passed' })
    expect(await world.balance(alice)).toBe(1_000_000_000_000n)
    expect(world.sandbox.balanceOf(wallet.address)).toBe(9_000n * xrp - fee)
    expect((await customer.withdraw(wallet.address, xrp)).status).toBe('paid')
  })

  it('gives the money back when the ledger took the transaction and it failed', async () => {
    const set = { TransactionType: 'AccountSet', SetFlag: 1 }
    // The customer asks for tags after its deposit, and there is none to give.
    await wallet.send(set, 0n)
    expect(await world.customer(alice).withdraw(wallet.address, xrp)).toMatchObject({
      status: 'returned',
      reason: 'tecDST_TAG_NEEDED',
    })
    expect(await world.balance(alice)).toBe(1_000_000_000_000n)
  })

  describe('to an address that many share', () => {
    let pay: (sourceTag: number) => Promise<unknown>

    beforeEach(async () => {
      const { tag } = await world.customer(bob).deposit(await world.wallet(genesisSeed), 1n)
      const fields = { TransactionType: 'Payment', Destination: world.shopAddress, Amount: String(xrp) }
      pay = (sourceTag) => wallet.send({ ...fields, DestinationTag: tag, SourceTag: sourceTag }, xrp)
      await pay(77)
      await world.quiet()
    })

    it('pays back to the source tag with which the money came', async () => {
      await world.customer(bob).withdraw(wallet.address, xrp)
      const last = world.sandbox.lastLedger.transactions.at(-1)!
      expect(last.transaction.fields).toMatchObject({ Destination: wallet.address, DestinationTag: 77 })
    })

    it('pays nothing when money came from there under two source tags, and debits nothing', async () => {
      await pay(78)
      await world.quiet()
      const before = await world.balance(bob)
      await expect(world.customer(bob).withdraw(wallet.address, xrp)).rejects.toThrow('several source tags')
      expect(await world.balance(bob)).toBe(before)
    })
  })

  it('refuses to pay out what the account of the shop does not have, and debits nothing', async () => {
    const store = world.ledger
    const { id: account } = (await store.find(alice))!
    const amount = 20_000n * 1_000_000_000n
    await store.apply([{ type: 'deposit', account, amount, reference: 'by the operator' }]).durable
    await expect(world.customer(alice).withdraw(wallet.address, undefined)).rejects.toThrow('cannot pay so much out')
    expect(await world.balance(alice)).toBe(21_000_000_000_000n)
    expect(world.events.map(({ name }) => name)).toContain('xrp.withdrawal_short')
  })
})
