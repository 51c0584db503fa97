export type { StreamEnding, StreamRecord, StreamStore } from './stream-store.js'
export { createMemoryStreamStore, StreamStoreFullError } from './stream-store.js'
