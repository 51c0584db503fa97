import { afterAll, describe, expect, it } from 'vitest'
import { type PostgresServer, type PostgresServerOptions, startPostgres, whyNoPostgres } from './postgres-server.js'

/**
 * One server for the tests of a file. Without one, `describe` of what it gives skips, and says why; in CI a test fails.
 *
 * @example
 * const postgres = await usePostgres()
 * postgres.describe('the ledger', () => {
 *   it('opens', async () => {
 *     const { close } = await openPostgres({ url: await postgres.server.createDatabase(), hashes })
 *     await close()
 *   })
 * })
 */
export async function usePostgres(options: PostgresServerOptions = {}): Promise<{
  readonly server: PostgresServer
  readonly describe: (name: string, tests: () => void) => void
}> {
  const reason = whyNoPostgres()
  if (reason !== undefined) {
    console.warn(`Skipped: ${reason}.`)
    if (process.env.CI !== undefined) it('has a PostgreSQL to test with', () => expect(reason).toBeUndefined())
    return {
      get server(): PostgresServer {
        throw new Error(reason)
      },
      describe: (name, tests) => describe.skip(name, tests),
    }
  }
  const server = await startPostgres(options)
  afterAll(() => server.stop())
  return { server, describe: (name, tests) => describe(name, tests) }
}
