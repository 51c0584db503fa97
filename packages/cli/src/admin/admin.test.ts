import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BackupPart } from '@millstream/ledger-sqlite'
import { Instant } from '@millstream/units'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'
import type { AccountRow, Operator } from '../operator.js'
import * as AdminClient from './client.js'
import * as AdminServer from './server.js'
import * as SocketPath from './socket-path.js'

const alice: AccountRow = {
  id: 'alice',
  kind: 'named',
  balance: '18446744073709551615',
  held: '0',
  incoming: '0',
  limit: '5',
  openedAt: '2026-01-01T00:00:00.000Z',
}

const history = { after: 0 }

function operatorThat(does: Partial<Operator>): Operator {
  const missing = () => {
    throw new Error('not expected')
  }
  const asked = { describe: missing, accounts: missing, transfers: missing, balances: missing, check: missing }
  const done = { limit: missing, fund: missing, withdraw: missing, prune: missing, backup: missing }
  return { ...asked, ...done, ...does }
}

let folder: string
const toClose: Array<() => Promise<void>> = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millstream-test-'))
})

afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close()
  await rm(folder, { recursive: true, force: true })
})

async function listen(operator: Operator, at = folder): Promise<void> {
  const server = await AdminServer.listen(at, operator)
  toClose.push(() => server.close())
}

async function open(at = folder): Promise<AdminClient.RemoteOperator> {
  const client = await AdminClient.open(at)
  if (client === undefined) throw new Error('nobody answers')
  toClose.push(() => client.close())
  return client
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const row of rows) list.push(row)
  return list
}

describe.skipIf(process.platform === 'win32')('the operator’s door', () => {
  it('is not there when nobody holds the folder', async () => {
    expect(await AdminClient.open(folder)).toBeUndefined()
  })

  it('carries what is asked and what is answered', async () => {
    const asked: unknown[] = []
    await listen(
      operatorThat({
        describe: async () => ({ prefix: 'g.shop.', asset: { code: 'XRP', scale: 9 }, pid: 7, history }),
        limit: async (...words) => {
          asked.push(words)
          return alice
        },
        fund: async (...words) => {
          asked.push(words)
          return { status: 'exists', reference: words[2], account: alice }
        },
      }),
    )
    const client = await open()
    expect(await client.describe()).toEqual({ prefix: 'g.shop.', asset: { code: 'XRP', scale: 9 }, pid: 7, history })
    expect(await client.limit('alice', 2n ** 64n - 1n)).toEqual(alice)
    expect(await client.fund('alice', 3n, 'invoice “1”')).toMatchObject({ status: 'exists', reference: 'invoice “1”' })
    expect(asked).toEqual([
      ['alice', 2n ** 64n - 1n],
      ['alice', 3n, 'invoice “1”'],
    ])
  })

  it('carries long lists, and only as much as is read', async () => {
    let given = 0
    const accounts = async function* () {
      for (; given < 1_000_000; given++) yield { ...alice, id: `a${given}` }
    }
    const transfers = async function* () {}
    await listen(operatorThat({ accounts, transfers }))
    const client = await open()
    const seen: string[] = []
    for await (const row of client.accounts()) {
      seen.push(row.id)
      if (seen.length === 5_000) break
    }
    expect(seen.at(-1)).toBe('a4999')
    expect(given).toBeLessThan(100_000)
    expect(await all(client.transfers({ limit: 10 }))).toEqual([])
  })

  it.each(['/v1/transfers', '/v1/backup'])('ends a list whose reader leaves before its first row: %s', async (path) => {
    let isOpen = false
    let begun = () => {}
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve
    })
    let reach = () => {}
    const isReached = new Promise<void>((resolve) => {
      reach = resolve
    })
    let end = () => {}
    const hasEnded = new Promise<void>((resolve) => {
      end = resolve
    })
    const rows = async function* () {
      isOpen = true
      try {
        begun()
        await isReached
        for (let i = 0; i < 3; i++) yield [] as never
      } finally {
        isOpen = false
        end()
      }
    }
    await listen(operatorThat({ transfers: rows, backup: rows }))
    const socketPath = (await SocketPath.resolve(folder)).path
    const asking = request({ socketPath, path })
    asking.on('error', () => {})
    asking.end()
    await hasBegun
    const isGone = new Promise((resolve) => {
      asking.once('close', resolve)
    })
    asking.destroy()
    await isGone
    // The server sees the end of the connection in a turn of its own.
    const client = await open()
    await client.describe().catch(() => {})
    reach()
    await hasEnded
    expect(isOpen).toBe(false)
  })

  it('carries what is asked of the history', async () => {
    const asked: unknown[] = []
    const rows = async function* (query: unknown) {
      asked.push(query)
      yield* []
    }
    const pruned = { dryRun: true, records: 3, boundBy: 'time', history: { after: 3, at: '2026-01-01T00:00:00.000Z' } }
    await listen(
      operatorThat({
        transfers: rows,
        balances: rows,
        prune: async (...words) => {
          asked.push(words)
          return pruned
        },
      }),
    )
    const client = await open()
    const [from, to] = [Instant.from(1), Instant.from(1_767_225_600_123)]
    await all(client.transfers({ from, to, account: 'a~b', oldestFirst: true }))
    await all(client.balances(to))
    expect(await client.prune(to, true)).toEqual(pruned)
    expect(asked).toEqual([{ from, to, account: 'a~b', oldestFirst: true }, to, [to, true]])
  })

  it('carries a backup, whole or not at all', async () => {
    const parts: BackupPart[] = Array.from({ length: 40 }, (_, i) => ({
      type: 'bytes',
      at: i * 2 ** 40,
      bytes: new Uint8Array(i * 7_001).fill(i),
    }))
    let isCut = false
    const backup = async function* () {
      yield parts.slice(0, 30)
      yield parts.slice(30)
      if (isCut) throw new Error('the disk is gone')
      yield [{ type: 'end', size: 2 ** 50, at: Instant.from(1_767_225_600_123) } as const]
    }
    await listen(operatorThat({ backup }))
    const client = await open()
    const found = (await all(client.backup())).flat()
    expect(found.length).toBe(41)
    for (const [i, part] of parts.entries()) {
      const { type, at, bytes } = found[i] as typeof part & { readonly type: 'bytes' }
      expect([type, at, bytes.length, bytes.every((byte) => byte === i)]).toEqual([
        'bytes',
        i * 2 ** 40,
        i * 7_001,
        true,
      ])
    }
    expect(found[40]).toEqual({ type: 'end', size: 2 ** 50, at: 1_767_225_600_123 })
    isCut = true
    await expect(all(client.backup())).rejects.toMatchObject({ code: 'ADMIN_BROKEN_OFF' })
  })

  it('lets go of a backup whose reader has gone', async () => {
    let ended = () => {}
    const isOver = new Promise<void>((resolve) => {
      ended = resolve
    })
    const backup = async function* () {
      try {
        for (;;) yield [{ type: 'bytes', at: 0, bytes: new Uint8Array(100_000) } as const]
      } finally {
        ended()
      }
    }
    await listen(operatorThat({ backup }))
    for await (const _ of (await open()).backup()) break
    await expect(isOver).resolves.toBeUndefined()
  })

  it('does not take a list that was cut off for a whole one', async () => {
    const accounts = async function* () {
      yield alice
      await new Promise((resolve) => setImmediate(resolve))
      throw new Error('the disk is gone')
    }
    await listen(operatorThat({ accounts }))
    await expect(all((await open()).accounts())).rejects.toMatchObject({ code: 'ADMIN_BROKEN_OFF' })
  })

  it('carries refusals with their words and exit codes', async () => {
    const refusal = new Failure({
      code: 'NO',
      exit: exitCodes.refused,
      message: 'No.',
      fields: [['a', 'b']],
      next: 'ask',
    })
    const limit = async () => {
      throw refusal
    }
    await listen(operatorThat({ limit }))
    const error = await (await open()).limit('alice', 1n).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'NO', exit: 12, message: 'No.', fields: [['a', 'b']], next: 'ask' })
  })

  it.each([
    ['GET', '/', ''],
    ['POST', '/v1/fund', ''],
    ['POST', '/v1/fund', '[]'],
    ['POST', '/v1/fund', '{"account":"alice","amount":1,"reference":"r"}'],
    ['POST', '/v1/fund', '{"account":"alice","amount":"-1","reference":"r"}'],
    ['POST', '/v1/fund', '{"account":"alice","amount":"1","reference":""}'],
    ['POST', '/v1/fund', '{"account":"a.b","amount":"1","reference":"r"}'],
    ['POST', '/v1/limit', `{"account":"${'x'.repeat(20_000)}"}`],
    ['GET', '/v1/transfers?limit=0', ''],
    ['GET', '/v1/transfers?limit=none&from=yesterday', ''],
    ['GET', '/v1/transfers?limit=none&to=2026-02-30', ''],
    ['GET', '/v1/balances', ''],
    ['GET', '/v1/balances?at=1e9', ''],
    ['POST', '/v1/prune', '{"before":"2026-01-01"}'],
    ['POST', '/v1/prune', '{"before":5,"dryRun":true}'],
    ['POST', '/v1/prune', '{"before":"now","dryRun":false}'],
    ['GET', '/v1/transfers?limit=5&account=%00', ''],
  ])('answers %s %s %.50s with 400 and does nothing', async (method, path, body) => {
    await listen(operatorThat({}))
    const status = await new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: join(folder, 'admin.sock'), method, path, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      outgoing.on('error', reject).end(body)
    })
    expect(status).toBe(400)
  })

  it('opens to the owner only', async () => {
    await listen(operatorThat({}))
    expect((await stat(join(folder, 'admin.sock'))).mode & 0o777).toBe(0o600)
  })

  it('lets one process in: a second shop on the folder is refused', async () => {
    await listen(operatorThat({}))
    await expect(AdminServer.listen(folder, operatorThat({}))).rejects.toMatchObject({ code: 'FOLDER_IN_USE', exit: 9 })
    expect(await AdminClient.open(folder)).toBeDefined()
  })

  it('replaces the socket of a process that died', async () => {
    const program = `require('net').createServer().listen('admin.sock', () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', program], { cwd: folder })
    expect(await readdir(folder)).toEqual(['admin.sock'])
    expect(await AdminClient.open(folder)).toBeUndefined()
    await listen(
      operatorThat({ describe: async () => ({ prefix: 'g.', asset: { code: 'X', scale: 0 }, pid: 1, history }) }),
    )
    expect((await (await open()).describe()).prefix).toBe('g.')
  })

  it('leaves nothing behind', async () => {
    const server = await AdminServer.listen(folder, operatorThat({}))
    await server.close()
    expect(await readdir(folder)).toEqual([])
  })

  it('works in a folder whose path is longer than a socket’s may be', async () => {
    const deep = join(folder, 'x'.repeat(90), 'y'.repeat(90))
    await mkdir(deep, { recursive: true })
    await listen(
      operatorThat({ describe: async () => ({ prefix: 'g.', asset: { code: 'X', scale: 0 }, pid: 1, history }) }),
      deep,
    )
    expect((await (await open(deep)).describe()).prefix).toBe('g.')
    expect(await readdir(deep)).toEqual(['admin.sock'])
  })

  it('says that the outcome is not known when the shop dies while it is asked', async () => {
    const server = createServer((incoming) => incoming.socket.destroy())
    await new Promise<void>((resolve) => server.listen(join(folder, 'admin.sock'), resolve))
    toClose.push(async () => void server.close())
    const client = await open()
    await expect(client.fund('alice', 1n, 'r')).rejects.toMatchObject({ code: 'ADMIN_BROKEN_OFF', exit: 9 })
  })
})
