/**
 * The error codes of ILP. F is final, T temporary, R relative (more money or more time may help). Not to be mixed with
 * the codes of BTP, which reuse the letters.
 *
 * @see Interledger RFC 3, drafts 4 to 10 (F08: draft 10); RFC 27 names T01, T02 and F08 otherwise
 */
export const errorNames = Object.freeze({
  F00: 'Bad Request',
  F01: 'Invalid Packet',
  F02: 'Unreachable',
  F03: 'Invalid Amount',
  F04: 'Insufficient Destination Amount',
  F05: 'Wrong Condition',
  F06: 'Unexpected Payment',
  F07: 'Cannot Receive',
  F08: 'Amount Too Large',
  F99: 'Application Error',
  T00: 'Internal Error',
  T01: 'Ledger Unreachable',
  T02: 'Ledger Busy',
  T03: 'Connector Busy',
  T04: 'Insufficient Liquidity',
  T05: 'Rate Limited',
  T99: 'Application Error',
  R00: 'Transfer Timed Out',
  R01: 'Insufficient Source Amount',
  R02: 'Insufficient Timeout',
  R99: 'Application Error',
} as const)

export type ErrorCode = keyof typeof errorNames

const namesByCode: ReadonlyMap<string, string> = new Map(Object.entries(errorNames))

/** The name that belongs to a code; undefined for a code that no document assigns. */
export function errorName(code: string): string | undefined {
  return namesByCode.get(code)
}
