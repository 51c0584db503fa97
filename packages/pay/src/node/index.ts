export { AccountInUseError } from './account-lock.js'
export { StateCorruptedError, StateNewerError } from './book-file.js'
export { createNodeHttp, type NodeHttpOptions } from './node-http.js'
export { openPayerState, type PayerState, type PayerStateOptions, type StateBook } from './payer-state.js'
