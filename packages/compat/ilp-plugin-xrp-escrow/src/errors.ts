/**
 * The error classes of the Ledger Plugin Interface (IL-RFC-4 draft 8), by the names that programs of 2017 compare.
 *
 * A program compares `error.name`, never the class: it may have its own copy of the module. `code` is for programs of
 * today.
 */
import { MillstreamError } from '@millstream/units'

/** A required field is missing or malformed. Nothing was held. */
export class InvalidFieldsError extends MillstreamError {
  override readonly name = 'InvalidFieldsError'
  readonly code = 'INVALID_FIELDS'
}

/** The ledger refuses for a reason that has no class of its own. */
export class NotAcceptedError extends MillstreamError {
  override readonly name = 'NotAcceptedError'
  readonly code = 'NOT_ACCEPTED'
}

/** The id belongs to a transfer of other content. */
export class DuplicateIdError extends MillstreamError {
  override readonly name = 'DuplicateIdError'
  readonly code = 'DUPLICATE_ID'
}

/** Balance and reserve do not allow the transfer. */
export class InsufficientBalanceError extends MillstreamError {
  override readonly name = 'InsufficientBalanceError'
  readonly code = 'INSUFFICIENT_BALANCE'
}

export class AccountNotFoundError extends MillstreamError {
  override readonly name = 'AccountNotFoundError'
  readonly code = 'ACCOUNT_NOT_FOUND'
}

export class TransferNotFoundError extends MillstreamError {
  override readonly name = 'TransferNotFoundError'
  readonly code = 'TRANSFER_NOT_FOUND'
}

/** The transfer is still held: there is no fulfillment yet. */
export class MissingFulfillmentError extends MillstreamError {
  override readonly name = 'MissingFulfillmentError'
  readonly code = 'MISSING_FULFILLMENT'
}

/** The transfer has expired: its amount is the payer's again. */
export class AlreadyRolledBackError extends MillstreamError {
  override readonly name = 'AlreadyRolledBackError'
  readonly code = 'ALREADY_ROLLED_BACK'
}

/** The transfer was fulfilled: its amount has moved. */
export class AlreadyFulfilledError extends MillstreamError {
  override readonly name = 'AlreadyFulfilledError'
  readonly code = 'ALREADY_FULFILLED'
}

export class MaximumIlpDataSizeExceededError extends MillstreamError {
  override readonly name = 'MaximumIlpDataSizeExceededError'
  readonly code = 'MAXIMUM_ILP_DATA_SIZE_EXCEEDED'
}

export class RequestHandlerAlreadyRegisteredError extends MillstreamError {
  override readonly name = 'RequestHandlerAlreadyRegisteredError'
  readonly code = 'REQUEST_HANDLER_ALREADY_REGISTERED'
}

/** There is no connection, or no answer came in time. What was under way is still held. */
export class UnreachableError extends MillstreamError {
  override readonly name = 'UnreachableError'
  readonly code = 'UNREACHABLE'
}
