import { hashes } from '@millstream/hashes'
import { type OpenedStore, storeContract } from '@millstream/ledger/testing'
import { streamStoreContract } from '@millstream/shop/testing'
import { openPostgres, type PostgresOptions } from './index.js'
import { usePostgres } from './testing/index.js'

const postgres = await usePostgres()
let schemas = 0

postgres.describe('the contracts', async () => {
  const url = await postgres.server.createDatabase()
  const newSchema = () => {
    schemas += 1
    return `test_${schemas}`
  }

  storeContract(
    'in PostgreSQL',
    async ({ clock, ...options }) => {
      const schema = newSchema()
      const open = async (options: Omit<PostgresOptions, 'url'>): Promise<OpenedStore> => {
        const opened = await openPostgres({ ...options, ledgerClock: clock, url, schema, host: 'one' })
        return {
          store: opened.ledger,
          reopen: async (limits) => {
            await opened.close()
            return open({ ...options, limits })
          },
          close: async () => {
            await opened.close()
            await postgres.server.query(`DROP SCHEMA ${schema} CASCADE`, [], url)
          },
        }
      }
      return open(options)
    },
    { runs: 15 },
  )

  type OpenedStreamStore = Awaited<ReturnType<Parameters<typeof streamStoreContract>[1]>>

  streamStoreContract(
    'in PostgreSQL',
    async () => {
      const schema = newSchema()
      const open = async (): Promise<OpenedStreamStore> => {
        const opened = await openPostgres({ url, schema, host: 'one', hashes })
        return {
          streams: opened.streams,
          reopen: async () => {
            await opened.close()
            return open()
          },
          close: async () => {
            await opened.close()
            await postgres.server.query(`DROP SCHEMA ${schema} CASCADE`, [], url)
          },
        }
      }
      return open()
    },
    { survives: true },
  )
})
