/** What somebody at a terminal sees of `millstream pay`: the meter, and what is printed while it stands there. */
import { PassThrough } from 'node:stream'
import { afterEach, expect, it, vi } from 'vitest'
import { main } from '../../packages/cli/src/main.js'
import * as Millstream from '../processes/millstream.js'

afterEach(Millstream.cleanUp)
vi.setConfig({ testTimeout: Millstream.timeoutMs })

it('clears the meter before a log line and before the last words', async () => {
  const folder = await Millstream.temporaryFolder()
  const { ready } = await Millstream.shop(folder, ['--strangers', 'credit:100'])
  const stdout = new PassThrough()
  const stderr = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 })
  stdout.resume()
  const exit = await main(['pay', ready.http, '--log-level', 'warn', '--home', `${folder}/me`], {
    stdout,
    stderr,
    env: {},
  })
  expect(exit).toBe(4)

  const lines = String(stderr.read()).split('\n')
  // What stands in a line when all is written: what came after the line was cleared last.
  const seen = lines.map((line) => line.slice(line.lastIndexOf('\r\u001b[K') + 1).replace('\u001b[K', ''))
  expect(lines[0]).toMatch(/paid \d/)
  expect(seen[0]).toMatch(/^\d\d:\d\d:\d\d warn {2}pay\.stream_stopped /)
  expect(seen[1]).toMatch(/^The ledger refused a payment /)
})
