export { hashes, randomBytes } from './node.js'
export { systemClock } from './system-clock.js'
