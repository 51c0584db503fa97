/**
 * BTP errors as values: what we refuse with, and what a peer refused us with.
 *
 * The code tables of IL-RFC-23 and of ilp-plugin-payment-channel-framework 1.3.5 disagree from F02 on, so a received
 * error is judged by its name and only by its code where the name says nothing.
 */
import { BtpFrame } from '@millstream/codec'
import { type Instant, MillstreamError } from '@millstream/units'

/** The error classes of IL-RFC-23 draft 2. */
export type ErrorName = BtpFrame.ErrorName

/** A code for each class: `BtpFrame.errorCodes`, or `BtpFrame.errorCodesOf2017` for peers that look at nothing else. */
export type ErrorCodes = Readonly<Record<ErrorName, string>>

export interface Refusal {
  readonly name: ErrorName
  /** For a person at the peer: nothing in it that is not theirs to know. */
  readonly message: string
}

/** A refusal as a peer gave it. `message` is the peer's own words, bounded and without control characters. */
export interface ReceivedRefusal extends Refusal {
  readonly code: string
}

/** Longest text of a peer that is kept. */
export const peerTextMax = 200

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder()

/** Encodes the ERROR frame that answers `requestId`. Its data is JSON, `{"message": …}`, as peers of 2017 expect. */
export function encode(
  requestId: number,
  refusal: Refusal,
  triggeredAt: Instant.Instant,
  codes: ErrorCodes = BtpFrame.errorCodes,
): Uint8Array {
  return BtpFrame.encode({
    type: 'error',
    requestId,
    code: codes[refusal.name],
    name: refusal.name,
    triggeredAt,
    data: textEncoder.encode(JSON.stringify({ message: refusal.message.slice(0, peerTextMax) })),
    protocolData: [],
  })
}

/**
 * Reads a received ERROR: class by name, else by the code of IL-RFC-23, else `UnreachableError` for what may be tried
 * again (T…) and `NotAcceptedError` for the rest.
 */
export function fromFrame(frame: BtpFrame.ErrorFrame): ReceivedRefusal {
  return {
    name: BtpFrame.errorNameOf(frame) ?? (frame.code.startsWith('T') ? 'UnreachableError' : 'NotAcceptedError'),
    code: frame.code,
    message: messageFrom(frame.data),
  }
}

/** Bounds a peer's words and takes the control characters out, so that they can stand in a log or on a terminal. */
export function peerText(text: string): string {
  const bounded = text.slice(0, peerTextMax)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
  return bounded.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, ' ').trim()
}

/** The message in data that is JSON of the form `{"message": …}`, else the data as text; bounded like all peer's words. */
export function messageFrom(data: Uint8Array): string {
  const text = textDecoder.decode(data)
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') {
      return peerText(value.message)
    }
  } catch {
    // Not JSON: taken as the text it is.
  }
  return peerText(text)
}

/** A request that a peer answered with ERROR, for callers who asked with a promise. */
export class RefusedError extends MillstreamError {
  override readonly name = 'Btp.RefusedError'
  readonly code = 'BTP_REFUSED'
  readonly refusal: ReceivedRefusal
  constructor(what: string, refusal: ReceivedRefusal) {
    super(`The peer refused ${what}: ${refusal.code} ${refusal.name}, in its words: "${refusal.message}".`)
    this.refusal = refusal
  }
}
