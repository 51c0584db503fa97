export { createManualTime, type ManualTime } from './manual-time.js'
export { createMemoryNetwork, type MemoryNetwork } from './memory-network.js'
