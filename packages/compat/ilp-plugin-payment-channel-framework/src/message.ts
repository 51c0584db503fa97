/** Request messages (IL-RFC-4, class Message) and the BTP MESSAGE and RESPONSE that carry them. */
import type { BtpFrame } from '@millstream/codec'
import * as LedgerError from './errors.js'
import * as ProtocolData from './protocol-data.js'
import * as Text from './text.js'
import * as Transfer from './transfer.js'

/** As a program sees it. */
export interface ProgramMessage {
  /** The request id of BTP on incoming messages; what the program gave on its own. */
  readonly id?: unknown
  readonly from: string
  readonly to: string
  readonly ledger: string
  readonly ilp?: string
  readonly custom?: object
}

/**
 * Reads a message that a program sends, as a request or as the answer to one.
 *
 * @throws {InvalidFieldsError} `to` is missing or not the peer's, or there is neither `ilp` nor `custom`.
 */
export function fromProgram(
  value: unknown,
  addresses: Transfer.Addresses,
): { readonly program: ProgramMessage; readonly protocolData: BtpFrame.ProtocolData } {
  const fields = Text.toPlainObject('message', value)
  if (!fields.to) throw new LedgerError.InvalidFieldsError('The message must have the field "to".')
  Transfer.assertAddress('to', fields.to, addresses.peer)
  if (fields.from) Transfer.assertAddress('from', fields.from, addresses.account)
  if (fields.ledger && fields.ledger !== addresses.prefix) {
    throw new LedgerError.InvalidFieldsError(`The field "ledger" must be ${addresses.prefix}.`)
  }
  const protocolData = ProtocolData.fromProgram(fields)
  if (protocolData.length === 0) {
    throw new LedgerError.InvalidFieldsError('The message must have the field "ilp" or "custom".')
  }
  const program = { ...fields, from: fields.from ?? addresses.account, ledger: addresses.prefix }
  return { program: program as unknown as ProgramMessage, protocolData }
}

/** @throws {InvalidFieldsError} `custom` is not a JSON object. */
export function fromFrame(
  id: unknown,
  protocolData: BtpFrame.ProtocolData,
  addresses: Transfer.Addresses,
): ProgramMessage {
  const { ilp, custom } = ProtocolData.toProgram(protocolData)
  return {
    ...(id === undefined ? undefined : { id }),
    to: addresses.account,
    from: addresses.peer,
    ledger: addresses.prefix,
    ...(ilp === undefined ? undefined : { ilp: Text.fromBytes(ilp) }),
    ...(custom === undefined ? undefined : { custom }),
  }
}
