export { streamStoreContract } from './stream-store-contract.js'
