/**
 * Why the shop does not take a payment: ILP errors of 2017 (RFC 3) with words for the payer.
 *
 * The first that applies is given, in this order:
 *
 * | reason                | code | when                                                                           |
 * | --------------------- | ---- | ------------------------------------------------------------------------------ |
 * | `not_here`            | F02  | the destination is not below the shop's account                                |
 * | `unknown_stream`      | F06  | no stream has this user id, or none any more                                   |
 * | `served_elsewhere`    | F06  | another shop of the fleet has the stream open, or had it open when it died      |
 * | `not_looked_for`      | T05  | whether another shop of the fleet has such a stream cannot be found out now     |
 * | `number_malformed`    | F00  | the last segment is no payment number                                          |
 * | `foreign_stream`      | F06  | another account owns the stream                                                |
 * | `reader_left`         | F06  | the reader went away                                                           |
 * | `stream_closed`       | F06  | the shop closed the stream, because nobody paid or because it stops itself     |
 * | `content_ended`       | F99  | everything is paid and delivered; F06 ten minutes later                        |
 * | `source_failed`       | T00  | the content, or the record of the stream, failed                               |
 * | `amounts_differ`      | F04  | less arrived than the packet says; F03 when it is more                         |
 * | `too_little`          | F04  | less than the price of a piece                                                 |
 * | `not_a_multiple`      | F03  | not a whole number of prices                                                   |
 * | `too_many_pieces`     | F03  | several prices, but a connector may have changed the amount, or fewer pieces   |
 * |                       |      | are known to remain, or more than may be bought or held in memory at once      |
 * | `expired`             | R00  | the transfer is dead                                                           |
 * | `expires_too_soon`    | R02  | what is left of its time is less than the rail's margin                        |
 * | `number_used`         | F00  | a payment with this number was posted; of an ended stream this comes first     |
 * | `number_in_use`       | F00  | a payment with this number is held                                             |
 * | `number_beyond_window`| T05  | too far ahead of lower numbers                                                 |
 * | `wrong_condition`     | F05  | the condition does not belong to the destination                               |
 */
import type { Rejection } from '@millstream/plugin'

export type RefusalReason =
  | 'not_here'
  | 'unknown_stream'
  | 'served_elsewhere'
  | 'not_looked_for'
  | 'foreign_stream'
  | 'number_malformed'
  | 'reader_left'
  | 'stream_closed'
  | 'content_ended'
  | 'source_failed'
  | 'amounts_differ'
  | 'too_little'
  | 'not_a_multiple'
  | 'too_many_pieces'
  | 'expired'
  | 'expires_too_soon'
  | 'number_used'
  | 'number_in_use'
  | 'number_beyond_window'
  | 'wrong_condition'

export interface Refusal extends Rejection {
  readonly reason: RefusalReason
}

export const notHere = refusal('not_here', 'F02', 'This address is not of this shop.')
export const unknownStream = refusal('unknown_stream', 'F06', 'There is no such stream: ask for the content again.')
export const servedElsewhere = refusal(
  'served_elsewhere',
  'F06',
  'This stream is not served here: ask for the content again, and pay where the answer says.',
)
export const notLookedFor = refusal(
  'not_looked_for',
  'T05',
  'Whether there is such a stream cannot be found out at this moment: try again.',
)
export const foreignStream = refusal('foreign_stream', 'F06', 'Another account pays for this stream.')
export const numberMalformed = refusal(
  'number_malformed',
  'F00',
  'The last segment of the address is a payment number: 1, 2, 3 and so on.',
)
export const readerLeft = refusal('reader_left', 'F06', 'The reader of this stream has left.')
export const streamClosed = refusal(
  'stream_closed',
  'F06',
  'The shop has closed this stream: ask for the content again.',
)
export const contentEnded = refusal('content_ended', 'F99', 'content ended')
export const sourceFailed = refusal('source_failed', 'T00', 'The content of this stream failed.')
export const lessThanPacket = refusal('amounts_differ', 'F04', 'Less arrived than the packet says.')
export const moreThanPacket = refusal('amounts_differ', 'F03', 'More arrived than the packet says.')
export const connectorsBetween = refusal(
  'too_many_pieces',
  'F03',
  'Pay the price of one piece: this ledger may lie behind a connector.',
)
export const piecesNotKnown = refusal(
  'too_many_pieces',
  'F03',
  'Pay the price of one piece: fewer than that many are known to remain.',
)
export const piecesTooMany = refusal(
  'too_many_pieces',
  'F03',
  'That is more pieces than can be bought at once: pay for fewer.',
)
export const expired = refusal('expired', 'R00', 'The transfer has expired.')
export const expiresTooSoon = refusal(
  'expires_too_soon',
  'R02',
  'The transfer expires too soon to be posted for certain.',
)
export const numberUsed = refusal('number_used', 'F00', 'number was used')
export const numberInUse = refusal('number_in_use', 'F00', 'number in use')
export const numberBeyondWindow = refusal(
  'number_beyond_window',
  'T05',
  'The payment number is too far ahead: wait for lower ones.',
)
export const wrongCondition = refusal('wrong_condition', 'F05', 'The condition does not belong to this address.')

export function tooLittle(price: bigint): Refusal {
  return refusal('too_little', 'F04', `The price of a piece is ${price}.`)
}

export function notAMultiple(price: bigint): Refusal {
  return refusal('not_a_multiple', 'F03', `The price of a piece is ${price}: pay that, or a multiple.`)
}

function refusal(reason: RefusalReason, code: string, message: string): Refusal {
  return { reason, code, message }
}
