/** Payments for tests, many at a time. */
import { type AccountId, type Prepare, type Store, serverAccount } from '@millstream/ledger'
import { testEpoch, testTransfer } from '@millstream/ledger/testing'
import { Instant } from '@millstream/units'

export async function openAccount(store: Store, name: string, creditLimit = 2n ** 60n): Promise<AccountId> {
  const batch = store.apply([{ type: 'open', name, kind: 'named', creditLimit }])
  const [{ account }] = await batch.outcomes
  await batch.durable
  return account.id
}

export function prepareOf(name: string, source: AccountId, amount = 1n, more = ''): Prepare {
  const { id, condition } = testTransfer(name)
  return {
    type: 'prepare',
    id,
    source,
    target: serverAccount,
    amount,
    condition,
    expiresAt: Instant.from(testEpoch + 60_000),
    destination: `test.ledger.server.${name}${more}`,
    contentHash: 7,
  }
}

/** Pays 1 for each name, all in one batch; the promise is its `durable`. `more` makes destinations longer. */
export function pay(store: Store, source: AccountId, names: readonly string[], more = ''): Promise<void> {
  store.apply(names.map((name) => prepareOf(name, source, 1n, more)))
  const { durable } = store.apply(
    names.map((name) => {
      const { id, fulfillment } = testTransfer(name)
      return { type: 'fulfill', source, id, fulfillment } as const
    }),
  )
  return durable
}

export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`)
}
