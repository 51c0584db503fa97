import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashes, systemClock } from '@millstream/hashes'
import { type OpenedStore, storeContract } from '@millstream/ledger/testing'
import { type OpenedStreamStore, streamStoreContract } from '@millstream/shop/testing'
import { openSqlite, type SqliteOptions } from './index.js'

/** In memory where there is such a folder: what survives a crash of the machine is not what these tests are about. */
function temporaryFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'millstream-ledger-'))
}

storeContract(
  'in SQLite',
  async (options) => {
    const folder = temporaryFolder()
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
          rmSync(folder, { recursive: true, force: true })
        },
      }
    }
    return open(options)
  },
  { runs: 40 },
)

streamStoreContract('in SQLite', async () => {
  const folder = temporaryFolder()
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
        rmSync(folder, { recursive: true, force: true })
      },
    }
  }
  return open()
})
