/** Processes that share one account are killed while they pay, at any moment. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { hashes } from '@millstream/hashes'
import { expect, it } from 'vitest'
import { openPostgres } from './index.js'
import { usePostgres } from './testing/index.js'

const postgres = await usePostgres()
const rounds = 6
const creditLimit = 6_000n

interface Report {
  readonly prepared?: readonly number[]
  readonly fulfilled?: readonly number[]
  readonly rejected?: readonly number[]
  readonly strange?: readonly string[]
}

/** Everything that one process said before it was killed. */
async function runAndKill(url: string, host: string, run: string, reports: number): Promise<readonly Report[]> {
  const program = join(import.meta.dirname, 'testing', 'host-child.mjs')
  const child = spawn(process.execPath, [program, url, host, run, String(creditLimit), '20'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exit = once(child, 'exit')
  const said: Report[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{') && line.endsWith('}')) said.push(JSON.parse(line))
    if (said.length >= reports && !child.killed) child.kill('SIGKILL')
  }
  expect((await exit)[1]).toBe('SIGKILL')
  return said
}

postgres.describe('processes that are killed', () => {
  it('lose nothing that they were told, do nothing twice, and keep within one limit together', async () => {
    const url = await postgres.server.createDatabase()
    const said = new Map<string, readonly Report[]>()
    for (let round = 0; round < rounds; round++) {
      const runs = ['one', 'two'].map(async (host) => {
        const run = `${host}-${round}`
        said.set(run, await runAndKill(url, host, run, 1 + Math.floor(Math.random() * 40)))
      })
      await Promise.all(runs)
      const { ledger, close } = await openPostgres({ url, host: 'auditor', hashes })
      expect((await ledger.check()).faults, `round ${round}`).toEqual([])
      const shared = (await ledger.find('shared'))!
      expect(shared.heldOut - shared.posted).toBeLessThanOrEqual(creditLimit)
      await close()
    }

    const { ledger, close } = await openPostgres({ url, host: 'auditor', hashes })
    const states = new Map<string, string>()
    for await (const { destination, state } of ledger.transfers()) {
      expect(states.has(destination!), destination).toBe(false)
      states.set(destination!, state)
    }
    for (const [run, reports] of said) {
      const stateOf = (number: number) => states.get(`test.server.${run}.${number}`)
      for (const { prepared = [], fulfilled = [], rejected = [], strange = [] } of reports) {
        expect(strange).toEqual([])
        for (const number of fulfilled) expect(stateOf(number), `${run} ${number}`).toBe('fulfilled')
        for (const number of rejected) expect(stateOf(number), `${run} ${number}`).toBe('rejected')
        for (const number of prepared) {
          const may = number % 5 === 0 ? ['held', 'rejected'] : ['held', 'fulfilled']
          expect(may, `${run} ${number}`).toContain(stateOf(number))
        }
      }
    }
    // The holds of each host wait for it.
    const held = [...states.values()].filter((state) => state === 'held').length
    let found = 0
    for (const host of ['one', 'two']) {
      const again = await openPostgres({ url, host, hashes })
      found += (await again.ledger.holds()).length
      await again.close()
    }
    expect(found).toBe(held)
    expect(states.size).toBeGreaterThan(100)
    await close()
  }, 120_000)
})
