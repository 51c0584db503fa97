/**
 * Transfers between their two forms: the objects of text that programs of 2017 hold (IL-RFC-4, class Transfer), and the
 * fields of a BTP PREPARE.
 */
import type { BtpFrame } from '@millstream/codec'
import { type Condition, Instant, TransferId } from '@millstream/units'
import * as LedgerError from './errors.js'
import * as ProtocolData from './protocol-data.js'
import * as Text from './text.js'

/** The plugin's own address, its peer's, and the prefix of both. */
export interface Addresses {
  readonly prefix: string
  readonly account: string
  readonly peer: string
}

/** A transfer as a program sees it, in events and in `sendTransfer`. */
export interface ProgramTransfer {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly ledger: string
  /** Base units, as a decimal integer. */
  readonly amount: string
  /** 43 characters of base64url, and so is a fulfillment. */
  readonly executionCondition: string
  /** ISO 8601, UTC. */
  readonly expiresAt: string
  readonly ilp?: string
  readonly custom?: object
  /** Outgoing transfers only; never leaves this side. */
  readonly noteToSelf?: object
}

/** A transfer as the wire and the ledger have it. */
export interface WireTransfer {
  readonly id: TransferId.TransferId
  readonly amount: bigint
  readonly condition: Condition.Condition
  readonly expiresAt: Instant.Instant
  readonly protocolData: BtpFrame.ProtocolData
}

/**
 * Reads what a program hands to `sendTransfer`.
 *
 * @returns Both forms; the program's is a copy in which `from` and `ledger` are filled in.
 * @throws {InvalidFieldsError} A field is missing or malformed.
 */
export function fromProgram(
  value: unknown,
  addresses: Addresses,
): { readonly wire: WireTransfer; readonly program: ProgramTransfer } {
  const fields = Text.toPlainObject('transfer', value)
  for (const name of ['id', 'amount', 'to', 'executionCondition', 'expiresAt'] as const) {
    if (fields[name] === undefined || fields[name] === null || fields[name] === '') {
      throw new LedgerError.InvalidFieldsError(`The transfer must have the field "${name}".`)
    }
  }
  assertAddress('to', fields.to, addresses.peer)
  if (fields.from !== undefined && fields.from !== null) assertAddress('from', fields.from, addresses.account)
  if (fields.noteToSelf !== undefined) Text.toPlainObject('noteToSelf', fields.noteToSelf)
  const wire: WireTransfer = {
    id: Text.toTransferId('id', fields.id),
    amount: Text.toAmount('amount', fields.amount),
    condition: Text.toCondition('executionCondition', fields.executionCondition),
    expiresAt: Text.toInstant('expiresAt', fields.expiresAt),
    protocolData: ProtocolData.fromProgram(fields),
  }
  const program = {
    ...fields,
    from: fields.from ?? addresses.account,
    ledger: addresses.prefix,
    amount: wire.amount.toString(),
  } as unknown as ProgramTransfer
  return { wire, program }
}

/**
 * Reads a PREPARE of the peer. BTP carries no addresses: the transfer is from the peer to this side, and where it goes
 * after that stands in its ILP packet.
 *
 * @throws {InvalidFieldsError} `custom` is not a JSON object.
 */
export function fromFrame(wire: WireTransfer, addresses: Addresses): ProgramTransfer {
  const { ilp, custom } = ProtocolData.toProgram(wire.protocolData)
  return {
    id: TransferId.format(wire.id),
    amount: wire.amount.toString(),
    executionCondition: Text.fromBytes(wire.condition),
    expiresAt: Instant.toIso(wire.expiresAt),
    to: addresses.account,
    from: addresses.peer,
    ledger: addresses.prefix,
    ...(ilp === undefined ? undefined : { ilp: Text.fromBytes(ilp) }),
    ...(custom === undefined ? undefined : { custom }),
  }
}

/** @throws {InvalidFieldsError} Neither `account` nor an address below it. */
export function assertAddress(field: string, value: unknown, account: string): void {
  if (typeof value === 'string' && (value === account || value.startsWith(`${account}.`))) return
  throw new LedgerError.InvalidFieldsError(
    `The field "${field}" (${String(value).slice(0, 1024)}) must start with the account ${account}.`,
  )
}
