/** The process is killed while it pays, again and again, over one and the same ledger. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { hashes, systemClock } from '@millstream/hashes'
import { expect, it } from 'vitest'
import { openSqlite } from './index.js'
import { temporaryFolder } from './testing/temporary-folder.js'

const rounds = 30
const accountCount = 5

interface Report {
  /** Transfers prepared so far. */
  readonly n: number
  readonly fulfilled: readonly number[]
  readonly rejected: readonly number[]
}

/** Everything that one child said was durable. */
async function runAndKill(folder: string, round: number, reports: number): Promise<readonly Report[]> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'testing', 'crash-child.mjs'), folder, String(round), String(accountCount)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const exit = once(child, 'exit')
  const said: Report[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{') && line.endsWith('}')) said.push(JSON.parse(line))
    if (said.length >= reports && !child.killed) child.kill('SIGKILL')
  }
  expect((await exit)[1]).toBe('SIGKILL')
  return said
}

it('keeps everything that was durable when it is killed at any moment', async () => {
  const folder = temporaryFolder()
  let transfersBefore = 0
  for (let round = 0; round < rounds; round++) {
    const said = await runAndKill(folder, round, Math.floor(Math.random() * 60))
    const { ledger, streams, close } = await openSqlite({ folder, clock: systemClock, hashes })

    const report = await ledger.check()
    expect(report.faults, `round ${round}`).toEqual([])

    const states = new Map<string, string>()
    const deposits = new Set<string>()
    for await (const record of ledger.transfers()) {
      if (record.kind === 'deposit') deposits.add(record.reference!)
      if (record.kind !== 'transfer') continue
      expect(states.has(record.destination!), record.destination).toBe(false)
      states.set(record.destination!, record.state)
    }
    const stateOf = (number: number) => states.get(`test.ledger.server.${round}.${number}`)
    const fulfilled = new Set(said.flatMap((one) => one.fulfilled))
    const rejected = new Set(said.flatMap((one) => one.rejected))
    for (const number of fulfilled) expect(stateOf(number), `${round} ${number}`).toBe('fulfilled')
    // What was held and rejected within one write has left no record; it must not have been paid.
    for (const number of rejected) expect(stateOf(number) ?? 'rejected', `${round} ${number}`).toBe('rejected')
    for (let number = 0; number < (said.at(-1)?.n ?? 0); number++) {
      if (rejected.has(number)) continue
      // Multiples of seven are rejected by those who come back to them, all others are fulfilled.
      const may = number % 7 === 0 ? ['held', 'rejected', undefined] : ['held', 'fulfilled']
      expect(may, `${round} ${number}`).toContain(stateOf(number))
    }
    for (const { n } of said) expect(deposits.has(`${round} ${n}`), `deposit ${round} ${n}`).toBe(true)

    const stream = await streams.get(`stream${round}`.padEnd(22, 'A'))
    expect(stream?.cursor ?? 0).toBeGreaterThanOrEqual(said.at(-1)?.n ?? 0)
    expect(states.size).toBeGreaterThanOrEqual(transfersBefore)
    transfersBefore = states.size
    await close()
  }
  expect(transfersBefore).toBeGreaterThan(rounds)
}, 240_000)
