/** The books of a shop, and its key: in memory, in its data folder, or in a database that it shares with other shops. */
import { join } from 'node:path'
import { hashes, randomBytes, systemClock } from '@millstream/hashes'
import { createMemoryStore, type Store } from '@millstream/ledger'
import { type OpenedSqlite, openSqlite } from '@millstream/ledger-sqlite'
import { createMemoryStreamStore, type StreamStore } from '@millstream/shop'
import { type Strangers, strangersTotal } from '@millstream/trustline'
import type { Asset, Instant } from '@millstream/units'
import * as DataFolder from './data-folder.js'
import * as Database from './database.js'
import * as FreeFolder from './free-folder.js'
import * as KeyFile from './key-file.js'
import * as Logs from './logs.js'
import { isDatabase, type StoreChoice } from './store-choice.js'

export interface ShopStoreOptions {
  readonly data: string
  readonly store: StoreChoice
  readonly keyFile?: string
  /** Names this shop among those of a fleet. */
  readonly node?: string
  readonly prefix: string
  readonly asset: Asset
  readonly strangers: Strangers
}

export interface ShopStore {
  readonly store: Store
  readonly streams: StreamStore
  readonly key: Uint8Array
  /** The ledger's time. */
  readonly clock: Instant.Clock
  readonly backup?: OpenedSqlite['backup']
  /** Operators reach it through this shop, and not by themselves. */
  readonly isOwn: boolean
}

/**
 * @param closing - Gets what is to be done at the end.
 * @param onFailure - Told of a store that fails while nobody asks it for anything.
 */
export async function open(
  options: ShopStoreOptions,
  logger: Logs.Logger,
  closing: { push(close: () => unknown): unknown },
  onFailure: (cause: unknown) => void,
): Promise<ShopStore> {
  const { data: folder, prefix, asset, strangers, store: choice, node } = options
  const limits = { strangersCreditMax: strangersTotal(strangers) }
  const observer = Logs.observer(logger)
  if (isDatabase(choice)) {
    const named = node === undefined ? {} : { host: node }
    const opened = await Database.open(choice, { ...named, limits, observer, onFailure, migrate: true })
    closing.push(opened.close)
    await Database.pinFacts(opened, { prefix, asset })
    const path = options.keyFile ?? join(folder, DataFolder.keyFile)
    const key = await Database.sharedKey(opened, path, (file) => logger.info({ file }, 'cli.key_made'))
    const { ledger: store, streams, clock } = opened
    return { store, streams, clock, key, isOwn: false }
  }
  const { open: isOpen } = await DataFolder.ensure(folder)
  if (isOpen) logger.warn({ folder }, 'cli.data_folder_open_to_others')
  if (choice === 'memory') {
    const store = createMemoryStore({ clock: systemClock, hashes, randomBytes, limits, observer })
    closing.push(() => store.close())
    // A ledger that forgets makes streams that nobody can come back to: so does a key that nobody keeps.
    const key = await keyOf(options.keyFile, async () => randomBytes(32))
    return { store, streams: createMemoryStreamStore(), clock: systemClock, key, isOwn: true }
  }
  const { ledger, streams, backup, close } = await FreeFolder.whenFree(
    folder,
    () => openSqlite({ folder, clock: systemClock, hashes, randomBytes, limits, observer }),
    () => logger.info({ folder }, 'cli.data_folder_held'),
  )
  closing.push(close)
  await DataFolder.pinFacts(folder, { prefix, asset })
  const key = await keyOf(options.keyFile, () => DataFolder.shopKey(folder, randomBytes))
  return { store: ledger, streams, backup, clock: systemClock, key, isOwn: true }
}

async function keyOf(path: string | undefined, otherwise: () => Promise<Uint8Array>): Promise<Uint8Array> {
  if (path === undefined) return otherwise()
  return (await KeyFile.read(path)) ?? KeyFile.create(path, randomBytes)
}
