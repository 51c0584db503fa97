/**
 * The base of every error that a Millstream package throws on purpose.
 *
 * `code` is stable and for programs; `message` says to a person what happened, what became of the money and what to
 * do next. Neither ever holds a secret, a token or a fulfillment.
 */
export abstract class MillstreamError extends Error {
  abstract override readonly name: string
  abstract readonly code: string
}
