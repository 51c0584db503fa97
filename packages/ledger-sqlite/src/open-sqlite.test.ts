import { hashes, systemClock } from '@millstream/hashes'
import { type OpenedStore, storeContract } from '@millstream/ledger/testing'
import { streamStoreContract } from '@millstream/shop/testing'
import { openSqlite, type SqliteOptions } from './index.js'
import { makeFolder, removeFolder } from './testing/temporary-folder.js'

storeContract(
  'in SQLite',
  async (options) => {
    const folder = makeFolder()
    const open = async (options: Omit<SqliteOptions, 'folder'>): Promise<OpenedStore> => {
      const opened = await openSqlite({ ...options, folder })
      return {
        store: opened.ledger,
        reopen: async (limits) => {
          await opened.close()
          return open({ ...options, limits })
        },
        close: async () => {
          await opened.close()
          removeFolder(folder)
        },
      }
    }
    return open(options)
  },
  { runs: 60 },
)

type OpenedStreamStore = Awaited<ReturnType<Parameters<typeof streamStoreContract>[1]>>

streamStoreContract(
  'in SQLite',
  async () => {
    const folder = makeFolder()
    const open = async (): Promise<OpenedStreamStore> => {
      const opened = await openSqlite({ folder, clock: systemClock, hashes })
      return {
        streams: opened.streams,
        reopen: async () => {
          await opened.close()
          return open()
        },
        close: async () => {
          await opened.close()
          removeFolder(folder)
        },
      }
    }
    return open()
  },
  { survives: true },
)
