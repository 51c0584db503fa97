/** Which fields a transaction must and may have. The sandbox knows the types below; others are refused as disabled. */
import type { JsonObject } from './entry.js'

const common = new Set([
  'TransactionType',
  'Flags',
  'SourceTag',
  'Account',
  'Sequence',
  'TicketSequence',
  'PreviousTxnID',
  'LastLedgerSequence',
  'AccountTxnID',
  'Fee',
  'OperationLimit',
  'Memos',
  'SigningPubKey',
  'TxnSignature',
  'Signers',
  'NetworkID',
  'Delegate',
])

const commonRequired = ['TransactionType', 'Account', 'Sequence', 'Fee', 'SigningPubKey'] as const

interface Format {
  readonly required: readonly string[]
  readonly optional: readonly string[]
}

const formats: { readonly [type: string]: Format } = {
  Payment: {
    required: ['Destination', 'Amount'],
    optional: ['SendMax', 'Paths', 'InvoiceID', 'DestinationTag', 'DeliverMin', 'CredentialIDs', 'DomainID'],
  },
  EscrowCreate: {
    required: ['Destination', 'Amount'],
    optional: ['Condition', 'CancelAfter', 'FinishAfter', 'DestinationTag'],
  },
  EscrowFinish: {
    required: ['Owner', 'OfferSequence'],
    optional: ['Fulfillment', 'Condition', 'CredentialIDs'],
  },
  EscrowCancel: { required: ['Owner', 'OfferSequence'], optional: [] },
  PaymentChannelCreate: {
    required: ['Destination', 'Amount', 'SettleDelay', 'PublicKey'],
    optional: ['CancelAfter', 'DestinationTag'],
  },
  PaymentChannelFund: { required: ['Channel', 'Amount'], optional: ['Expiration'] },
  PaymentChannelClaim: {
    required: ['Channel'],
    optional: ['Amount', 'Balance', 'Signature', 'PublicKey', 'CredentialIDs'],
  },
  AccountSet: {
    required: [],
    optional: [
      'EmailHash',
      'WalletLocator',
      'WalletSize',
      'MessageKey',
      'Domain',
      'TransferRate',
      'SetFlag',
      'ClearFlag',
      'TickSize',
      'NFTokenMinter',
    ],
  },
  SetRegularKey: { required: [], optional: ['RegularKey'] },
  AccountDelete: { required: ['Destination'], optional: ['DestinationTag', 'CredentialIDs'] },
}

export function isKnownType(type: string): boolean {
  return Object.hasOwn(formats, type)
}

/** @returns What `rippled` says of the first field that is missing or out of place. */
export function complaintAbout(fields: JsonObject): string | undefined {
  const type = fields.TransactionType
  if (typeof type !== 'string') return "Field 'TransactionType' is required but missing."
  const format = isKnownType(type) ? formats[type] : undefined
  for (const name of [...commonRequired, ...(format?.required ?? [])]) {
    if (fields[name] === undefined) return `Field '${name}' is required but missing.`
  }
  if (format === undefined) return undefined
  for (const name of Object.keys(fields)) {
    if (common.has(name) || format.required.includes(name) || format.optional.includes(name)) continue
    return `Field '${name}' found in disallowed location.`
  }
  return undefined
}
