/** Runs in the page: the codec and the hashes against vectors, as far as a browser can see them. */
import { BtpFrame, CodecError, Derivation, IlpPacket, PayEndpoint, PayHeader, PayTerms } from '@millstream/codec'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import { Condition, Hex, TransferId } from '@millstream/units'
import { type DecodedByOriginal, frameOf } from '../../packages/codec/vectors/frame-of.js'
import { packetOf, typeReadBy } from '../../packages/codec/vectors/packet-of.js'
import { revive } from '../../packages/codec/vectors/revive.js'

interface Vector {
  readonly name: string
  readonly hex: string
  readonly fn: string
  readonly input: unknown
  readonly decoded: DecodedByOriginal
  readonly error?: string
}

/** Each function takes the JSON of vector files and gives the names of those that do not hold. */
export function failingPackets(json: unknown): readonly string[] {
  return failing(json, ({ fn, input, hex, error }) => {
    const bytes = Hex.toBytes(hex)
    const type = typeReadBy(fn)
    if (error !== undefined) {
      return codeOf(() => (type === undefined ? IlpPacket.decode(bytes) : IlpPacket.decodeAs(type, bytes))) === error
    }
    const packet = packetOf(fn, input)
    return Hex.fromBytes(IlpPacket.encode(packet)) === hex && same(IlpPacket.decode(bytes), packet)
  })
}

export function failingFrames(json: unknown): readonly string[] {
  return failing(json, ({ hex, decoded, error }) => {
    const bytes = Hex.toBytes(hex)
    if (error !== undefined) return codeOf(() => BtpFrame.decode(bytes)) === error
    const frame = BtpFrame.decode(bytes) as BtpFrame.KnownFrame
    return same(frame, frameOf(decoded)) && Hex.fromBytes(BtpFrame.encode(frame)) === hex
  })
}

export function failingHeaders(json: unknown): readonly string[] {
  return failing(json, (vector) => {
    const { value, hint, header, error } = vector as unknown as {
      value: string
      hint?: PayHeader.Hint
      header: Record<string, unknown>
      error?: string
    }
    if (error !== undefined) return codeOf(() => PayHeader.parse(value, hint)) === error
    return same(PayHeader.parse(value, hint), { ...header, amount: BigInt(String(header.amount)) })
  })
}

/** From the header of a response to a PREPARE, its bytes, and back to what was paid. */
export function payOnce(payHeader: string, paymentId: number): Readonly<Record<string, string>> {
  const header = PayHeader.parse(payHeader)
  if (header.form !== 'tutorial') throw new Error(header.form)
  const payAddress = `${header.address}.${paymentId}`
  const fulfillment = Derivation.tutorial(hashes, header.secret)(payAddress)
  const sent = BtpFrame.encode({
    type: 'prepare',
    requestId: 7,
    transferId: TransferId.from(randomBytes(16)),
    amount: header.amount,
    condition: Derivation.condition(hashes, fulfillment),
    expiresAt: systemClock(),
    protocolData: [{ name: 'ilp', contentType: 0, data: IlpPacket.encodePayment(header.amount, payAddress) }],
  })
  const received = BtpFrame.decode(sent) as BtpFrame.PrepareFrame
  const payment = IlpPacket.decodePayment(BtpFrame.entry(received.protocolData, 'ilp')!.data)
  return {
    account: payment.account,
    amount: String(payment.amount),
    condition: Hex.fromBytes(Condition.from(received.condition)),
    fulfillment: Hex.fromBytes(fulfillment),
    terms: PayTerms.format(PayTerms.parse('unit=letter, asset="XRP", scale=9, ledger="g.letter-shop.mytrustline."')),
    endpoint: PayEndpoint.parse('"btp+ws://localhost:9000/"').url,
  }
}

export function digest(keyHex: string, messageHex: string): Readonly<Record<string, string>> {
  const message = Hex.toBytes(messageHex)
  return {
    sha256: Hex.fromBytes(hashes.sha256(message)),
    hmac: Hex.fromBytes(hashes.hmac(Hex.toBytes(keyHex))(message)),
  }
}

function failing(json: unknown, holds: (vector: Vector) => boolean): readonly string[] {
  return (revive(json) as readonly Vector[]).flatMap((vector) => {
    try {
      return holds(vector) ? [] : [vector.name]
    } catch (error) {
      return [`${vector.name}: ${String(error)}`]
    }
  })
}

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'accepted'
  } catch (error) {
    return error instanceof CodecError ? error.code : String(error)
  }
}

function same(a: unknown, b: unknown): boolean {
  return text(a) === text(b)
}

/** JSON with sorted names, bytes as hexadecimal text and integers of any size. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`
    if (part instanceof Uint8Array) return Hex.fromBytes(part)
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
