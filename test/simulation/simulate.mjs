/** Bundles the simulator and runs it: `npm run simulate -- --seeds 10000`. */
import { pathToFileURL } from 'node:url'
import { bundle } from './bundle.mjs'

process.setSourceMapsEnabled(true)
await import(pathToFileURL(await bundle('command.ts')).href)
