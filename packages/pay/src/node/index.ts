export { openPayerState, type PayerState, type PayerStateOptions, type StateBook } from './payer-state.js'
