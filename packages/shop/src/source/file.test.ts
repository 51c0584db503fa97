import { execFileSync } from 'node:child_process'
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readerOf } from '../content.js'
import { FileChangedError, file, folder, NotAFileError, NotAFolderError } from './file.js'
import type { Found, Source } from './source.js'

let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millstream-file-'))
})
afterEach(async () => {
  await rm(home, { recursive: true })
})

const ask = (source: Source, url: string) =>
  source({ method: 'GET', url, headers: {}, signal: new AbortController().signal })

async function find(source: Source, url = '/'): Promise<Found> {
  const found = await ask(source, url)
  if ('problem' in found) throw new Error(`${url}: ${found.problem}`)
  return found
}

function open({ content }: Found) {
  if (typeof content !== 'function') throw new Error('The content is open already.')
  return readerOf(content({ userId: '', seed: new Uint8Array() }))
}

async function text(found: Found): Promise<string> {
  const reader = open(found)
  let all = ''
  for (;;) {
    const chunk = await reader.read()
    if (chunk === undefined) break
    all += Buffer.from(chunk).toString()
  }
  reader.close()
  return all
}

describe('a file', () => {
  it('is found with its type, length and a strong validator', async () => {
    const path = join(home, 'story.txt')
    await writeFile(path, 'once upon a time')
    const found = await find(await file(path), '/whatever')
    expect(found).toMatchObject({ bytes: 16, headers: { 'content-type': 'text/plain; charset=utf-8' } })
    expect(found.etag).toMatch(/^"[a-z0-9-]+"$/)
    expect(await text(found)).toBe('once upon a time')
  })

  it('may be larger than a chunk', async () => {
    const path = join(home, 'large.bin')
    const content = 'x'.repeat(200_001)
    await writeFile(path, content)
    const found = await find(await file(path))
    expect(found.headers).toEqual({ 'content-type': 'application/octet-stream' })
    expect(await text(found)).toBe(content)
  })

  it('may be empty', async () => {
    const path = join(home, 'empty')
    await writeFile(path, '')
    const found = await find(await file(path))
    expect(found.bytes).toBe(0)
    expect(await text(found)).toBe('')
  })

  it('must be there, and be a file', async () => {
    await expect(file(join(home, 'nothing'))).rejects.toThrow(NotAFileError)
    await expect(file(home)).rejects.toThrow(NotAFileError)
  })

  it('that goes later is not found', async () => {
    const path = join(home, 'a')
    await writeFile(path, 'a')
    const source = await file(path)
    await rm(path)
    expect(await ask(source, '/')).toMatchObject({ problem: 404 })
  })

  it('has another validator after any change', async () => {
    const path = join(home, 'a')
    await writeFile(path, 'one')
    const source = await file(path)
    const seen = [(await find(source)).etag]
    await writeFile(path, 'two')
    seen.push((await find(source)).etag)
    await utimes(path, 0, 0)
    seen.push((await find(source)).etag)
    await writeFile(join(home, 'b'), 'two')
    await utimes(join(home, 'b'), 0, 0)
    await rename(join(home, 'b'), path)
    seen.push((await find(source)).etag)
    expect(new Set(seen).size).toBe(4)
  })

  it('that changed since the reader was told of it is not sold', async () => {
    const path = join(home, 'a')
    await writeFile(path, 'one')
    const source = await file(path)
    for (const change of [
      () => appendFile(path, '!'),
      () => writeFile(path, 'two'),
      () => truncate(path, 0),
      () => rm(path),
    ]) {
      const found = await find(source)
      await change()
      const reader = open(found)
      await expect(Promise.resolve().then(() => reader.read())).rejects.toThrow()
      reader.close()
    }
  })

  it('that shrinks while it is read fails, and one that grows is sold as it was', async () => {
    const path = join(home, 'a')
    await writeFile(path, 'x'.repeat(100_000))
    const source = await file(path)
    const grows = open(await find(source))
    await grows.read()
    await appendFile(path, 'more')
    expect(((await grows.read()) as Uint8Array).length).toBe(100_000 - 65_536)
    expect(await grows.read()).toBeUndefined()
    grows.close()

    const shrinks = open(await find(source))
    await shrinks.read()
    await truncate(path, 10)
    await expect(Promise.resolve().then(() => shrinks.read())).rejects.toThrow(FileChangedError)
    shrinks.close()
  })

  it('may be let go of before, while and after it is read', async () => {
    const path = join(home, 'a')
    await writeFile(path, 'x'.repeat(100_000))
    const source = await file(path)
    open(await find(source)).close()
    const reading = open(await find(source))
    const chunk = reading.read()
    reading.close()
    expect(((await chunk) as Uint8Array).length).toBe(65_536)
    const half = open(await find(source))
    await half.read()
    half.close()
  })

  it.runIf(process.platform === 'linux')('holds no descriptor after that', async () => {
    const path = join(home, 'a')
    await writeFile(path, 'x'.repeat(100_000))
    const source = await file(path)
    for (const read of [0, 1, 2, 3]) {
      const reader = open(await find(source))
      for (let i = 0; i < read - 1; i++) await reader.read()
      const last = read === 0 ? undefined : reader.read()
      reader.close()
      await last
    }
    while ((await openFiles()).includes(path)) await new Promise((resolve) => setImmediate(resolve))
    expect(await openFiles()).not.toContain(path)
  })
})

async function openFiles(): Promise<string[]> {
  const descriptors = await readdir('/proc/self/fd')
  return Promise.all(descriptors.map((descriptor) => readlink(`/proc/self/fd/${descriptor}`).catch(() => '')))
}

describe('a folder', () => {
  let shop: string

  beforeEach(async () => {
    shop = join(home, 'shop')
    await mkdir(join(shop, 'books', '.drafts'), { recursive: true })
    await writeFile(join(home, 'secret.txt'), 'secret')
    await mkdir(join(home, 'shop-other'))
    await writeFile(join(home, 'shop-other', 'x.txt'), 'other')
    await writeFile(join(shop, 'index.html'), 'welcome')
    await writeFile(join(shop, 'a b.txt'), 'spaced')
    await writeFile(join(shop, 'ü.txt'), 'umlaut')
    await writeFile(join(shop, '.env'), 'KEY=1')
    await writeFile(join(shop, 'books', 'one.md'), 'chapter one')
    await writeFile(join(shop, 'books', '.drafts', 'two.md'), 'draft')
  })

  it.each([
    ['/', 'welcome', 'text/html; charset=utf-8'],
    ['/index.html', 'welcome', 'text/html; charset=utf-8'],
    ['/books/one.md', 'chapter one', 'text/markdown; charset=utf-8'],
    ['/books/one.md?page=2', 'chapter one', 'text/markdown; charset=utf-8'],
    ['/a%20b.txt', 'spaced', 'text/plain; charset=utf-8'],
    ['/%C3%BC.txt', 'umlaut', 'text/plain; charset=utf-8'],
  ])('has at %s what is there', async (url, content, type) => {
    const found = await find(await folder(shop), url)
    expect(found.headers).toEqual({ 'content-type': type })
    expect(await text(found)).toBe(content)
  })

  it.each([
    '/nothing.txt',
    '/books',
    '/books/',
    '/index.html/',
    '//index.html',
    '/books//one.md',
    '/./index.html',
    '/../secret.txt',
    '/books/../../secret.txt',
    '/books/../index.html',
    '/%2e%2e/secret.txt',
    '/%2E%2e/shop/index.html',
    '/..%2fsecret.txt',
    '/books%2fone.md',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/index.html%00.txt',
    '/%00',
    '/.env',
    '/%2eenv',
    '/books/.drafts/two.md',
    '/..',
    '/.',
    '/...',
    `/${'a'.repeat(300)}`,
    `/${'a/'.repeat(3000)}`,
    '/etc/passwd',
    '/../shop-other/x.txt',
  ])('has nothing at %s', async (url) => {
    expect(await ask(await folder(shop), url)).toEqual({ problem: 404, detail: 'There is nothing here.' })
  })

  it.each(['', 'index.html', '/%', '/%zz', '/%c3', '/%ff%fe'])('takes %j for no path', async (url) => {
    expect(await ask(await folder(shop), url)).toMatchObject({ problem: 400 })
  })

  it('serves dotfiles only when it is told to', async () => {
    const source = await folder(shop, { dotfiles: true })
    expect(await text(await find(source, '/.env'))).toBe('KEY=1')
    expect(await text(await find(source, '/books/.drafts/two.md'))).toBe('draft')
    expect(await ask(source, '/../secret.txt')).toMatchObject({ problem: 404 })
    expect(await ask(source, '/..')).toMatchObject({ problem: 404 })
  })

  it('follows links that stay inside, and no others', async () => {
    await symlink('books/one.md', join(shop, 'inside.md'))
    await symlink('../secret.txt', join(shop, 'outside.txt'))
    await symlink(home, join(shop, 'up'))
    await symlink('.env', join(shop, 'env.txt'))
    await symlink('loop', join(shop, 'loop'))
    await symlink(join(home, 'shop-other'), join(shop, 'other'))
    const source = await folder(shop)
    expect(await text(await find(source, '/inside.md'))).toBe('chapter one')
    for (const url of [
      '/outside.txt',
      '/up/secret.txt',
      '/env.txt',
      '/loop',
      '/other/x.txt',
      '/up/shop/index.html/x',
    ]) {
      expect(await ask(source, url)).toMatchObject({ problem: 404 })
    }
  })

  it('may itself be a link', async () => {
    await symlink(shop, join(home, 'link'))
    expect(await text(await find(await folder(join(home, 'link')), '/'))).toBe('welcome')
  })

  it('does not serve, nor wait for, what is no file', async () => {
    execFileSync('mkfifo', [join(shop, 'pipe')])
    expect(await ask(await folder(shop), '/pipe')).toMatchObject({ problem: 404 })
  })

  it('must be there', async () => {
    await expect(folder(join(home, 'nothing'))).rejects.toThrow(NotAFolderError)
    await expect(folder(join(home, 'secret.txt'))).rejects.toThrow(NotAFolderError)
  })

  it('may have another index', async () => {
    const source = await folder(join(shop, 'books'), { index: 'one.md' })
    expect(await text(await find(source, '/'))).toBe('chapter one')
  })
})
