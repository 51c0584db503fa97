import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createTrustlineClient } from '@millstream/btp'
import { webSocketConnector } from '@millstream/btp/node'
import { hashes, randomBytes } from '@millstream/hashes'
import { createMemoryStore, type LedgerLimits, type Store } from '@millstream/ledger'
import { openSqlite } from '@millstream/ledger-sqlite'
import { createManualClock, type PairedPlugins, pluginContract } from '@millstream/plugin/testing'
import type { Instant } from '@millstream/units'
import { createTrustlineHost } from './host.js'
import { listenTrustline } from './listen.js'
import { openCutProxy } from './testing/cut-proxy.js'

const each = 1_000_000n
const strangers = { policy: 'credit', each, total: each } as const

/** Host and client in one process, over a WebSocket on loopback that can be cut. */
async function openOverLoopback(credentials: string, openStore: OpenStore = inMemory): Promise<PairedPlugins> {
  const { now: clock, advance } = createManualClock()
  const { store, closeStore } = await openStore(clock, { strangersCreditMax: each })
  const host = createTrustlineHost({
    store,
    prefix: 'g.letter-shop.mytrustline.',
    asset: { code: 'XRP', scale: 9 },
    strangers,
    clock,
    hashes,
    randomBytes,
  })
  const listener = await listenTrustline(host, { port: 0, host: '127.0.0.1' })
  const proxy = await openCutProxy(listener.port)
  const client = createTrustlineClient({
    uri: `btp+ws://${credentials}@127.0.0.1:${proxy.port}/`,
    connect: webSocketConnector(),
    clock,
    hashes,
    randomBytes,
    limits: { reconnectMs: 1 },
  })
  await client.connect()
  return {
    payer: client,
    payee: host,
    hashes,
    clock,
    spendable: each,
    advance(ms) {
      advance(ms)
      host.sweep()
    },
    ...(credentials === ':' ? {} : { cut: () => proxy.cut() }),
    async close() {
      // What a test leaves without an outcome is not waited for.
      proxy.cut()
      await host.close()
      await Promise.all([listener.close(), proxy.close(), client.close()])
      await closeStore()
    },
  }
}

type OpenStore = (
  clock: Instant.Clock,
  limits: Partial<LedgerLimits>,
) => Promise<{ readonly store: Store; closeStore(): Promise<void> }>

const inMemory: OpenStore = async (clock, limits) => {
  const store = createMemoryStore({ clock, hashes, limits })
  return { store, closeStore: () => store.close() }
}

const inSqlite: OpenStore = async (clock, limits) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millstream-trustline-'))
  const { ledger, close } = await openSqlite({ folder, clock, hashes, limits })
  return {
    store: ledger,
    async closeStore() {
      await close()
      fs.rmSync(folder, { recursive: true })
    },
  }
}

pluginContract('client and host over a WebSocket', () => openOverLoopback('alice:a%20token%20of%20sixteen%20bytes'))
// An account without credentials ends with its connection, so nothing goes on after a cut.
pluginContract('client without credentials and host over a WebSocket', () => openOverLoopback(':'), { cut: false })
pluginContract('client and host over a WebSocket, with the ledger in SQLite', () =>
  openOverLoopback('alice:a%20token%20of%20sixteen%20bytes', inSqlite),
)
