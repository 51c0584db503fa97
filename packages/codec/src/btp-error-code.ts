/**
 * The error codes of BTP 1.0. T may be tried again after some seconds; F must not be sent again unchanged.
 *
 * The plugin of 2017 numbers most of them one lower than the RFC, so the name decides and the code is looked at only
 * when the name is unknown. Not to be mixed with the codes of ILP, which reuse the letters.
 *
 * @see Interledger RFC 23, drafts 2 to 9; ilp-plugin-payment-channel-framework 1.3.5
 */
export const errorCodes = Object.freeze({
  UnreachableError: 'T00',
  NotAcceptedError: 'F00',
  InvalidFieldsError: 'F01',
  TransferNotFoundError: 'F03',
  InvalidFulfillmentError: 'F04',
  DuplicateIdError: 'F05',
  AlreadyRolledBackError: 'F06',
  AlreadyFulfilledError: 'F07',
  InsufficientBalanceError: 'F08',
} as const)

/** The codes that the plugin of 2017 writes, for peers that look at nothing else. */
export const errorCodesOf2017 = Object.freeze({
  UnreachableError: 'T00',
  NotAcceptedError: 'F00',
  InvalidFieldsError: 'F01',
  TransferNotFoundError: 'F02',
  InvalidFulfillmentError: 'F03',
  DuplicateIdError: 'F04',
  AlreadyRolledBackError: 'F05',
  AlreadyFulfilledError: 'F06',
  InsufficientBalanceError: 'F07',
} as const satisfies Record<ErrorName, string>)

export type ErrorName = keyof typeof errorCodes

const names: ReadonlySet<string> = new Set(Object.keys(errorCodes))
const namesByCode: ReadonlyMap<string, ErrorName> = new Map(
  Object.entries(errorCodes).map(([name, code]) => [code, name as ErrorName]),
)

/** What an ERROR means: by its name where that is known, else by its code; undefined when neither is. */
export function errorNameOf(error: { readonly name: string; readonly code: string }): ErrorName | undefined {
  return names.has(error.name) ? (error.name as ErrorName) : namesByCode.get(error.code)
}
