export { type ExitCode, exitCodes } from './exit-code.js'
export { main } from './main.js'
export type { Output, Terminal } from './terminal.js'
