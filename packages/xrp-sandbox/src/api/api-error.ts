/** Errors of the API as `rippled` words them. Programs decide by `error`. */
import { MillstreamError } from '@millstream/units'
import type { JsonObject } from '../ledger/entry.js'

const errors = {
  actMalformed: [35, 'Account malformed.'],
  actNotFound: [19, 'Account not found.'],
  channelAmtMalformed: [46, 'Payment channel amount is malformed.'],
  channelMalformed: [45, 'Payment channel is malformed.'],
  publicMalformed: [62, 'Public key is malformed.'],
  entryNotFound: [98, 'Entry not found.'],
  internal: [73, 'Internal error.'],
  invalidLgrRange: [79, 'Ledger range is invalid.'],
  invalidParams: [31, 'Invalid parameters.'],
  invalid_API_version: [undefined, undefined],
  invalidTransaction: [undefined, undefined],
  jsonInvalid: [undefined, undefined],
  lgrIdxMalformed: [58, 'Ledger index malformed.'],
  lgrIdxsInvalid: [57, 'Ledger indexes invalid.'],
  lgrNotFound: [21, 'ledgerNotFound'],
  malformedAddress: [31, 'Malformed address.'],
  malformedOwner: [31, "Invalid field 'owner', not AccountID."],
  malformedRequest: [31, 'Malformed request.'],
  malformedStream: [71, 'Stream malformed.'],
  missingCommand: [undefined, undefined],
  noPermission: [6, "You don't have permission for this command."],
  notImpl: [74, 'Not implemented.'],
  notSupported: [75, 'Operation not supported.'],
  slowDown: [10, 'You are placing too much load on the server.'],
  transactionNotFound: [undefined, undefined],
  transactionSigned: [96, 'Transaction should not be signed.'],
  txnNotFound: [29, 'Transaction not found.'],
  unknownCmd: [32, 'Unknown method.'],
} as const

export type ErrorName = keyof typeof errors

export class ApiError extends MillstreamError {
  override readonly name = 'ApiError'
  readonly code = 'XRP_SANDBOX_API'
  /** What stands in the answer beside `status` and `request`. */
  readonly fields: JsonObject
  constructor(error: ErrorName, { message, more }: { readonly message?: string; readonly more?: JsonObject } = {}) {
    const [number, text] = errors[error]
    super(`${message ?? text ?? error} Nothing was changed.`)
    this.fields = {
      ...more,
      error,
      ...(number === undefined ? {} : { error_code: number, error_message: message ?? text }),
    }
  }
}
