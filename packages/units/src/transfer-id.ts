/**
 * Transfer ids: 16 bytes, made by the payer, unique for ever among the transfers of one source account. UUID text
 * stands only at the edges (command line, logs, drop-in modules).
 */
import type { Brand } from './brand.js'
import * as Hex from './hex.js'
import { MillstreamError } from './millstream-error.js'

export type TransferId = Brand<Uint8Array, 'TransferId'>

/** @throws {TransferIdError} Not 16 bytes. */
export function from(bytes: Uint8Array): TransferId {
  if (bytes.length !== 16) throw new TransferIdError()
  return bytes as TransferId
}

/** @throws {TransferIdError} `text` is not a UUID. */
export function parse(text: string): TransferId {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text)) throw new TransferIdError()
  return Hex.toBytes(text.replaceAll('-', '')) as TransferId
}

export function format(id: TransferId): string {
  const hex = Hex.fromBytes(id)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export class TransferIdError extends MillstreamError {
  override readonly name = 'TransferId.TransferIdError'
  readonly code = 'TRANSFER_ID'
  constructor() {
    super('A transfer id is 16 bytes; as text it is a UUID.')
  }
}
