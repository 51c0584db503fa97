export { createManualClock, type ManualClock } from './manual-clock.js'
export { decodePayment, encodePayment } from './payment-packet.js'
export { type PairedPlugins, pluginContract } from './plugin-contract.js'
export { createPluginPair, type PluginPair, type PluginPairOptions } from './plugin-pair.js'
