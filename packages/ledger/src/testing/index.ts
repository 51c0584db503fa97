export { type OpenedStore, type OpenStore, play, ScenarioError, type StoreOptions } from './scenario.js'
export { type Scenario, scenarios } from './scenarios.js'
export { type StoreContractOptions, storeContract } from './store-contract.js'
export { type TestTransfer, testContentHash, testEpoch, testHashes, testTransfer } from './test-hashes.js'
