/**
 * The ILP payment packet (RFC 3, type 1), as far as tests need it. Kept apart from the codec, so that the contract suite
 * judges plugins by bytes of its own.
 *
 * | part      | shape                             |
 * | --------- | --------------------------------- |
 * | `type`    | 1                                 |
 * | `length`  | determinant, then that many bytes |
 * | `amount`  | uint64                            |
 * | `account` | determinant, ASCII                |
 * | `data`    | determinant, octets               |
 * |           | 0: no extensions                  |
 */

const amountBytes = 8

export function encodePayment(amount: bigint, account: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const amountField = new Uint8Array(amountBytes)
  new DataView(amountField.buffer).setBigUint64(0, amount)
  const accountField = Uint8Array.from(account, (character) => character.charCodeAt(0))
  const contents = [...amountField, ...withLength(accountField), ...withLength(data), 0]
  return Uint8Array.from([1, ...withLength(contents)])
}

/** @returns `undefined` when `packet` is not a payment packet. */
export function decodePayment(packet: Uint8Array): { readonly amount: bigint; readonly account: string } | undefined {
  if (packet[0] !== 1) return undefined
  const contents = readLength(packet, 1)
  if (contents === undefined || contents.end !== packet.length) return undefined
  const account = readLength(packet, contents.start + amountBytes)
  if (account === undefined) return undefined
  const data = readLength(packet, account.end)
  if (data === undefined || data.end + 1 !== packet.length || packet[data.end] !== 0) return undefined
  return {
    amount: new DataView(packet.buffer, packet.byteOffset).getBigUint64(contents.start),
    account: String.fromCharCode(...packet.subarray(account.start, account.end)),
  }
}

function withLength(bytes: ArrayLike<number>): number[] {
  const length = bytes.length
  const prefix = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return [...prefix, ...Array.from(bytes)]
}

function readLength(bytes: Uint8Array, offset: number): { readonly start: number; readonly end: number } | undefined {
  const first = bytes[offset]
  if (first === undefined) return undefined
  const more = first < 0x80 ? 0 : first & 0x7f
  if (more > 2) return undefined
  let length = more === 0 ? first : 0
  for (let i = 1; i <= more; i++) length = length * 0x100 + (bytes[offset + i] ?? 0)
  const start = offset + 1 + more
  return start + length > bytes.length ? undefined : { start, end: start + length }
}
