import { createMemoryStreamStore } from './stream-store.js'
import { streamStoreContract } from './testing/index.js'

streamStoreContract('in memory', async () => ({ streams: createMemoryStreamStore() }), { survives: false })
