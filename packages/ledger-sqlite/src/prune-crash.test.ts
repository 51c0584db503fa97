/** The process is killed while it pays, removes old records and copies the ledger, again and again. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { hashes, systemClock } from '@millstream/hashes'
import { type AccountId, serverAccount } from '@millstream/ledger'
import { expect, it } from 'vitest'
import { openSqlite } from './index.js'
import { temporaryFolder } from './testing/temporary-folder.js'

const rounds = 20

interface Report {
  readonly paid?: number
  readonly removed?: number
  readonly deposit?: readonly [AccountId, string]
}

async function runAndKill(folder: string, round: number, lines: number): Promise<readonly Report[]> {
  const program = join(import.meta.dirname, 'testing', 'prune-child.mjs')
  const child = spawn(process.execPath, [program, folder, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  const said: Report[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('{') && line.endsWith('}')) said.push(JSON.parse(line))
    if (said.length >= lines && !child.killed) child.kill('SIGKILL')
  }
  expect((await exit)[1]).toBe('SIGKILL')
  return said
}

it('keeps every balance and every reference when it is killed while records are removed', async () => {
  const folder = temporaryFolder()
  const deposits: (readonly [AccountId, string])[] = []
  let paid = 0
  let removedFrom = 0
  for (let round = 0; round < rounds; round++) {
    const said = await runAndKill(folder, round, 1 + Math.floor(Math.random() * 80))
    for (const { deposit } of said) if (deposit !== undefined) deposits.push(deposit)
    paid += said.findLast((one) => one.paid !== undefined)?.paid ?? 0

    const { ledger, close } = await openSqlite({ folder, clock: systemClock, hashes })
    const report = await ledger.check()
    expect(report.faults, `round ${round}`).toEqual([])
    const { after } = await ledger.history()
    expect(after).toBeGreaterThanOrEqual(removedFrom)
    removedFrom = after
    // What was durable was told afterwards, so there may be more.
    const received = (await ledger.account(serverAccount))!.posted
    expect(received).toBeGreaterThanOrEqual(BigInt(paid))
    paid = Number(received)
    const again = ledger.apply(
      deposits.map(([account, reference]) => ({ type: 'deposit', account, amount: 3n, reference }) as const),
    )
    const outcomes = await again.outcomes
    expect(outcomes.filter(({ status }) => status !== 'exists')).toEqual([])
    await close()
  }
  expect(removedFrom).toBeGreaterThan(0)
}, 240_000)
