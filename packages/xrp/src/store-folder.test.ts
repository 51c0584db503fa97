import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cursor, Posted } from '@millstream/plugin'
import { Instant } from '@millstream/units'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openFolderStore, StoreCorruptedError, StoreInUseError } from './store-folder.js'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millstream-xrp-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

function posted(cursor: number): Posted {
  const postedAt = Instant.from(1_508_932_800_000)
  return { cursor: cursor as Cursor, source: 'test.a', destination: 'test.b.1', amount: 2n ** 63n, postedAt }
}

const put = (entries: Record<string, string>, remove: string[] = [], feed: Posted[] = []) => ({
  put: new Map(Object.entries(entries)),
  remove,
  posted: feed,
})

async function collect(feed: AsyncIterable<Posted>): Promise<Posted[]> {
  const all: Posted[] = []
  for await (const one of feed) all.push(one)
  return all
}

describe('the store in a folder', () => {
  it('has after a restart what was written, and the feed in order', async () => {
    const path = await folder()
    const store = await openFolderStore(path)
    await store.write(put({ a: '1', b: '{"x":"ä\\n"}' }, [], [posted(5), posted(9)]))
    await store.write(put({ c: '3' }, ['a']))
    await store.close()
    const again = await openFolderStore(path)
    expect([...(await again.load())]).toEqual([
      ['b', '{"x":"ä\\n"}'],
      ['c', '3'],
    ])
    expect(again.lastCursor).toBe(9)
    expect(await collect(again.posted(0 as Cursor))).toEqual([posted(5), posted(9)])
    expect(await collect(again.posted(5 as Cursor))).toEqual([posted(9)])
    await again.close()
  })

  it('leaves out of the feed what it has already', async () => {
    const store = await openFolderStore(await folder())
    await store.write(put({}, [], [posted(5)]))
    await store.write(put({}, [], [posted(5), posted(6)]))
    expect((await collect(store.posted(0 as Cursor))).map(({ cursor }) => cursor)).toEqual([5, 6])
    await store.close()
  })

  it('cuts off what a crash left of a write, and goes on behind it', async () => {
    const path = await folder()
    const store = await openFolderStore(path)
    await store.write(put({ a: '1' }, [], [posted(5)]))
    await store.close()
    await appendFile(join(path, 'journal.jsonl'), '{"put":{"b":"2"},"remo')
    await appendFile(join(path, 'posted.jsonl'), '[6,"te')
    const again = await openFolderStore(path)
    await again.write(put({ c: '3' }, [], [posted(7)]))
    await again.close()
    const third = await openFolderStore(path)
    expect([...(await third.load()).keys()]).toEqual(['a', 'c'])
    expect((await collect(third.posted(0 as Cursor))).map(({ cursor }) => cursor)).toEqual([5, 7])
    await third.close()
  })

  it('is written anew when it is long, so that it does not grow for ever', async () => {
    const path = await folder()
    const store = await openFolderStore(path)
    for (let i = 0; i < 1100; i++) await store.write(put({ [`k${i % 3}`]: String(i) }, [`k${(i + 1) % 3}`]))
    await store.close()
    expect((await readFile(join(path, 'journal.jsonl'), 'utf8')).split('\n').length).toBeLessThan(200)
    const again = await openFolderStore(path)
    expect(Object.fromEntries(await again.load())).toEqual({ k1: '1099', k0: '1098' })
    await again.close()
  })

  it('forgets the feed up to a cursor and keeps its place', async () => {
    const path = await folder()
    const store = await openFolderStore(path)
    await store.write(put({}, [], [posted(5), posted(6), posted(7)]))
    await store.prunePosted(6 as Cursor)
    await store.write(put({}, [], [posted(8)]))
    expect((await collect(store.posted(0 as Cursor))).map(({ cursor }) => cursor)).toEqual([7, 8])
    await store.close()
  })

  it('is for one process at a time, and for the owner alone', async () => {
    const path = await folder()
    const store = await openFolderStore(path)
    await expect(openFolderStore(path)).rejects.toThrow(StoreInUseError)
    expect((await stat(join(path, 'journal.jsonl'))).mode & 0o077).toBe(0)
    await store.close()
    const again = await openFolderStore(path)
    await again.close()
  })

  it('takes over from a process that is gone', async () => {
    const path = await folder()
    await writeFile(join(path, 'lock'), '')
    const store = await openFolderStore(path)
    await store.close()
  })

  it('refuses a line that is none', async () => {
    const path = await folder()
    await writeFile(join(path, 'journal.jsonl'), 'no json\n')
    await expect(openFolderStore(path)).rejects.toThrow(StoreCorruptedError)
    await writeFile(join(path, 'journal.jsonl'), '')
    await writeFile(join(path, 'posted.jsonl'), '[1]\n')
    await expect(openFolderStore(path)).rejects.toThrow(StoreCorruptedError)
  })
})
