/** What several hosts of one ledger see of each other. */
import { hashes, randomBytes } from '@millstream/hashes'
import { type AccountId, type Prepare, serverAccount } from '@millstream/ledger'
import type { StreamRecord } from '@millstream/shop'
import { Condition, Instant, TransferId } from '@millstream/units'
import { expect, it } from 'vitest'
import { type OpenedPostgres, openPostgres, type PostgresSettings } from './index.js'
import { usePostgres } from './testing/index.js'

const postgres = await usePostgres()

async function openHosts(settings: Partial<PostgresSettings>, ...names: readonly string[]) {
  const url = await postgres.server.createDatabase()
  const open = (host: string) => openPostgres({ url, host, hashes, settings })
  const hosts: OpenedPostgres[] = []
  for (const name of names) hosts.push(await open(name))
  return { url, open, hosts, close: () => Promise.all(hosts.map(({ close }) => close())) }
}

/** As if the process had been killed a minute ago. */
async function kill(url: string, host: string): Promise<void> {
  await postgres.server.query(
    'UPDATE millstream.hosts SET seen_at = seen_at - 60000, incarnation = incarnation + 1 WHERE name = $1',
    [host],
    url,
  )
}

const record: StreamRecord = {
  userId: 'AAAAAAAAAAAAAAAAAAAAAA',
  kid: 0,
  price: 1n,
  unit: 'letter',
  resource: '/',
  createdAt: Instant.from(1),
  cursor: 0 as StreamRecord['cursor'],
  pieces: 0n,
  floor: 0,
  numbers: new Uint8Array(),
}

async function list<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const all: Value[] = []
  for await (const value of values) all.push(value)
  return all
}

function prepare(source: AccountId, expiresAt: Instant.Instant): Prepare {
  const condition = Condition.from(hashes.sha256(hashes.sha256(new Uint8Array(1))))
  const id = TransferId.from(randomBytes(16))
  const contentHash = 1
  return {
    type: 'prepare',
    id,
    source,
    target: serverAccount,
    amount: 1n,
    condition,
    expiresAt,
    destination: 'g.shop.user.1',
    contentHash,
  }
}

postgres.describe('hosts of one ledger', () => {
  it('agree on the facts that the first of them wrote down', async () => {
    const { hosts, close } = await openHosts({}, 'one', 'two')
    const [one, two] = hosts as [OpenedPostgres, OpenedPostgres]
    expect(await one.facts.read('key')).toBeUndefined()
    const pinned = await Promise.all([one.facts.pin('key', 'a'), two.facts.pin('key', 'b')])
    expect(pinned[0]).toBe(pinned[1])
    expect(await one.facts.pin('key', 'c')).toBe(pinned[0])
    expect(await two.facts.read('key')).toBe(pinned[0])
    await close()
  })

  it('tell holds that another of them prepared from their own', async () => {
    const { hosts, close } = await openHosts({}, 'one', 'two')
    const [one, two] = hosts as [OpenedPostgres, OpenedPostgres]
    const opening = one.ledger.apply([{ type: 'open', name: 'alice', kind: 'named', creditLimit: 100n }])
    const [{ account }] = await opening.outcomes
    const payment = prepare(account.id, Instant.after(one.clock(), 30_000))
    expect(await one.ledger.apply([payment]).outcomes).toEqual([{ status: 'prepared' }])
    expect(await one.ledger.apply([payment]).outcomes).toEqual([{ status: 'exists' }])
    expect(await two.ledger.apply([payment]).outcomes).toEqual([{ status: 'exists', elsewhere: true }])
    const { source, id, contentHash } = payment
    const lookUp = { type: 'look_up', source, id, contentHash } as const
    expect(await two.ledger.apply([lookUp]).outcomes).toEqual([{ status: 'exists', elsewhere: true }])
    const own = prepare(account.id, payment.expiresAt)
    expect(await two.ledger.apply([own, own]).outcomes).toEqual([{ status: 'prepared' }, { status: 'exists' }])
    expect(await two.ledger.apply([{ type: 'reject', source, id }]).outcomes).toEqual([{ status: 'rejected' }])
    expect(await one.ledger.apply([lookUp]).outcomes).toEqual([{ status: 'exists_rejected' }])
    await close()
  })

  it('find the streams of those that have died, and of none that lives', async () => {
    const { url, open, hosts, close } = await openHosts({}, 'one', 'two')
    const [one, two] = hosts as [OpenedPostgres, OpenedPostgres]
    await one.streams.put(record)
    await two.streams.put({ ...record, userId: 'BBBBBBBBBBBBBBBBBBBBBA' })
    await one.streams.put({
      ...record,
      userId: 'CCCCCCCCCCCCCCCCCCCCCA',
      endedAt: Instant.from(2),
      ending: 'content_ended',
    })
    expect(await list(two.streams.abandoned!())).toEqual([])
    await kill(url, 'one')
    expect(await list(two.streams.abandoned!())).toEqual([record])
    // The host that comes back under the same name finds what it has left behind itself.
    const again = await open('one')
    expect(await list(again.streams.abandoned!())).toEqual([record])
    await again.streams.put({ ...record, endedAt: Instant.from(3), ending: 'shop_closed' })
    expect(await list(two.streams.abandoned!())).toEqual([])
    await again.close()
    await close()
  })
})
