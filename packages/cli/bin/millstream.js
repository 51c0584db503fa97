#!/usr/bin/env node
// Stands outside of `dist`, so that npm can link to it before anything is built.
import { existsSync } from 'node:fs'

const built = new URL('../dist/bin.js', import.meta.url)
if (existsSync(built)) {
  await import(built.href)
} else {
  process.stderr.write('millstream is not built yet. Run `npm run build` first; nothing was done.\n')
  process.exitCode = 1
}
