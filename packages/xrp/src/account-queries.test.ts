import { expect, it } from 'vitest'
import { askTransactions } from './account-queries.js'
import { XrpRequestError, type XrpServer } from './server.js'

/** A server as rippled is: it looks only through the ledgers that reach without a hole to its newest. */
function serverWith(complete: string, first: number): XrpServer {
  return {
    name: 'test',
    isConnected: true,
    open: async () => {},
    async request({ command, ledger_index_min: min, ledger_index_max: max }) {
      if (command === 'server_info') return { info: { complete_ledgers: complete } }
      if (Number(min) < first) throw new XrpRequestError(command, 'lgrIdxMalformed')
      return { transactions: [], ledger_index_min: min, ledger_index_max: max }
    },
    close: async () => {},
  }
}

it.each([
  ['40-400', 40],
  ['1-20,40-400', 40],
  ['1-20,22,40-400', 40],
])('says which ledgers are missing on a server that has %s', async (complete, first) => {
  const page = await askTransactions(
    serverWith(complete, first),
    'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW',
    21,
    400,
    undefined,
  )
  expect(page).toMatchObject({ first: 40, last: 400 })
})

it('waits for a newest ledger that is not stored yet', async () => {
  const page = await askTransactions(serverWith('40-90', 95), 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW', 91, 91, undefined)
  expect(page).toBeUndefined()
})

it('waits for a young hole to be filled', async () => {
  const page = await askTransactions(
    serverWith('1-20,40-90', 40),
    'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW',
    21,
    90,
    undefined,
  )
  expect(page).toBeUndefined()
})
