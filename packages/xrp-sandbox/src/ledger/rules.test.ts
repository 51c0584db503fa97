/** Rules that no recorded answer shows. */
import { describe, expect, it } from 'vitest'
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
import { type DirectoryNode, escrowIndex, ownerDirectoryIndex } from './entry.js'
import * as OwnerDirectory from './owner-directory.js'

const escrow = {
  TransactionType: 'EscrowCreate',
  Account: alice,
  Destination: bob,
  Amount: '1000',
  Condition: condition,
}

describe('deposit authorization', () => {
  const guard = { TransactionType: 'AccountSet', Account: bob, SetFlag: 9 }
  const create2 = { ...escrow, CancelAfter: startTime + 100 }
  const finish = { TransactionType: 'EscrowFinish', Owner: alice, Condition: condition, Fulfillment: fulfillment }

  it('keeps payments and the finishes of others out, and lets the account finish itself', () => {
    const small = create()
    expect(small.final(guard)).toBe('tesSUCCESS')
    expect(small.final({ TransactionType: 'Payment', Account: alice, Destination: bob, Amount: '1000' })).toBe(
      'tecNO_PERMISSION',
    )
    const OfferSequence = small.account(alice).Sequence
    expect(small.final(create2)).toBe('tesSUCCESS')
    expect(small.final({ ...finish, Account: carol, OfferSequence })).toBe('tecNO_PERMISSION')
    expect(small.final({ ...finish, Account: bob, OfferSequence })).toBe('tesSUCCESS')
  })

  it('lets an account below its reserve be rescued', () => {
    const small = create({ [alice]: 10_000_000n, [bob]: 1_000_000n })
    small.final(guard)
    const pay = { TransactionType: 'Payment', Account: alice, Destination: bob }
    expect(small.final({ ...pay, Amount: '1000001' })).toBe('tecNO_PERMISSION')
    expect(small.final({ ...pay, Amount: '1000000' })).toBe('tesSUCCESS')
    expect(small.final({ ...pay, Amount: '1' })).toBe('tecNO_PERMISSION')
  })
})

describe('what the sandbox does not have', () => {
  it.each([
    [{ TransactionType: 'OfferCreate', TakerPays: '1', TakerGets: '2' }, 'temDISABLED'],
    [{ TransactionType: 'TicketCreate', TicketCount: 1 }, 'temDISABLED'],
    [{ TransactionType: 'Payment', Destination: bob, Amount: '1', Sequence: 0, TicketSequence: 5 }, 'terPRE_TICKET'],
    [{ TransactionType: 'Payment', Destination: bob, Amount: '1', TicketSequence: 5 }, 'temSEQ_AND_TICKET'],
    [
      { TransactionType: 'Payment', Destination: bob, Amount: { currency: 'USD', issuer: carol, value: '1' } },
      'tecPATH_DRY',
    ],
  ])('is refused: %o', (fields, result) => {
    expect(create().submit({ Account: alice, ...fields })).toBe(result)
  })
})

describe('absurd amounts and fees', () => {
  it.each([
    [{ Destination: nobody, Amount: '100000000000000000' }, 'tecUNFUNDED_PAYMENT'],
    [{ Destination: bob, Amount: '0' }, 'temBAD_AMOUNT'],
    [{ Destination: bob, Amount: '1', Fee: '100000000000000000' }, 'terINSUF_FEE_B'],
    [{ Destination: bob, Amount: '1', Fee: '9' }, 'telINSUF_FEE_P'],
    [{ Destination: bob, Amount: '1', Fee: { currency: 'USD', issuer: carol, value: '1' } }, 'temBAD_FEE'],
  ])('of %o give a result', (fields, result) => {
    const small = create()
    expect(small.submit({ TransactionType: 'Payment', Account: alice, ...fields })).toBe(result)
    expect(faultsOf(small.chain.close())).toEqual([])
  })
})

describe('the directory of an owner', () => {
  it('spreads over pages of 32, and shrinks again', () => {
    const small = create()
    const first = small.account(alice).Sequence
    for (let n = 0; n < 100; n++) small.submit({ ...escrow, CancelAfter: startTime + 1 })
    expect(faultsOf(small.chain.close())).toEqual([])
    const view = small.chain.openState
    const root = view.read(ownerDirectoryIndex(alice)) as DirectoryNode
    expect({ indexes: root.Indexes.length, next: root.IndexNext, last: root.IndexPrevious }).toEqual({
      indexes: 32,
      next: '1',
      last: '3',
    })
    expect(new Set(OwnerDirectory.entries(view, alice)).size).toBe(100)
    small.chain.close(startTime + 50)
    for (let n = 0; n < 100; n++) {
      const OfferSequence = first + ((n * 37) % 100)
      small.submit({ TransactionType: 'EscrowCancel', Account: carol, Owner: alice, OfferSequence })
      if (n % 10 === 9) expect(faultsOf(small.chain.close())).toEqual([])
    }
    expect([...OwnerDirectory.entries(small.chain.openState, alice)]).toEqual([])
    expect(small.account(alice).OwnerCount).toBe(0)
  })
})

describe('transactions that wait', () => {
  it('are applied when the one before them comes, however they came in', () => {
    const small = create()
    const pay = (Sequence: number) => ({
      TransactionType: 'Payment',
      Account: alice,
      Destination: bob,
      Amount: '7',
      Sequence,
    })
    for (const ahead of [5, 3, 2, 4]) expect(small.submit(pay(ahead))).toBe('terPRE_SEQ')
    expect(small.submit(pay(1))).toBe('tesSUCCESS')
    expect(small.account(alice).Sequence).toBe(6)
    expect(small.chain.close().transactions).toHaveLength(5)
  })

  it('are given up when their last ledger is past', () => {
    const small = create()
    const late = small.transaction({
      TransactionType: 'Payment',
      Account: alice,
      Destination: bob,
      Amount: '7',
      Sequence: 2,
      LastLedgerSequence: 4,
    })
    expect(small.chain.submit(late).result).toBe('terPRE_SEQ')
    for (let n = 0; n < 3; n++) small.chain.close()
    expect(small.final({ TransactionType: 'Payment', Account: alice, Destination: bob, Amount: '8' })).toBe(
      'tesSUCCESS',
    )
    small.chain.close()
    expect(small.chain.history.transaction(late.hash)).toBeUndefined()
    expect(small.chain.history.unvalidatedTransaction(late.hash)).toBe(late)
  })
})

describe('faults', () => {
  const pay = { TransactionType: 'Payment', Account: alice, Destination: bob, Amount: '7' }

  it('lose a transaction that was accepted, and hold those behind it', () => {
    const small = create()
    small.faults.drop = 1
    const lost = small.transaction(pay)
    expect(small.chain.submit(lost).result).toBe('tesSUCCESS')
    const behind = small.transaction(pay)
    expect(small.chain.submit(behind).result).toBe('tesSUCCESS')
    expect(small.chain.close().transactions).toHaveLength(0)
    expect(small.account(alice).Sequence).toBe(1)
    // The same blob again closes the gap.
    expect(small.chain.submit(lost).result).toBe('tesSUCCESS')
    expect(small.chain.close().transactions.map(({ transaction }) => transaction.hash)).toEqual([
      lost.hash,
      behind.hash,
    ])
  })

  it('refuse a transaction with the result that was asked for, and no other after it', () => {
    const small = create()
    small.faults.refuse = { result: 'telINSUF_FEE_P', count: 1 }
    expect([small.submit(pay), small.submit(pay)]).toEqual(['telINSUF_FEE_P', 'tesSUCCESS'])
  })

  it('turn the order of a ledger round', () => {
    const finishes = (order: 'canonical' | 'reversed') => {
      const small = create()
      small.final({ ...escrow, CancelAfter: startTime + 100 })
      small.faults.order = order
      const finish = { TransactionType: 'EscrowFinish', Owner: alice, OfferSequence: 1, Condition: condition }
      for (const Account of [bob, carol]) small.submit({ ...finish, Fulfillment: fulfillment, Account })
      return small.chain.close().transactions.map(({ transaction }) => transaction.fields.Account)
    }
    expect(finishes('reversed')).toEqual(finishes('canonical').toReversed())
  })
})

describe('history', () => {
  it('is bounded, and forgets whole ledgers', () => {
    const small = create(undefined, { ledgers: 5, transactions: 1_000, unvalidated: 3 })
    const hashes: string[] = []
    for (let n = 0; n < 20; n++) {
      const sent = small.transaction({ TransactionType: 'Payment', Account: alice, Destination: bob, Amount: '7' })
      small.chain.submit(sent)
      small.chain.close()
      hashes.push(sent.hash)
    }
    const { history } = small.chain
    expect(history.range()).toEqual({ oldest: 18, newest: 22 })
    expect(hashes.filter((hash) => history.transaction(hash) !== undefined)).toEqual(hashes.slice(-5))
    expect([...history.ofAccount(bob, 0, 100, true)]).toHaveLength(5)
    expect(history.ledger(17)).toBeUndefined()
  })

  it('keeps the newest ledger, whatever it holds', () => {
    const small = create(undefined, { ledgers: 100, transactions: 2, unvalidated: 3 })
    for (let n = 0; n < 5; n++)
      small.submit({ TransactionType: 'Payment', Account: alice, Destination: bob, Amount: '7' })
    small.chain.close()
    expect(small.chain.history.range()).toEqual({ oldest: 3, newest: 3 })
  })
})

describe('an escrow', () => {
  it('to the sender itself is in one directory only', () => {
    const small = create()
    expect(small.final({ ...escrow, Destination: alice, CancelAfter: startTime + 100 })).toBe('tesSUCCESS')
    expect(small.chain.openState.read(escrowIndex(alice, 1))).not.toHaveProperty('DestinationNode')
    const finish = { TransactionType: 'EscrowFinish', Account: bob, Owner: alice, OfferSequence: 1 }
    expect(small.final({ ...finish, Condition: condition, Fulfillment: fulfillment })).toBe('tesSUCCESS')
    expect(faultsOf(small.chain.closedLedger)).toEqual([])
  })
})
