export type { Content, ContentReader } from './content.js'
export { ContentChunkError, ContentLengthError, exactly, readerOf } from './content.js'
export type { ShopKey } from './keyring.js'
export { ShopKeyError } from './keyring.js'
export type { ShopLimits } from './limits.js'
export { shopLimits } from './limits.js'
export { numbersWindow } from './numbers.js'
export type { Body, Offer, OpenedStream, PaidStream, StreamTotals } from './offer.js'
export type { CountedUnit, CutFunction, Piece } from './piece.js'
export {
  countPieces,
  longPieceBytes,
  PieceLengthError,
  PieceTooLongError,
  parseUnit,
  pieceBytesMax,
  UnitError,
} from './piece.js'
export type { Refusal, RefusalReason } from './refusal.js'
export type { Shop, ShopOptions } from './shop.js'
export { createShop, PriceError, ShopClosedError, TooManyStreamsError } from './shop.js'
export type { ShopEvent, ShopObserver, StreamEnd } from './shop-event.js'
export type { StreamEnding, StreamRecord, StreamStore } from './stream-store.js'
export { createMemoryStreamStore, StreamStoreFullError } from './stream-store.js'
