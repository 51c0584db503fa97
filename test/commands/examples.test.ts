/** The programs in `examples/`, as a reader of the tutorial runs them: two processes, and money between them. */
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as Child from '../processes/child.js'
import { freePort } from '../processes/free-port.js'
import * as Millstream from '../processes/millstream.js'

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

const example = (name: string) => fileURLToPath(new URL(`../../examples/own-stream/${name}`, import.meta.url))

describe('the example of one’s own stream', () => {
  it('sells three lines of the clock for 300 base units to the example of a reader', async () => {
    const [port, btpPort] = [await freePort(), await freePort()]
    // The shop keeps its ledger in the folder that it is started in.
    const cwd = await Millstream.temporaryFolder()
    const shop = Child.start(process.execPath, [example('shop.mjs'), `${port}`, `${btpPort}`], { cwd })
    await shop.until(({ stdout }) => stdout.includes('\n'))
    expect(shop.stdout).toBe(`ready http://127.0.0.1:${port}/ btp+ws://127.0.0.1:${btpPort}/\n`)

    const uri = `btp+ws://me:a-token-of-16-bytes-or-more@127.0.0.1:${btpPort}/`
    const reader = Child.start(process.execPath, [example('reader.mjs'), `http://127.0.0.1:${port}/`, uri], { cwd })
    const read = await reader.ended
    expect({ code: read.code, stderr: read.stderr }).toEqual({ code: 0, stderr: '' })
    const lines = read.stdout.split('\n')
    expect(lines).toEqual([
      ...Array(3).fill(expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)),
      '3 pieces for 300 base units: pieces',
      '',
    ])

    shop.kill('SIGTERM')
    const sold = await shop.ended
    expect({ code: sold.code, stderr: sold.stderr }).toEqual({ code: 0, stderr: '' })
  })
})
