/**
 * `Errors` of version 3: errors that say which ILP error they become. `errorToReject` turns one into a packet; they
 * carry their code and data for it.
 */
import { Oer } from '@millstream/codec'
import { Amount } from '@millstream/units'
import { IlpError, type IlpErrorCode } from './error-code.js'

export const codes = IlpError

abstract class BaseError extends Error {
  readonly ilpErrorCode: IlpErrorCode
  constructor(name: string, message: string, ilpErrorCode: IlpErrorCode) {
    super(message)
    // Not enumerable, as in the original.
    Object.defineProperty(this, 'name', { value: name, configurable: true, writable: true })
    this.ilpErrorCode = ilpErrorCode
  }
}

abstract class BaseDataError extends BaseError {
  readonly ilpErrorData: Buffer
  constructor(name: string, message: string, ilpErrorCode: IlpErrorCode, ilpErrorData: Buffer) {
    super(name, message, ilpErrorCode)
    this.ilpErrorData = ilpErrorData
  }
}

export class BadRequestError extends BaseError {
  constructor(message: string) {
    super('BadRequestError', message, codes.F00_BAD_REQUEST)
  }
}

export class InvalidPacketError extends BaseError {
  constructor(message: string) {
    super('InvalidPacketError', message, codes.F01_INVALID_PACKET)
  }
}

export class UnreachableError extends BaseError {
  constructor(message: string) {
    super('UnreachableError', message, codes.F02_UNREACHABLE)
  }
}

export class InvalidAmountError extends BaseError {
  constructor(message: string) {
    super('InvalidAmountError', message, codes.F03_INVALID_AMOUNT)
  }
}

export class InsufficientDestinationAmountError extends BaseError {
  constructor(message: string) {
    super('InsufficientDestinationAmountError', message, codes.F04_INSUFFICIENT_DESTINATION_AMOUNT)
  }
}

export class WrongConditionError extends BaseError {
  constructor(message: string) {
    super('WrongConditionError', message, codes.F05_WRONG_CONDITION)
  }
}

export class UnexpectedPaymentError extends BaseError {
  constructor(message: string) {
    super('UnexpectedPaymentError', message, codes.F06_UNEXPECTED_PAYMENT)
  }
}

export class CannotReceiveError extends BaseError {
  constructor(message: string) {
    super('CannotReceiveError', message, codes.F07_CANNOT_RECEIVE)
  }
}

export interface AmountTooLargeErrorOpts {
  readonly receivedAmount: string
  readonly maximumAmount: string
}

/** @throws {AmountSyntaxError} An amount is not a decimal integer. */
export class AmountTooLargeError extends BaseDataError {
  constructor(message: string, opts: AmountTooLargeErrorOpts) {
    const data = new Oer.Writer()
    data.uint64('receivedAmount', Amount.fromText(opts.receivedAmount))
    data.uint64('maximumAmount', Amount.fromText(opts.maximumAmount))
    super('AmountTooLargeError', message, codes.F08_AMOUNT_TOO_LARGE, Buffer.from(data.finish()))
  }
}

export class FinalApplicationError extends BaseDataError {
  constructor(message: string, data: Buffer) {
    super('FinalApplicationError', message, codes.F99_APPLICATION_ERROR, data)
  }
}

export class InternalError extends BaseError {
  constructor(message: string) {
    super('InternalError', message, codes.T00_INTERNAL_ERROR)
  }
}

export class PeerUnreachableError extends BaseError {
  constructor(message: string) {
    super('PeerUnreachableError', message, codes.T01_PEER_UNREACHABLE)
  }
}

export class PeerBusyError extends BaseError {
  constructor(message: string) {
    super('PeerBusyError', message, codes.T02_PEER_BUSY)
  }
}

export class ConnectorBusyError extends BaseError {
  constructor(message: string) {
    super('ConnectorBusyError', message, codes.T03_CONNECTOR_BUSY)
  }
}

export class InsufficientLiquidityError extends BaseError {
  constructor(message: string) {
    super('InsufficientLiquidityError', message, codes.T04_INSUFFICIENT_LIQUIDITY)
  }
}

export class RateLimitedError extends BaseError {
  constructor(message: string) {
    super('RateLimitedError', message, codes.T05_RATE_LIMITED)
  }
}

export class TemporaryApplicationError extends BaseDataError {
  constructor(message: string, data: Buffer) {
    super('TemporaryApplicationError', message, codes.T99_APPLICATION_ERROR, data)
  }
}

export class TransferTimedOutError extends BaseError {
  constructor(message: string) {
    super('TransferTimedOutError', message, codes.R00_TRANSFER_TIMED_OUT)
  }
}

export class InsufficientSourceAmountError extends BaseError {
  constructor(message: string) {
    super('InsufficientSourceAmountError', message, codes.R01_INSUFFICIENT_SOURCE_AMOUNT)
  }
}

export class InsufficientTimeoutError extends BaseError {
  constructor(message: string) {
    super('InsufficientTimeoutError', message, codes.R02_INSUFFICIENT_TIMEOUT)
  }
}

export class RelativeApplicationError extends BaseDataError {
  constructor(message: string, data: Buffer) {
    super('RelativeApplicationError', message, codes.R99_APPLICATION_ERROR, data)
  }
}
