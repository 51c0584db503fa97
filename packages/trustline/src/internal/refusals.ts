/** The words of a host that refuses, once for all payments: to customers in BTP errors, or as a payee in ILP errors. */
import type { BtpRefusal } from '@millstream/btp'
import type { Account, SearchOutcome } from '@millstream/ledger'
import type { Rejection } from '@millstream/plugin'
import { Amount, type Asset } from '@millstream/units'

export const noPayee: Rejection = { code: 'F06', message: 'Nobody receives payments here.' }
export const payeeFailed: Rejection = { code: 'T00', message: 'The receiver of the payment failed. Nothing was paid.' }
export const wrongFulfillment: Rejection = {
  code: 'F05',
  message: 'The receiver of the payment has no fulfillment for this condition. Nothing was paid.',
}
export const tooLate: Rejection = { code: 'R00', message: 'expired' }
export const shuttingDown: Rejection = { code: 'T02', message: 'The host is shutting down. Nothing was paid.' }
export const tooManyRefused: Rejection = {
  code: 'T05',
  message: 'Too many payments of this account were refused. Wait some seconds.',
}
export const outdated: Rejection = {
  code: 'T00',
  message: 'This payment was refused on a later connection. Nothing was paid.',
}
export const tooManyOpenings: Rejection = {
  code: 'T05',
  message: 'Too many accounts were opened from this network. Wait some minutes.',
}
export const tooManyHolds: Rejection = {
  code: 'T05',
  message: 'Too many transfers of this account are held. Wait until some have ended.',
}
export const tooManyIds: Rejection = {
  code: 'T05',
  message: 'Too many transfers of this account have not expired. Wait, or let them expire sooner.',
}

export const alreadyFulfilled: BtpRefusal.Refusal = {
  name: 'AlreadyFulfilledError',
  message: 'This transfer was fulfilled before: it is paid.',
}
export const alreadyRolledBack: BtpRefusal.Refusal = {
  name: 'AlreadyRolledBackError',
  message: 'This transfer was rejected or has expired: it is not paid, and its id is used up.',
}

const expired: BtpRefusal.Refusal = {
  name: 'NotAcceptedError',
  message: 'This transfer has expired. Nothing was paid.',
}
const busy: BtpRefusal.Refusal = {
  name: 'UnreachableError',
  message: 'This transfer has expired; what became of it cannot be looked up now. Ask again later.',
}

const byStatus: Readonly<Record<string, BtpRefusal.Refusal>> = {
  exists_different: { name: 'DuplicateIdError', message: 'Another transfer of this account has this id.' },
  expires_too_late: { name: 'NotAcceptedError', message: 'This transfer expires too far in the future.' },
  exceeds_strangers: {
    name: 'InsufficientBalanceError',
    message: 'Customers without an agreement have used up what they may owe here together. Fund the account, or wait.',
  },
  exceeds_target: { name: 'NotAcceptedError', message: 'The account to be paid can hold no more.' },
  account_not_found: { name: 'NotAcceptedError', message: 'This account was closed.' },
}

/** What the ledger says by a status of its own, in words. */
export function ofStatus(status: string): BtpRefusal.Refusal {
  return byStatus[status] ?? { name: 'NotAcceptedError', message: 'The ledger does not accept this transfer.' }
}

/** What became of a transfer that is dead, looked up in the records. */
export function ofSearch(outcome: SearchOutcome): BtpRefusal.Refusal {
  switch (outcome) {
    case 'fulfilled':
      return alreadyFulfilled
    case 'rejected':
    case 'expired':
      return alreadyRolledBack
    case 'not_found':
      return expired
    case 'busy':
    // Its records are no longer kept: nobody can say, so the payer counts it as spent.
    case 'pruned':
      return busy
  }
}

/** An account cannot spend so much: what it has, and whom to ask. At most 200 characters travel. */
export function exceedsBalance(
  name: string,
  account: Account | undefined,
  creditLimit: bigint,
  asset: Asset,
): BtpRefusal.Refusal {
  const has = Amount.format((account?.posted ?? 0n) - (account?.heldOut ?? 0n), asset)
  const mayOwe = Amount.format(account?.creditLimit ?? creditLimit, asset)
  return {
    name: 'InsufficientBalanceError',
    message: `Account ${name} has ${has} and may owe ${mayOwe}: too little. Ask the operator to run: millstream ledger fund ${name} AMOUNT`,
  }
}

/** Who is not known where strangers are refused. */
export function stranger(name: string): BtpRefusal.Refusal {
  return {
    name: 'NotAcceptedError',
    message: `Account ${name} is not known here. Ask the operator to run: millstream ledger limit ${name} AMOUNT`,
  }
}

export const passingStranger: BtpRefusal.Refusal = {
  name: 'NotAcceptedError',
  message: 'Connections without user name and token are not accepted here.',
}
export const tooManyConnections: BtpRefusal.Refusal = {
  name: 'NotAcceptedError',
  message: 'This account has too many connections.',
}
export const full: BtpRefusal.Refusal = { name: 'UnreachableError', message: 'Too many customers. Try again later.' }
export const closing: BtpRefusal.Refusal = { name: 'UnreachableError', message: 'The host is shutting down.' }
export const tooManyMessages: BtpRefusal.Refusal = {
  name: 'UnreachableError',
  message: 'Too many requests of this account. Wait a second.',
}
export const unsupported: BtpRefusal.Refusal = { name: 'NotAcceptedError', message: 'unsupported sub-protocol' }
export const settlementFailed: BtpRefusal.Refusal = {
  name: 'UnreachableError',
  message: 'The host could not answer. Ask again: what was asked for under one id is done once.',
}
export const badInfo: BtpRefusal.Refusal = { name: 'InvalidFieldsError', message: 'info takes one byte, 0 or 2' }
export const notYourRole: BtpRefusal.Refusal = {
  name: 'NotAcceptedError',
  message: 'You are the payer of this transfer: only its payee fulfills or rejects it.',
}
export const transferNotFound: BtpRefusal.Refusal = {
  name: 'TransferNotFoundError',
  message: 'There is no such transfer to this account.',
}
export const invalidFulfillment: BtpRefusal.Refusal = {
  name: 'InvalidFulfillmentError',
  message: 'The fulfillment is not that of the condition.',
}
