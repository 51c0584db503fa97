export type { Content, ContentReader } from './content.js'
export { ContentChunkError, ContentLengthError, exactly, readerOf } from './content.js'
export type { Endpoint } from './http/response-head.js'
export type { HttpOffer, HttpTerms } from './http/serve-node.js'
export { serveNode } from './http/serve-node.js'
export type { RequestHandler, ShopServerOptions } from './http/shop-server.js'
export { createShopServer } from './http/shop-server.js'
export type { ShopKey } from './keyring.js'
export { ShopKeyError } from './keyring.js'
export type { ShopLimits } from './limits.js'
export { shopLimits } from './limits.js'
export type { Meter } from './meter.js'
export { createMeter } from './meter.js'
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
export type { FolderOptions } from './source/file.js'
export { FileChangedError, file, folder, NotAFileError, NotAFolderError } from './source/file.js'
export { letters } from './source/letters.js'
export type { Found, NotFound, Source, SourceRequest } from './source/source.js'
export type { UpstreamOptions } from './source/upstream.js'
export { UpstreamUrlError, upstream } from './source/upstream.js'
export type { StreamEnding, StreamRecord, StreamStore } from './stream-store.js'
export { createMemoryStreamStore, StreamStoreFullError } from './stream-store.js'
