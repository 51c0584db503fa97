import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  alice,
  bob,
  carol,
  condition,
  create,
  faultsOf,
  fulfillment,
  nobody,
  startTime,
} from '../testing/small-chain.js'
import { channelIndex, type JsonObject } from './entry.js'

const someone = fc.constantFrom(alice, bob, carol)
const anyone = fc.constantFrom(alice, bob, carol, nobody)
const drops = fc.constantFrom(0n, 1n, 10n, 999_999n, 1_000_000n, 5_000_000n, 400_000_000n, 10n ** 17n)
const time = fc.integer({ min: -3, max: 40 }).map((seconds) => startTime + seconds)
const sequence = fc.integer({ min: 1, max: 12 })
const channel = fc.tuple(someone, someone, sequence).map((parts) => channelIndex(...parts))

const transaction: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({
    TransactionType: fc.constant('Payment'),
    Account: someone,
    Destination: anyone,
    Amount: drops.map(String),
  }),
  fc.record(
    {
      TransactionType: fc.constant('EscrowCreate'),
      Account: someone,
      Destination: anyone,
      Amount: drops.map(String),
      Condition: fc.constant(condition),
      CancelAfter: time,
      FinishAfter: time,
    },
    { requiredKeys: ['TransactionType', 'Account', 'Destination', 'Amount'] },
  ),
  fc.record(
    {
      TransactionType: fc.constant('EscrowFinish'),
      Account: someone,
      Owner: anyone,
      OfferSequence: sequence,
      Condition: fc.constant(condition),
      Fulfillment: fc.constantFrom(fulfillment, 'A0028000', '00'),
    },
    { requiredKeys: ['TransactionType', 'Account', 'Owner', 'OfferSequence'] },
  ),
  fc.record({ TransactionType: fc.constant('EscrowCancel'), Account: someone, Owner: anyone, OfferSequence: sequence }),
  fc.record(
    {
      TransactionType: fc.constant('PaymentChannelCreate'),
      Account: someone,
      Destination: anyone,
      Amount: drops.map(String),
      SettleDelay: fc.integer({ min: 0, max: 5 }),
      PublicKey: fc.constant(`ED${'AB'.repeat(32)}`),
      CancelAfter: time,
    },
    { requiredKeys: ['TransactionType', 'Account', 'Destination', 'Amount', 'SettleDelay', 'PublicKey'] },
  ),
  fc.record(
    {
      TransactionType: fc.constant('PaymentChannelFund'),
      Account: someone,
      Channel: channel,
      Amount: drops.map(String),
      Expiration: time,
    },
    { requiredKeys: ['TransactionType', 'Account', 'Channel', 'Amount'] },
  ),
  fc.record(
    {
      TransactionType: fc.constant('PaymentChannelClaim'),
      Account: someone,
      Channel: channel,
      Balance: drops.map(String),
      Flags: fc.constantFrom(0, 0x0001_0000, 0x0002_0000),
    },
    { requiredKeys: ['TransactionType', 'Account', 'Channel'] },
  ),
  fc.record({
    TransactionType: fc.constant('AccountSet'),
    Account: someone,
    SetFlag: fc.constantFrom(1, 9),
    ClearFlag: fc.constantFrom(1, 9),
  }),
  fc.record({
    TransactionType: fc.constant('AccountDelete'),
    Account: someone,
    Destination: anyone,
    Fee: fc.constant('200000'),
  }),
)

type Step =
  | { readonly do: 'submit'; readonly fields: JsonObject; readonly ahead: number; readonly fee: bigint | undefined }
  | { readonly do: 'close'; readonly later: number }
  | { readonly do: 'drop' }
  | { readonly do: 'order'; readonly order: 'canonical' | 'submitted' | 'reversed' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      fields: transaction,
      ahead: fc.constantFrom(0, 0, 0, 0, 1, 2, -1),
      fee: fc.option(drops, { nil: undefined, freq: 8 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('close' as const), later: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'drop' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('order' as const),
      order: fc.constantFrom('canonical' as const, 'submitted' as const, 'reversed' as const),
    }),
  },
)

test('every drop is in an account, an escrow or a channel, or was burnt as a fee, after every ledger', () => {
  const results = new Set<string>()
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      const small = create()
      const { chain, faults } = small
      let before = chain.closedLedger.totalCoins
      for (const next of [...steps, { do: 'close', later: 1 } as const]) {
        if (next.do === 'drop') faults.drop += 1
        else if (next.do === 'order') faults.order = next.order
        else if (next.do === 'submit') {
          const account = small.account(next.fields.Account as string)
          if (account === undefined) continue
          const fee = next.fee === undefined ? {} : { Fee: String(next.fee) }
          results.add(small.submit({ ...next.fields, ...fee, Sequence: Math.max(0, account.Sequence + next.ahead) }))
        } else {
          const ledger = chain.close(chain.closedLedger.closeTime + next.later)
          expect(faultsOf(ledger)).toEqual([])
          const fees = ledger.transactions.map(({ metadata, transaction }) => {
            results.add(metadata.TransactionResult)
            return BigInt(transaction.fields.Fee)
          })
          const burnt = before - ledger.totalCoins
          expect(burnt <= fees.reduce((sum, fee) => sum + fee, 0n)).toBe(true)
          before = ledger.totalCoins
        }
      }
    }),
    { numRuns: 250 },
  )
  expect([...results]).toEqual(
    expect.arrayContaining(['tesSUCCESS', 'tecNO_TARGET', 'terPRE_SEQ', 'tefPAST_SEQ', 'tecNO_DST']),
  )
})
