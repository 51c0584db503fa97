/** `millstream sandbox` as a process: what it says, what it answers, and how it ends. */
import { createServer } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as Millstream from '../processes/millstream.js'

const address = 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj'

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

async function sandbox(...args: string[]) {
  const child = Millstream.start(['sandbox', '--json', '--port', '0', ...args])
  await child.until(({ stdout }) => stdout.includes('\n'))
  const ready = JSON.parse(child.stdout.split('\n')[0]!) as { http: string; url: string; pid: number; funded: object }
  const ask = async (method: string, params: object = {}) => {
    const response = await fetch(ready.http, { method: 'POST', body: JSON.stringify({ method, params: [params] }) })
    return ((await response.json()) as { result: Record<string, unknown> }).result
  }
  return { child, ready, ask }
}

describe('a sandbox', () => {
  it('has the accounts of the tutorial unless it is told others', async () => {
    const { ready, ask } = await sandbox()
    expect(Object.keys(ready.funded)).toEqual(['rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW', address])
    expect(await ask('account_info', { account: address })).toMatchObject({
      account_data: { Balance: '10000000000' },
      status: 'success',
    })
    const other = await sandbox('--fund', `${address}=12.5`, '--close-every', 'manual')
    expect(other.ready.funded).toEqual({ [address]: '12500000' })
  })

  it('closes ledgers by itself, or only when it is asked to', async () => {
    const fast = await sandbox('--close-every', '20')
    await vi.waitFor(async () => {
      expect(Number((await fast.ask('ledger_closed')).ledger_index)).toBeGreaterThan(4)
    })
    const manual = await sandbox('--close-every', 'manual')
    expect(await manual.ask('ledger_accept')).toMatchObject({ ledger_current_index: 4 })
    expect(await manual.ask('ledger_closed')).toMatchObject({ ledger_index: 3 })
  })

  it('ends well when it is told to', async () => {
    const { child, ready } = await sandbox('--close-every', 'manual')
    process.kill(ready.pid, 'SIGTERM')
    expect(await child.ended).toMatchObject({ code: 0 })
  })

  it('says which port it cannot have', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    const { code, stderr } = await Millstream.run(['sandbox', '--port', String(port)])
    taken.close()
    expect(code).toBe(11)
    expect(stderr).toContain('choose another with --port')
  })

  it('takes no account that is none', async () => {
    const { code, stderr } = await Millstream.run(['sandbox', '--port', '0', '--fund', 'bob=1'])
    expect(code).toBe(2)
    expect(stderr).toContain('ADDRESS=XRP')
    const wrong = await Millstream.run(['sandbox', '--port', '0', '--fund', `${address.slice(0, -1)}k=1`])
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('is no address')
  })
})
