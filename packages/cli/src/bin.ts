#!/usr/bin/env node
import { main } from './main.js'

// A program that started this one with a channel and has gone without a word leaves nobody to end it.
if (process.connected) process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))

const { stdout, stderr, env } = process
// Whoever read what is printed may go at any time; a command that must know of it listens as well.
for (const stream of [stdout, stderr]) stream.on('error', () => {})
const exit = await main(process.argv.slice(2), { stdout, stderr, env })
// What was written to a pipe may still be on its way; a reader that has gone does not take it, and that is all right.
await Promise.all([flushed(stdout), flushed(stderr)])
process.exit(exit)

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) return resolve()
    stream.once('error', () => resolve())
    stream.write('', () => resolve())
  })
}
