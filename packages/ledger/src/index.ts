export * from './account.js'
export * from './command.js'
export * from './store.js'
