/** Anybody can make an escrow to anybody, with any memos, amounts and times. */
import { hashes } from '@millstream/hashes'
import { encodePayment } from '@millstream/plugin/testing'
import { Condition, TransferId } from '@millstream/units'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectXrpl } from './connect-xrpl.js'
import { encodeCondition } from './crypto-condition.js'
import * as EscrowMemos from './escrow-memos.js'
import type { JsonObject } from './internal/json.js'
import * as RippleTime from './ripple-time.js'
import { signerFromSeed } from './signer.js'
import { payeeOf, payment, rawClient } from './testing/payments.js'
import { openTestLedger, type TestPlugin } from './testing/sandbox-pair.js'

async function open(change: Parameters<Awaited<ReturnType<typeof openTestLedger>>['open']>[1] = {}) {
  const ledger = await openTestLedger()
  onTestFinished(() => ledger.close())
  const shop = await ledger.open('shop', change)
  const client = rawClient(connectXrpl({ url: ledger.sandbox.url }), signerFromSeed('sEdSJHS4oiAdz7w2X2ni1gFiqtbJHqE'))
  await client.open()
  onTestFinished(() => client.close())
  await ledger.sandbox.fund(client.address, 10_000_000_000n)
  const now = RippleTime.floor(ledger.clock.now())
  let made = 0
  /** An escrow that the payee would take, and what is wrong with it. */
  async function create(wrong: JsonObject, packet?: Uint8Array): Promise<number> {
    made++
    const fulfillment = Condition.fulfillmentFrom(hashes.sha256(Uint8Array.of(9, made)))
    const { result, sequence } = await client.submit({
      TransactionType: 'EscrowCreate',
      Destination: shop.account().address,
      Amount: '5000',
      Condition: encodeCondition(Condition.from(hashes.sha256(fulfillment))),
      CancelAfter: now + 600,
      Memos: EscrowMemos.encode({
        id: TransferId.from(hashes.sha256(Uint8Array.of(10, made)).slice(0, 16)),
        packet: packet ?? encodePayment(5000n, `${shop.info().account}.user.${made}`),
      }),
      ...wrong,
    })
    expect(result).toBe('tesSUCCESS')
    return sequence
  }
  return { ledger, shop, client, create, now }
}

function ignored(shop: TestPlugin): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const event of shop.events) {
    if (event.name !== 'xrp.escrows_ignored') continue
    for (const [reason, count] of Object.entries(event.counts)) counts[reason] = (counts[reason] ?? 0) + count
  }
  return counts
}

const hexOf = (text: string) => Buffer.from(text).toString('hex')
const memo = (type: string, data: string) => ({ Memo: { MemoType: hexOf(type), MemoData: data } })

describe('an escrow of a stranger', () => {
  it('that is none of ours, or could not be finished with a gain and in time, is ignored by name', async () => {
    const { ledger, shop, create, now } = await open({ dropsMin: 3500n })
    const payee = payeeOf('silent')
    shop.receive(payee)
    const id = memo(EscrowMemos.memoTypes.id, hexOf('b4c838f6-80b1-47f8-a82e-b1fcfbed89d5'))
    const cases: [reason: string, wrong: JsonObject, packet?: Uint8Array][] = [
      ['memos_missing', { Memos: undefined }],
      ['memos_missing', { Memos: [id] }],
      ['memos_malformed', { Memos: [id, memo(EscrowMemos.memoTypes.ilp, 'FFFE')] }],
      ['not_a_payment', {}, Uint8Array.of(1, 2, 3)],
      ['below_minimum', { Amount: '3499' }],
      // Of the empty preimage: nobody can finish it with 32 bytes.
      [
        'foreign_condition',
        { Condition: 'A0258020E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855810100' },
      ],
      ['foreign_condition', { Condition: undefined, FinishAfter: now + 100 }],
      ['finish_after', { FinishAfter: now + 100 }],
      // Seconds since 1970, by mistake: some thirty years away.
      ['expires_too_late', { CancelAfter: now + RippleTime.epochOffset }],
      ['expires_too_late', { CancelAfter: now + 3700 }],
      ['expires_too_soon', { CancelAfter: now + 19 }],
    ]
    const expected: Record<string, number> = {}
    for (const [reason, wrong, packet] of cases) {
      expected[reason] = (expected[reason] ?? 0) + 1
      await create(wrong, packet)
    }
    await ledger.quiet()
    expect(payee.checked).toEqual([])
    expect(ignored(shop)).toEqual(expected)
  })

  it('that the payee does not take leaves nothing behind', async () => {
    const { ledger, shop, create } = await open()
    const payee = payeeOf('silent', { code: 'F06', message: 'Not here.' })
    shop.receive(payee)
    for (let i = 0; i < 5; i++) await create({})
    await ledger.quiet()
    expect(payee.checked).toHaveLength(5)
    expect(payee.held).toEqual([])
    expect(payee.settlements).toEqual([])
    expect(ignored(shop)).toEqual({ refused: 5 })
  })

  it('is one too many beyond the bound, and those before it are paid', async () => {
    const { ledger, shop, create } = await open({ limits: { incomingMax: 3 } })
    const payee = payeeOf('silent')
    shop.receive(payee)
    for (let i = 0; i < 6; i++) await create({})
    await ledger.quiet()
    expect(payee.held).toHaveLength(3)
    expect(ignored(shop)).toEqual({ too_many: 3 })
  })

  it('with the id of another is a transfer of its own: an escrow is known by its place on the ledger', async () => {
    const { ledger, shop, create } = await open()
    const payee = payeeOf('silent')
    shop.receive(payee)
    const id = TransferId.parse('b4c838f6-80b1-47f8-a82e-b1fcfbed89d5')
    const packet = encodePayment(5000n, `${shop.info().account}.user.1`)
    for (let i = 0; i < 2; i++) await create({ Memos: EscrowMemos.encode({ id, packet }) })
    await ledger.quiet()
    expect(payee.held).toHaveLength(2)
  })

  it('stands in nobody’s way', async () => {
    const { ledger, shop, client, create } = await open()
    const tool = await ledger.open('tool')
    const one = payment(shop.info().account, ledger.clock.now())
    shop.receive(payeeOf([one]))
    await create({ Memos: undefined })
    await client.submit({ TransactionType: 'Payment', Destination: shop.account().address, Amount: '77' })
    expect(await tool.send(one.transfer)).toMatchObject({ status: 'fulfilled' })
  })

  it('is looked through at a start too', async () => {
    const { ledger, shop, create } = await open()
    await create({ Memos: undefined })
    await create({ Amount: '1', Condition: undefined, FinishAfter: RippleTime.floor(ledger.clock.now()) + 5 })
    await create({})
    await ledger.quiet()
    await shop.close()
    const second = await ledger.open('shop')
    const payee = payeeOf('silent')
    second.receive(payee)
    expect(payee.held).toHaveLength(1)
  })
})

describe('an account', () => {
  it('is found to be on both ends of nothing but its own transfers', async () => {
    const { ledger, shop, client } = await open()
    const condition = Condition.from(hashes.sha256(new Uint8Array(32)))
    // Another program of the same account holds money in escrow: it is none of ours, and stays.
    const foreign = rawClient(connectXrpl({ url: ledger.sandbox.url }), signerFromSeed('ssGjGT4sz4rp2xahcDj87P71rTYXo'))
    await foreign.open()
    onTestFinished(() => foreign.close())
    const { sequence } = await foreign.submit({
      TransactionType: 'EscrowCreate',
      Destination: client.address,
      Amount: '5000',
      Condition: encodeCondition(condition),
      CancelAfter: RippleTime.floor(ledger.clock.now()) + 60,
    })
    await ledger.quiet()
    await shop.close()
    const second = await ledger.open('shop')
    ledger.clock.advance(61_000)
    ledger.closeLedger()
    ledger.closeLedger()
    await ledger.quiet()
    expect(second.account()).toMatchObject({ openEscrows: 0, held: 0n, inFlight: 0 })
    // It can still be cancelled by whoever made it.
    expect(
      await foreign.submit({ TransactionType: 'EscrowCancel', Owner: foreign.address, OfferSequence: sequence }),
    ).toMatchObject({ result: 'tesSUCCESS' })
  })

  it('whose number another program takes goes on with the next', async () => {
    const { ledger, shop } = await open()
    const tool = await ledger.open('tool')
    const foreign = rawClient(connectXrpl({ url: ledger.sandbox.url }), signerFromSeed('sndb5JDdyWiHZia9zv44zSr2itRy1'))
    await foreign.open()
    onTestFinished(() => foreign.close())
    const some = [1, 2, 3].map(() => payment(shop.info().account, ledger.clock.now()))
    shop.receive(payeeOf(some))
    for (const { transfer } of some) {
      ledger.closesByItself = false
      await foreign.submit({ TransactionType: 'AccountSet' })
      const sent = tool.send(transfer)
      await ledger.quietTurn()
      ledger.closesByItself = true
      ledger.closeLedger()
      expect(await sent).toMatchObject({ status: 'fulfilled' })
    }
    expect(tool.account().openEscrows).toBe(0)
  })
})
