import { MillstreamError } from '@millstream/units'

/**
 * The base of every error that the codec throws: bytes, text or values that do not have the form they must have.
 *
 * What a peer sent is never quoted in a message: it may hold a secret or a token.
 */
export abstract class CodecError extends MillstreamError {}
