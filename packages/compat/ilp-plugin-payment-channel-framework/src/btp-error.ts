/** Errors of the program's world and of the wire, by name: the classes of IL-RFC-4 and the ERROR frames of BTP. */
import { BtpRefusal, type ErrorFrame } from '@millstream/btp'
import type { MillstreamError } from '@millstream/units'
import * as LedgerError from './errors.js'

const classes = {
  UnreachableError: LedgerError.UnreachableError,
  NotAcceptedError: LedgerError.NotAcceptedError,
  InvalidFieldsError: LedgerError.InvalidFieldsError,
  TransferNotFoundError: LedgerError.TransferNotFoundError,
  InvalidFulfillmentError: LedgerError.InvalidFulfillmentError,
  DuplicateIdError: LedgerError.DuplicateIdError,
  AlreadyRolledBackError: LedgerError.AlreadyRolledBackError,
  AlreadyFulfilledError: LedgerError.AlreadyFulfilledError,
  InsufficientBalanceError: LedgerError.InsufficientBalanceError,
} as const satisfies Record<BtpRefusal.ErrorName, new (message: string) => MillstreamError>

/** The error that a program gets for what its peer refused, in the class that the peer named. */
export function fromFrame(frame: ErrorFrame): MillstreamError {
  const { name, message } = BtpRefusal.fromFrame(frame)
  return new classes[name](message === '' ? 'The peer refused and gave no reason.' : `The peer says: ${message}`)
}

/** A refusal of our own, as the error of its class. */
export function fromRefusal(refusal: BtpRefusal.Refusal): MillstreamError {
  return new classes[refusal.name](refusal.message)
}

/** What the peer is told of an error of ours: its name and message, or that it was not accepted. */
export function toRefusal(error: unknown): BtpRefusal.Refusal {
  if (error instanceof Error && error.name in classes) {
    return { name: error.name as BtpRefusal.ErrorName, message: error.message }
  }
  return { name: 'NotAcceptedError', message: error instanceof Error ? error.message : 'not accepted' }
}
