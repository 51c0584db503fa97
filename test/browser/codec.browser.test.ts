/** The codec as a browser runs it: bundled from the built packages, in a real Chromium. */
import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { bundlePage } from './bundle.js'
import type * as CodecPage from './codec.page.js'
import { launchBrowser } from './launch.js'

declare const codecPage: typeof CodecPage

const vectors = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../packages/codec/vectors/${path}.json`, import.meta.url), 'utf8'))

let script = ''
let browser: Browser | undefined
let page: Page

beforeAll(async () => {
  script = await bundlePage('codec.page.ts', 'codecPage')
})
beforeEach(async (context) => {
  if (browser !== undefined) return
  browser = await launchBrowser(context)
  page = await browser.newPage()
  await page.addScriptTag({ content: script })
}, 60_000)
afterAll(async () => {
  await browser?.close()
})

describe('in a browser', () => {
  it('the bundle asks for nothing of Node', async () => {
    expect(script.match(/["']node:[a-z]+["']|\bBuffer[.(]|\bprocess\.[a-z]+|\brequire\(/g)).toBeNull()
    expect(await page.evaluate(() => typeof codecPage.payOnce)).toBe('function')
  })

  it.each(
    ['v1', 'v4'].flatMap((version) =>
      ['valid/examples', 'valid/serialize', 'invalid/deserialize'].map((file) => `ilp-packet-${version}/${file}`),
    ),
  )('packets hold: %s', async (path) => {
    const json = vectors(path)
    expect((json as unknown[]).length).toBeGreaterThan(0)
    expect(await page.evaluate((vectors) => codecPage.failingPackets(vectors), json)).toEqual([])
  })

  it.each(['valid/examples', 'valid/recorded', 'invalid/recorded'])('BTP frames hold: %s', async (file) => {
    const json = vectors(`btp-frame/${file}`)
    expect(await page.evaluate((vectors) => codecPage.failingFrames(vectors), json)).toEqual([])
  })

  it.each(['valid', 'invalid'])('Pay headers hold: %s', async (kind) => {
    const json = vectors(`pay-header/${kind}/headers`)
    expect(await page.evaluate((vectors) => codecPage.failingHeaders(vectors), json)).toEqual([])
  })

  it('a payment of the tutorial is made and read', async () => {
    const header = '1 g.letter-shop.mytrustline.server.UUxOFrawp0A Agli74z_HjSNuTE1rTIr7QCkzWdIA3QdKoPMYHhw1I4'
    expect(await page.evaluate((value) => codecPage.payOnce(value, 1), header)).toEqual({
      account: 'g.letter-shop.mytrustline.server.UUxOFrawp0A.1',
      amount: '1',
      condition: 'd870eb79589d4ceded4140b614b2000b5d3df8731cfe3de22593267e54fb0768',
      fulfillment: 'a33c3fc7371e3e6e0235f3130ad45b616cfc1d1e6c6585f60f27d6f66a076bb2',
      terms: 'unit=letter, asset="XRP", scale=9, ledger="g.letter-shop.mytrustline."',
      endpoint: 'ws://localhost:9000/',
    })
  })

  it('the hashes are those of Node', async () => {
    for (const length of [0, 1, 55, 56, 64, 72, 1000]) {
      const key = Buffer.alloc(32, length & 0xff)
      const message = Buffer.alloc(length, 7)
      const digest = await page.evaluate(([k, m]) => codecPage.digest(k, m), [
        key.toString('hex'),
        message.toString('hex'),
      ] as const)
      expect(digest).toEqual({
        sha256: createHash('sha256').update(message).digest('hex'),
        hmac: createHmac('sha256', key).update(message).digest('hex'),
      })
    }
  })
})
