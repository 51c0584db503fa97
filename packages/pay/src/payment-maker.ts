/**
 * Makes the packet and the condition of each payment of a stream.
 *
 * From one payment to the next only the digits of the number change, so the packet is laid out once and counted on in
 * place; what is handed out is a copy. Numbers go up by one, so the place of each digit rarely moves.
 *
 * @see Interledger RFC 3 (packet); `Derivation` of the codec (fulfillments)
 */
import { Derivation, IlpPacket } from '@millstream/codec'
import type { Condition, Hashes } from '@millstream/units'
import type { Terms } from './terms.js'

export interface MadePayment {
  /** Belongs to the caller. */
  readonly packet: Uint8Array
  readonly condition: Condition.Condition
}

/** @returns Makes payment `number`, 1 or more, at most 2^53 - 1, for so many pieces: one if left out. */
export type MakePayment = (number: number, pieces?: number) => MadePayment

/** @param secret - From the `Pay` header; stays in here. */
export function createPaymentMaker(
  hashes: Hashes,
  terms: Pick<Terms, 'form' | 'price' | 'address'>,
  secret: Uint8Array,
): MakePayment {
  const { form, price, address } = terms
  let layout = layOut(1, 1)
  const derive = derivation()

  return (number, pieces = 1) => {
    if (pieces !== layout.pieces) layout = layOut(number, pieces)
    else if (number !== layout.number) count(number)
    const condition = hashes.sha256(derive()) as Condition.Condition
    const packet = allocate(layout.packet.length)
    packet.set(layout.packet)
    return { packet, condition }
  }

  function derivation(): () => Uint8Array {
    if (form === 'psk') {
      const psk = Derivation.psk(hashes, secret)
      return () => psk(layout.packet)
    }
    const hmac = hashes.hmac(secret)
    // Form A is over the address alone: here its bytes as they stand in the packet.
    return form === 'hkdf' ? () => hmac(layout.packet) : () => hmac(layout.payAddress)
  }

  function count(number: number): void {
    const { packet, digits } = layout
    if (number === layout.number + 1) {
      for (let at = digits.end - 1; at >= digits.start; at--) {
        if (packet[at] !== nine) {
          packet[at]!++
          layout.number = number
          return
        }
        packet[at] = zero
      }
    }
    layout = layOut(number, layout.pieces)
  }

  function layOut(number: number, pieces: number): Layout {
    const account = `${address}.${number}`
    const packet = IlpPacket.encodePayment(price * BigInt(pieces), account).slice()
    // The packet ends with the account, an empty data field and no extensions: two zero bytes.
    const end = packet.length - 2
    return {
      number,
      pieces,
      packet,
      payAddress: packet.subarray(end - account.length, end),
      digits: { start: end - String(number).length, end },
    }
  }
}

interface Layout {
  number: number
  readonly pieces: number
  readonly packet: Uint8Array
  /** A view into `packet`. */
  readonly payAddress: Uint8Array
  readonly digits: { readonly start: number; readonly end: number }
}

const zero = 0x30
const nine = 0x39

/**
 * Packets are cut from a slab: an array above V8's 64 bytes costs a call of malloc, more than the rest of making it.
 * A slab is never used twice.
 */
const slabBytes = 16_384
let slab = new Uint8Array(slabBytes)
let offset = 0

function allocate(size: number): Uint8Array {
  if (size > slabBytes >> 4) return new Uint8Array(size)
  if (offset + size > slabBytes) {
    slab = new Uint8Array(slabBytes)
    offset = 0
  }
  const bytes = new Uint8Array(slab.buffer, offset, size)
  offset += size
  return bytes
}
