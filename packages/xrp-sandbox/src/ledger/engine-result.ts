/**
 * Results of applying a transaction. Numbers come from the definitions of the official codec; texts are those of
 * `rippled`. The prefix says what became of the transaction: `tes` applied; `tec` failed, but in the ledger, with its
 * fee and sequence taken; `ter` may apply later; `tef`, `tem`, `tel` did nothing.
 */
import { DEFAULT_DEFINITIONS } from 'ripple-binary-codec'

const messages = {
  tesSUCCESS: 'The transaction was applied. Only final in a validated ledger.',

  tecUNFUNDED_PAYMENT: 'Insufficient XRP balance to send.',
  tecDIR_FULL: 'Can not add entry to full directory.',
  tecNO_DST: 'Destination does not exist. Send XRP to create it.',
  tecNO_DST_INSUF_XRP: 'Destination does not exist. Too little XRP sent to create it.',
  tecPATH_DRY: 'Path could not send partial amount.',
  tecUNFUNDED: 'Not enough XRP to satisfy the reserve requirement.',
  tecNO_ALTERNATIVE_KEY: 'The operation would remove the ability to sign transactions with the account.',
  tecINSUFF_FEE: 'Insufficient balance to pay fee.',
  tecNO_TARGET: 'Target account does not exist.',
  tecNO_PERMISSION: 'No permission to perform requested operation.',
  tecNO_ENTRY: 'No matching entry found.',
  tecINSUFFICIENT_RESERVE: 'Insufficient reserve to complete requested operation.',
  tecNEED_MASTER_KEY: 'The operation requires the use of the Master Key.',
  tecDST_TAG_NEEDED: 'A destination tag is required.',
  tecCRYPTOCONDITION_ERROR: 'Malformed, invalid, or mismatched conditional or fulfillment.',
  tecEXPIRED: 'Expiration time is passed.',
  tecHAS_OBLIGATIONS: 'The account cannot be deleted since it has obligations.',
  tecTOO_SOON: 'It is too early to attempt the requested operation. Please wait.',

  terINSUF_FEE_B: "Account balance can't pay fee.",
  terNO_ACCOUNT: 'The source account does not exist.',
  terPRE_SEQ: 'Missing/inapplicable prior transaction.',
  terPRE_TICKET: 'Ticket is not yet in ledger.',
  terRETRY: 'Retry transaction.',
  terQUEUED: 'Held until escalated fee drops.',

  tefALREADY: 'The exact transaction was already in this ledger.',
  tefBAD_AUTH: "Transaction's public key is not authorized.",
  tefEXCEPTION: 'Unexpected program state.',
  tefFAILURE: 'Failed to apply.',
  tefINTERNAL: 'Internal error.',
  tefMASTER_DISABLED: 'Master key is disabled.',
  tefMAX_LEDGER: 'Ledger sequence too high.',
  tefNOT_MULTI_SIGNING: 'Account has no appropriate list of multi-signers.',
  tefNO_TICKET: 'Ticket is not in ledger.',
  tefPAST_SEQ: 'This sequence number has already passed.',
  tefWRONG_PRIOR: 'This previous transaction does not match.',

  telBAD_DOMAIN: 'Domain too long.',
  telCAN_NOT_QUEUE_FULL: 'Can not queue at this time: queue is full.',
  telINSUF_FEE_P: 'Fee insufficient.',
  telLOCAL_ERROR: 'Local failure.',
  telNETWORK_ID_MAKES_TX_NON_CANONICAL:
    'Transactions submitted to this node/network must NOT include a NetworkID field.',
  telNO_DST_PARTIAL: 'Partial payment to create account not allowed.',
  telREQUIRES_NETWORK_ID: 'Transactions submitted to this node/network must include a correct NetworkID field.',
  telWRONG_NETWORK: 'Transaction specifies a Network ID that differs from that of the local node.',

  temBAD_AMOUNT: 'Malformed: Bad amount.',
  temBAD_EXPIRATION: 'Malformed: Bad expiration.',
  temBAD_FEE: 'Invalid fee, negative or not XRP.',
  temBAD_REGKEY: 'Malformed: Regular key cannot be same as master key.',
  temBAD_SEND_XRP_LIMIT: 'Malformed: Limit quality is not allowed for XRP to XRP.',
  temBAD_SEND_XRP_MAX: 'Malformed: Send max is not allowed for XRP to XRP.',
  temBAD_SEND_XRP_NO_DIRECT: 'Malformed: No Ripple direct is not allowed for XRP to XRP.',
  temBAD_SEND_XRP_PARTIAL: 'Malformed: Partial payment is not allowed for XRP to XRP.',
  temBAD_SEND_XRP_PATHS: 'Malformed: Paths are not allowed for XRP to XRP.',
  temBAD_SIGNATURE: 'Malformed: Bad signature.',
  temBAD_SIGNER: 'Malformed: No signer may duplicate account or other signers.',
  temBAD_SRC_ACCOUNT: 'Malformed: Bad source account.',
  temDISABLED: 'The transaction requires logic that is currently disabled.',
  temDST_IS_SRC: 'Destination may not be source.',
  temDST_NEEDED: 'Destination not specified.',
  temINVALID: 'The transaction is ill-formed.',
  temINVALID_FLAG: 'The transaction has an invalid flag.',
  temMALFORMED: 'Malformed transaction.',
  temREDUNDANT: 'The transaction is redundant.',
  temSEQ_AND_TICKET: 'Transaction contains a TicketSequence and a non-zero Sequence.',
} as const

export type EngineResult = keyof typeof messages

export function isEngineResult(text: string): text is EngineResult {
  return Object.hasOwn(messages, text)
}

export function messageOf(result: EngineResult): string {
  return messages[result]
}

export function codeOf(result: EngineResult): number {
  return Number(DEFAULT_DEFINITIONS.transactionResult.from(result).ordinal)
}

export function isTec(result: EngineResult): boolean {
  return result.startsWith('tec')
}

/** The transaction may become applicable: it is held rather than forgotten. */
export function isTer(result: EngineResult): boolean {
  return result.startsWith('ter')
}
