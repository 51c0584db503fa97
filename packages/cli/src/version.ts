import { createRequire } from 'node:module'

/** From the manifest of this package, so that it is written in one place. */
export const version: string = createRequire(import.meta.url)('../package.json').version
