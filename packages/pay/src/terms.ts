/** What a shop asks, as its headers say it: `Pay`, `Pay-Terms` and `Pay-Endpoint`. */
import { CodecError, PayEndpoint, PayHeader, PayTerms } from '@millstream/codec'
import type { Asset } from '@millstream/units'
import type { HttpResponse } from './http.js'
import { PayError } from './pay-error.js'

export interface Terms {
  /** How fulfillments are derived. */
  readonly form: 'tutorial' | 'psk' | 'hkdf'
  /** Base units for one piece. */
  readonly price: bigint
  /** ILP address of the stream; payments go to `<address>.<n>`. */
  readonly address: string
  /** `letter`, `bytes:1024`, `line`, `event`, or `opaque` when the shop does not say. */
  readonly unit: string
  /** How many there are, when the shop says. */
  readonly pieces: number | undefined
  /** Undefined when the headers do not say; the ledger does, once it is asked. */
  readonly asset: Asset | undefined
  /** Ledger prefix. */
  readonly ledger: string | undefined
  readonly paymentMin: bigint | undefined
}

/** The terms and what else a shop tells with them. */
export interface Ask {
  readonly terms: Terms
  /** Of the `Pay` header: whoever has it can make fulfillments. Never printed. */
  readonly secret: Uint8Array
  /** Not checked yet. */
  readonly endpoint: PayEndpoint.PayEndpoint | undefined
}

/**
 * Reads what an answer asks.
 *
 * @returns `undefined` when it asks for nothing: there is no `Pay` header, or no content that it could be for.
 * @throws {HeaderInvalidError} A header is not what it must be.
 * @throws {FormUnsupportedError} A way of paying that is not that of a stream, or not known here.
 * @throws {PaymentFirstError} The shop wants to be paid before it gives anything.
 * @throws {ContentEncodedError} The content is compressed, so nobody can count what arrived.
 */
export function fromResponse(response: HttpResponse, method: string): Ask | undefined {
  const pay = response.header('pay')
  if (pay === undefined || method === 'HEAD') return undefined
  if (response.status === 402) throw new PaymentFirstError()
  if (response.status !== 200 && response.status !== 206) return undefined
  const hasPayBalance = response.header('pay-balance') !== undefined
  const header = parsed('Pay', () => PayHeader.parse(pay, { status: response.status, hasPayBalance }))
  if (header.form !== 'tutorial' && header.form !== 'psk' && header.form !== 'hkdf') {
    throw new FormUnsupportedError(header.form)
  }
  const encoding = response.header('content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') throw new ContentEncodedError(encoding)
  const termsText = response.header('pay-terms')
  const stated = termsText === undefined ? undefined : parsed('Pay-Terms', () => PayTerms.parse(termsText))
  const endpointText = response.header('pay-endpoint')
  return {
    terms: {
      form: header.form,
      price: header.amount,
      address: header.address,
      unit: stated?.unit ?? 'opaque',
      pieces: stated?.pieces,
      asset: stated?.asset,
      ledger: stated?.ledger,
      paymentMin: stated?.paymentMin,
    },
    secret: header.secret,
    endpoint: endpointText === undefined ? undefined : parsed('Pay-Endpoint', () => PayEndpoint.parse(endpointText)),
  }
}

function parsed<T>(header: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof CodecError) throw new HeaderInvalidError(header, error)
    throw error
  }
}

export class HeaderInvalidError extends PayError {
  override readonly name = 'Terms.HeaderInvalidError'
  readonly code = 'PAY_HEADER_INVALID'
  constructor(header: string, cause: CodecError) {
    super({
      message: `The shop's ${header} header cannot be read: ${cause.message}`,
      next: 'tell the shop; nothing was paid',
      cause,
    })
  }
}

export class FormUnsupportedError extends PayError {
  override readonly name = 'Terms.FormUnsupportedError'
  readonly code = 'PAY_FORM_UNSUPPORTED'
  constructor(form: string) {
    super({
      message: `The shop asks to be paid in a way that is not that of a stream (form '${form}' of the Pay header).`,
      next: 'use a client that knows this form; nothing was paid',
    })
  }
}

export class PaymentFirstError extends PayError {
  override readonly name = 'Terms.PaymentFirstError'
  readonly code = 'PAY_FIRST_UNSUPPORTED'
  constructor() {
    super({
      message: 'The shop wants to be paid before it gives anything (status 402); this payer pays for what it gets.',
      next: 'ask the shop for an address that streams; nothing was paid',
    })
  }
}

export class ContentEncodedError extends PayError {
  override readonly name = 'Terms.ContentEncodedError'
  readonly code = 'PAY_CONTENT_ENCODED'
  constructor(encoding: string) {
    super({
      message: `The shop sells pieces of compressed content (${JSON.stringify(encoding.slice(0, 40))}), though it was asked not to compress: what arrives cannot be counted.`,
      next: 'tell the shop; nothing was paid',
    })
  }
}
