import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from '@millstream/hashes'
import { afterEach, beforeEach, expect, it } from 'vitest'
import * as DataFolder from './data-folder.js'

const facts = { prefix: 'g.letter-shop.mytrustline.', asset: { code: 'XRP', scale: 9 } }
let parent: string
let folder: string

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'millstream-test-'))
  folder = join(parent, 'data')
})

afterEach(() => rm(parent, { recursive: true, force: true }))

it('is made for its owner only', async () => {
  expect(await DataFolder.ensure(folder)).toEqual({ open: false })
  if (process.platform !== 'win32') expect((await stat(folder)).mode & 0o777).toBe(0o700)
  expect(await DataFolder.ensure(folder)).toEqual({ open: false })
})

it('is reported when others may look into it', async () => {
  await mkdir(folder, { mode: 0o755 })
  expect(await DataFolder.ensure(folder)).toEqual({ open: process.platform !== 'win32' })
})

it('is not a file', async () => {
  await writeFile(folder, '')
  await expect(DataFolder.ensure(folder)).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE', exit: 9 })
})

it('keeps one key, for its owner only, and leaves nothing beside it', async () => {
  await DataFolder.ensure(folder)
  const key = await DataFolder.shopKey(folder, randomBytes)
  expect(key).toHaveLength(32)
  expect(await DataFolder.shopKey(folder, randomBytes)).toEqual(key)
  if (process.platform !== 'win32') expect((await stat(join(folder, 'shop-key'))).mode & 0o777).toBe(0o600)
  expect(await readdir(folder)).toEqual(['shop-key'])
})

it('makes its key although a process died while it made one', async () => {
  await DataFolder.ensure(folder)
  await writeFile(join(folder, '.shop-key.new'), 'half')
  expect(await DataFolder.shopKey(folder, randomBytes)).toHaveLength(32)
})

it.each(['', 'short', 'A'.repeat(44), `${'A'.repeat(42)}B`])('leaves a damaged key as it is: %j', async (text) => {
  await DataFolder.ensure(folder)
  await writeFile(join(folder, 'shop-key'), text)
  await expect(DataFolder.shopKey(folder, randomBytes)).rejects.toMatchObject({ code: 'FOLDER_DAMAGED', exit: 9 })
  expect(await readFile(join(folder, 'shop-key'), 'utf8')).toBe(text)
})

it('pins prefix and asset', async () => {
  await DataFolder.ensure(folder)
  expect(await DataFolder.readFacts(folder)).toBeUndefined()
  await DataFolder.pinFacts(folder, facts)
  await DataFolder.pinFacts(folder, facts)
  expect(await DataFolder.readFacts(folder)).toEqual(facts)
  const others = [
    { ...facts, prefix: 'g.other.' },
    { ...facts, asset: { code: 'XRP', scale: 6 } },
    { ...facts, asset: { code: 'EUR', scale: 9 } },
  ]
  for (const other of others) {
    await expect(DataFolder.pinFacts(folder, other)).rejects.toMatchObject({ code: 'FOLDER_FACTS_DIFFER', exit: 9 })
  }
  expect(await DataFolder.readFacts(folder)).toEqual(facts)
})

it.each(['', '{}', 'null', '[]', '{"format":1,"prefix":5}'])('reports damaged facts: %j', async (text) => {
  await DataFolder.ensure(folder)
  await writeFile(join(folder, 'shop.json'), text)
  await expect(DataFolder.pinFacts(folder, facts)).rejects.toMatchObject({ code: 'FOLDER_DAMAGED' })
})

it('leaves what a newer version wrote', async () => {
  await DataFolder.ensure(folder)
  await writeFile(join(folder, 'shop.json'), '{"format":2}')
  await expect(DataFolder.pinFacts(folder, facts)).rejects.toMatchObject({ code: 'FOLDER_NEWER', exit: 9 })
})

it('tells a folder with a ledger from others', async () => {
  await expect(DataFolder.assertExists(folder)).rejects.toMatchObject({ code: 'FOLDER_NOT_FOUND', exit: 9 })
  await DataFolder.ensure(folder)
  await expect(DataFolder.assertExists(folder)).rejects.toMatchObject({ code: 'FOLDER_NOT_FOUND' })
  await writeFile(join(folder, 'ledger.sqlite'), 'books')
  await DataFolder.pinFacts(folder, facts)
  await expect(DataFolder.assertExists(folder)).resolves.toBeUndefined()
})

it.each(['missing', 'empty'])('is not used for new books when its ledger is %s', async (what) => {
  await DataFolder.ensure(folder)
  await DataFolder.pinFacts(folder, facts)
  if (what === 'empty') await writeFile(join(folder, 'ledger.sqlite'), '')
  const lost = { code: 'FOLDER_DAMAGED', exit: 9, next: expect.stringMatching(/restore.*backup/) }
  await expect(DataFolder.ensure(folder)).rejects.toMatchObject(lost)
  await expect(DataFolder.assertExists(folder)).rejects.toMatchObject(lost)
  await writeFile(join(folder, 'ledger.sqlite'), 'books')
  await DataFolder.ensure(folder)
  await DataFolder.assertExists(folder)
})
