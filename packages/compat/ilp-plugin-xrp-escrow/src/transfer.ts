/** Transfers between their two forms: the objects of text that programs of 2017 hold, and those of a `Plugin`. */
import type { IncomingTransfer, OutgoingTransfer } from '@millstream/plugin'
import { Amount, Base64Url, Condition, Instant, TransferId } from '@millstream/units'
import { EscrowMemos } from '@millstream/xrp'
import { InvalidFieldsError, MaximumIlpDataSizeExceededError } from './errors.js'

/** A transfer as a program sees it, in events and in `sendTransfer`. */
export interface ProgramTransfer {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly ledger: string
  /** Drops, as a decimal integer. */
  readonly amount: string
  /** 43 characters of base64url, and so is a fulfillment. */
  readonly executionCondition: string
  /** ISO 8601, UTC. */
  readonly expiresAt: string
  /** base64url. */
  readonly ilp: string
  /** Outgoing transfers only; never leaves this side. */
  readonly noteToSelf?: object
  readonly direction: 'incoming' | 'outgoing'
}

const base64Pattern = /^[A-Za-z0-9+/_-]*={0,2}$/

/**
 * Reads what a program hands to `sendTransfer`.
 *
 * @throws {InvalidFieldsError} A field is missing or malformed.
 * @throws {MaximumIlpDataSizeExceededError} The packet does not fit into the memos of an escrow.
 */
export function fromProgram(
  value: unknown,
  prefix: string,
  account: string,
): { readonly transfer: OutgoingTransfer; readonly program: ProgramTransfer } {
  if (typeof value !== 'object' || value === null) throw new InvalidFieldsError('The transfer must be an object.')
  const fields = value as Record<string, unknown>
  const to = fields.to
  if (typeof to !== 'string' || !to.startsWith(prefix) || to.length > 1023) {
    throw new InvalidFieldsError(`The field "to" must be an address that starts with ${prefix}`)
  }
  if (fields.from !== undefined && fields.from !== account) {
    throw new InvalidFieldsError(`The field "from" must be the account ${account}.`)
  }
  const transfer: OutgoingTransfer = {
    id: read('id', 'a UUID', () => TransferId.parse(fields.id as string)),
    target: to,
    amount: read('amount', 'an integer of drops, as text', () => Amount.fromText(String(fields.amount))),
    condition: read('executionCondition', '32 bytes as base64url', () =>
      Condition.from(Base64Url.toBytes(fields.executionCondition as string)),
    ),
    expiresAt: read('expiresAt', 'a time in ISO 8601', () => instantFrom(fields.expiresAt)),
    packet: read('ilp', 'a packet as base64url', () => bytesFrom(fields.ilp)),
  }
  if (transfer.amount === 0n)
    throw new InvalidFieldsError('The field "amount" must be at least 1: an escrow of nothing is none.')
  if (transfer.packet.length > EscrowMemos.packetBytesMax) {
    throw new MaximumIlpDataSizeExceededError(
      `The packet has ${transfer.packet.length} bytes, and memos hold ${EscrowMemos.packetBytesMax}. Nothing was sent.`,
    )
  }
  const program: ProgramTransfer = {
    ...(fields as object),
    id: TransferId.format(transfer.id),
    from: account,
    to,
    ledger: prefix,
    amount: String(transfer.amount),
    executionCondition: Base64Url.fromBytes(transfer.condition),
    expiresAt: Instant.toIso(transfer.expiresAt),
    ilp: Base64Url.fromBytes(transfer.packet),
    direction: 'outgoing',
  }
  return { transfer, program }
}

export function toProgram(transfer: IncomingTransfer, prefix: string, account: string): ProgramTransfer {
  return {
    id: TransferId.format(transfer.id),
    from: transfer.source,
    to: account,
    ledger: prefix,
    amount: String(transfer.amount),
    executionCondition: Base64Url.fromBytes(transfer.condition),
    expiresAt: Instant.toIso(transfer.expiresAt),
    ilp: Base64Url.fromBytes(transfer.packet),
    direction: 'incoming',
  }
}

/** @throws {InvalidFieldsError} Not 43 characters of base64url. */
export function fulfillmentFrom(value: unknown): Condition.Fulfillment {
  return read('fulfillment', '32 bytes as base64url', () =>
    Condition.fulfillmentFrom(Base64Url.toBytes(value as string)),
  )
}

function read<Value>(field: string, what: string, parse: () => Value): Value {
  try {
    return parse()
  } catch {
    throw new InvalidFieldsError(`The field "${field}" must be ${what}. Nothing was sent.`)
  }
}

function instantFrom(value: unknown): Instant.Instant {
  return Instant.from(value instanceof Date ? value.getTime() : Date.parse(String(value)))
}

/** Base64 in either alphabet, with or without padding: programs of 2017 wrote both. */
function bytesFrom(value: unknown): Uint8Array {
  if (typeof value !== 'string' || !base64Pattern.test(value)) throw new TypeError('not base64')
  return Uint8Array.from(Buffer.from(value, 'base64'))
}
