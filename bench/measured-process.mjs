// Starts a Node program in a process of its own and measures it from the outside.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const preload = fileURLToPath(new URL('./report-usage.mjs', import.meta.url))
let count = 0

/**
 * @param {string[]} args - The script and its arguments.
 * @returns `line(pattern)` waits for a line of stdout or stderr; `usage()` waits for the end and tells what was used;
 *   `stop()` sends SIGTERM and waits for the end.
 */
export function start(args, env = {}) {
  const usageFile = path.join(os.tmpdir(), `bench-usage-${process.pid}-${count++}.json`)
  const child = spawn(process.execPath, ['--import', preload, ...args], {
    env: { ...process.env, ...env, BENCH_USAGE_FILE: usageFile },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = []
  const waiting = []
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      if (lines.length < 10_000) lines.push(line)
      for (const entry of waiting.splice(0)) entry(line) || waiting.push(entry)
    })
  const ended = new Promise((resolve) => child.once('close', (code) => resolve(code)))
  return {
    pid: child.pid,
    lines,
    line(pattern) {
      const found = lines.find((line) => pattern.test(line))
      if (found !== undefined) return Promise.resolve(found)
      return new Promise((resolve, reject) => {
        waiting.push((line) => {
          if (!pattern.test(line)) return false
          resolve(line)
          return true
        })
        ended.then((code) => reject(new Error(`${args[0]} ended with ${code}: ${lines.slice(-5).join('\n')}`)))
      })
    },
    async usage() {
      const code = await ended
      const usage = JSON.parse(fs.readFileSync(usageFile, 'utf8'))
      fs.rmSync(usageFile)
      return { code, ...usage }
    },
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function freeFolder() {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'millstream-bench-'))
}
