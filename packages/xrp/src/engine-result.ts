/**
 * What the engine of the XRP Ledger says of a transaction, and what that means for whoever wants it done.
 *
 * The text decides, never the number. A result of `submit` is provisional: only a validated one counts, and the same
 * transaction may still change from one to the other. So `submitted` says only what to do next, and `validated` names
 * what became of it.
 *
 * @see https://xrpl.org/docs/references/protocol/transactions/transaction-results
 */

/** What to do with a transaction after `submit` has answered. */
export type SubmitVerdict =
  /** On its way, or may still be: look at the ledgers, send the same bytes again now and then. */
  | 'wait'
  /** This server wants a higher fee: sign again with the same sequence number. */
  | 'raise_fee'
  /** Can never be valid as it is: nothing happened, the sequence number is free. */
  | 'refused'

/** What became of it, by name. */
export type LedgerOutcome =
  | 'success'
  /** Balance, reserve or fee do not suffice. */
  | 'insufficient_funds'
  | 'no_destination'
  /** The destination asks for a tag, or wants to authorize who pays it. */
  | 'destination_refuses'
  /** Too late, too early, or not allowed. */
  | 'not_permitted'
  /** There is no such escrow: somebody has finished or cancelled it. */
  | 'no_escrow'
  | 'wrong_fulfillment'
  | 'malformed'
  /** The key, the network or an amendment does not fit: a matter of settings. */
  | 'misconfigured'
  | 'failed'

const refusedForGood = new Set([
  'tefBAD_AUTH',
  'tefBAD_AUTH_MASTER',
  'tefMASTER_DISABLED',
  'tefNOT_MULTI_SIGNING',
  'tefBAD_SIGNATURE',
  'tefINVARIANT_FAILED',
  'telREQUIRES_NETWORK_ID',
  'telNETWORK_ID_MAKES_TX_NON_CANONICAL',
  'telWRONG_NETWORK',
  'telBAD_DOMAIN',
  'telBAD_PATH_COUNT',
  'telBAD_PUBLIC_KEY',
  // Errors of the request itself: there is no engine result.
  'invalidTransaction',
  'invalidParams',
])

const outcomes: Readonly<Record<string, LedgerOutcome>> = {
  tesSUCCESS: 'success',
  tecUNFUNDED: 'insufficient_funds',
  tecUNFUNDED_PAYMENT: 'insufficient_funds',
  tecINSUFFICIENT_RESERVE: 'insufficient_funds',
  tecINSUFF_FEE: 'insufficient_funds',
  terINSUF_FEE_B: 'insufficient_funds',
  telCAN_NOT_QUEUE_BALANCE: 'insufficient_funds',
  tecNO_DST: 'no_destination',
  tecNO_DST_INSUF_XRP: 'no_destination',
  tecDST_TAG_NEEDED: 'destination_refuses',
  tecDIR_FULL: 'destination_refuses',
  tecNO_PERMISSION: 'not_permitted',
  tecNO_TARGET: 'no_escrow',
  tecNO_ENTRY: 'no_escrow',
  tecCRYPTOCONDITION_ERROR: 'wrong_fulfillment',
  temDISABLED: 'misconfigured',
  temBAD_SIGNATURE: 'misconfigured',
  terNO_ACCOUNT: 'insufficient_funds',
  invalidTransaction: 'misconfigured',
  invalidParams: 'malformed',
}

/** @param result - `engine_result`, or the `error` of a request that has none. */
export function submitted(result: string): SubmitVerdict {
  if (result === 'telINSUF_FEE_P') return 'raise_fee'
  if (result.startsWith('tem') || refusedForGood.has(result)) return 'refused'
  // tefPAST_SEQ, tefALREADY and tefMAX_LEDGER say that it may be in a ledger already: the ledgers tell.
  return 'wait'
}

/** @param result - The validated `TransactionResult`, or the refusal that `submitted` found final. */
export function named(result: string): LedgerOutcome {
  const known = outcomes[result]
  if (known !== undefined) return known
  if (result.startsWith('tem')) return 'malformed'
  if (result.startsWith('tef') || result.startsWith('tel')) return 'misconfigured'
  return 'failed'
}

/** Whether a validated result used the fee and the sequence number for nothing. */
export function isClaimedFee(result: string): boolean {
  return result.startsWith('tec')
}
