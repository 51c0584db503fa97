/** Payments that look like money: as a server of the XRP Ledger tells of them, byte for byte where it matters. */

import { hashes } from '@millstream/hashes'
import { createMemoryStore, type Store, suspenseAccount } from '@millstream/ledger'
import { createManualClock } from '@millstream/plugin/testing'
import { beforeEach, describe, expect, it } from 'vitest'
import type { AccountUser, XrpAccount } from '../account.js'
import { type Batch, createBatches } from '../internal/batch.js'
import type { JsonObject } from '../internal/json.js'
import * as LedgerTransaction from '../ledger-transaction.js'
import * as RippleTime from '../ripple-time.js'
import type { XrpServer } from '../server.js'
import { createMemoryStore as createStore } from '../store.js'
import { alice } from '../testing/settlement-world.js'
import type { XrpEvent } from '../xrp-event.js'
import { createXrpSettlement, type XrpSettlement } from './settlement.js'
import * as Wire from './wire.js'

const shop = 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW'
const payer = 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj'
const token = { currency: 'XRP', issuer: payer, value: '1000000000' }

describe('payments to the address of the shop', () => {
  const clock = createManualClock()
  let ledger: Store
  let settlement: XrpSettlement
  let user: AccountUser
  let commit: (work: (batch: Batch) => void) => void
  let events: XrpEvent[]
  let tag: number
  let seen = 0

  beforeEach(async () => {
    events = []
    ledger = createMemoryStore({ clock: clock.now, hashes })
    const batches = createBatches(createStore(), (error) => {
      throw error
    })
    commit = batches.commit
    settlement = createXrpSettlement({
      ...{ ledger, prefix: 'g.shop.', scale: 9, creditLimit: 0n, clock: clock.now, server: {} as XrpServer },
      observer: (event) => events.push(event),
      account(given) {
        user = given
        const { commit, settled } = batches
        return { address: shop, commit, settled, now: clock.now, open: async () => undefined } as unknown as XrpAccount
      },
    })
    await settlement.open()
    const { data } = await settlement.answer(Wire.question({ ask: 'deposit' }), { name: alice })
    tag = (JSON.parse(new TextDecoder().decode(data)) as { tag: number }).tag
  })

  /** As `account_tx` of API version 2 gives a transaction. */
  function entry(fields: JsonObject, meta: JsonObject, other: JsonObject = {}): JsonObject {
    return {
      hash: (++seen).toString(16).padStart(64, '0').toUpperCase(),
      ledger_index: 10,
      validated: true,
      tx_json: {
        TransactionType: 'Payment',
        Account: payer,
        Destination: shop,
        DestinationTag: tag,
        Sequence: seen,
        Fee: '10',
        date: 800_000_000,
        ...fields,
      },
      meta: { TransactionResult: 'tesSUCCESS', TransactionIndex: 0, AffectedNodes: [], ...meta },
      ...other,
    }
  }

  async function arrive(...entries: JsonObject[]): Promise<void> {
    commit((batch) => {
      for (const one of entries) {
        const transaction = LedgerTransaction.parse(one)
        if (transaction !== undefined) user.saw(transaction, batch)
      }
      user.stepped({ index: 10, closedAt: RippleTime.from(800_000_000) }, batch)
    })
    await settlement.settled()
  }

  async function balances(): Promise<readonly [alice: bigint, suspense: bigint]> {
    const found = await ledger.find(alice)
    return [found?.posted ?? 0n, (await ledger.account(suspenseAccount))!.posted]
  }

  it('counts what was delivered, not what was meant', async () => {
    const partial = 0x0002_0000
    await arrive(entry({ DeliverMax: '1000000000', Flags: partial }, { delivered_amount: '7' }))
    expect(await balances()).toEqual([7_000n, 0n])
  })

  it.each([
    ['tokens, whatever they are called', { DeliverMax: token }, { delivered_amount: token }],
    ['tokens that were sent as XRP', { DeliverMax: '5', SendMax: token }, { delivered_amount: token }],
    ['a payment of which nobody says what was delivered', { DeliverMax: '5' }, { delivered_amount: 'unavailable' }],
    ['a payment without delivered amount', { DeliverMax: '5' }, {}],
    ['a delivery of nothing', { DeliverMax: '5' }, { delivered_amount: '0' }],
    ['an amount that is none', { DeliverMax: '5' }, { delivered_amount: '1e9' }],
    ['an amount below zero', { DeliverMax: '5' }, { delivered_amount: '-5' }],
    ['a payment that failed', { DeliverMax: '5' }, { TransactionResult: 'tecPATH_PARTIAL', delivered_amount: '5' }],
    ['a payment to somebody else', { Destination: payer }, { delivered_amount: '5' }],
    ['a payment by the shop', { Account: shop, Destination: payer }, { delivered_amount: '5' }],
    ['an escrow', { TransactionType: 'EscrowCreate', Amount: '5' }, { delivered_amount: '5' }],
    ['a check', { TransactionType: 'CheckCreate', SendMax: '5' }, { delivered_amount: '5' }],
  ])('counts for nothing %s', async (_, fields, meta) => {
    await arrive(entry(fields as JsonObject, meta as JsonObject))
    expect(await balances()).toEqual([0n, 0n])
  })

  it('counts nothing that is not validated', async () => {
    await arrive(entry({ DeliverMax: '5' }, { delivered_amount: '5' }, { validated: false }))
    expect(await balances()).toEqual([0n, 0n])
  })

  it('counts a payment once that is told twice, in one breath or later', async () => {
    const one = entry({ DeliverMax: '5' }, { delivered_amount: '5' })
    await arrive(one, one)
    await arrive(one)
    expect(await balances()).toEqual([5_000n, 0n])
  })

  it.each([0, 1, -1, 2 ** 32, 1.5, 'x', null])('suspends a payment with the tag %s', async (other) => {
    await arrive(entry({ DestinationTag: other, DeliverMax: '5' }, { delivered_amount: '5' }))
    expect(await balances()).toEqual([0n, 5_000n])
    expect(events.map(({ name }) => name)).toContain('xrp.deposit_suspended')
  })

  it.each([
    '',
    '{}',
    '[]',
    'null',
    '{"ask":"everything"}',
    '{"ask":"deposited","hash":"../../etc"}',
    '{"ask":"withdraw","id":"1","address":"r","drops":"1"}',
    `{"ask":"withdraw","id":"${'a'.repeat(32)}","address":"${payer}","drops":"-1"}`,
    `{"ask":"withdraw","id":"${'a'.repeat(32)}","address":"${payer}","drops":1}`,
    `{"ask":"claim","channel":"${'A'.repeat(64)}","drops":"1","signature":""}`,
    '{"ask":"__proto__"}',
  ])('answers ERROR to %s', async (json) => {
    const data = new TextEncoder().encode(json)
    await expect(settlement.answer({ name: 'xrp', contentType: 2, data }, { name: alice })).rejects.toThrow(
      'This is no question about XRP',
    )
  })
})
