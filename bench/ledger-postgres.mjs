// The PostgreSQL store alone: one host against a bare insert of the same rows in turns within one run; two hosts with
// customers of their own; two hosts that share one customer; and whether they keep within its limit.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { median } from './measured-process.mjs'

const child = fileURLToPath(new URL('./ledger-postgres-child.mjs', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))

/**
 * @param {number} runs - Medians are over so many fresh processes and databases.
 * @param {number} transfers - How many each of them makes.
 */
export async function comparePostgres({ runs, transfers }) {
  const { startPostgres } = await testingServer()
  const server = await startPostgres()
  const samples = { bare: [], one: [], two: [], shared: [] }
  let over
  try {
    for (let i = 0; i < runs; i++) {
      samples.bare.push(...(await run(server, [['bare', 'a', 'alice', transfers]])))
      samples.one.push(...(await run(server, [['host', 'a', 'alice', transfers]])))
      samples.two.push(
        sumOf(
          await run(server, [
            ['host', 'a', 'alice', transfers],
            ['host', 'b', 'bob', transfers],
          ]),
        ),
      )
      samples.shared.push(
        sumOf(
          await run(server, [
            ['host', 'a', 'alice', transfers / 4],
            ['host', 'b', 'alice', transfers / 4],
          ]),
        ),
      )
    }
    over = await reachLimit(server, 20_000)
  } finally {
    await server.stop()
  }
  const of = (list, figure) => median(list.map((sample) => sample[figure]))
  const rate = (name, list, peer) => ({
    name,
    perSecond: of(list, 'perSecond'),
    cpuUs: of(list, 'cpuUs'),
    rssBytes: of(list, 'rssBytes'),
    ...(peer === undefined ? {} : { ofPeer: of(list, 'perSecond') / of(peer, 'perSecond') }),
  })
  return {
    over,
    rates: [
      rate('bare insert of the same rows', samples.bare),
      rate('one host', samples.one, samples.bare),
      rate('two hosts, customers of their own', samples.two, samples.one),
      rate('two hosts, one customer', samples.shared, samples.one),
    ],
  }
}

/** Two hosts try to pay twice as much as one customer may owe. How far did they get beyond its limit? */
async function reachLimit(server, limit) {
  let over
  const hosts = ['a', 'b'].map((host) => ['host', host, 'alice', limit, limit])
  await run(server, hosts, async (url) => {
    const [row] = await server.query(
      "SELECT held_out - posted - credit_limit AS over FROM millstream.accounts WHERE name = 'alice'",
      [],
      url,
    )
    over = Number(row.over)
  })
  return over
}

function sumOf(samples) {
  const paid = samples.reduce((sum, sample) => sum + sample.paid, 0)
  // From the start of the first to the end of the last: both begin together.
  const seconds = Math.max(...samples.map((sample) => sample.seconds))
  const cpuUs = samples.reduce((sum, sample) => sum + sample.cpuUs * sample.paid, 0) / paid
  return { paid, seconds, perSecond: paid / seconds, cpuUs, rssBytes: Math.max(...samples.map((s) => s.rssBytes)) }
}

/** Runs processes side by side in a database of their own; they begin when all of them are ready. */
async function run(server, programs, then) {
  const url = await server.createDatabase()
  const processes = programs.map(([mode, ...words]) => {
    const process_ = spawn(process.execPath, [child, mode, url, ...words.map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    return { process: process_, lines: createInterface({ input: process_.stdout })[Symbol.asyncIterator]() }
  })
  for (const { lines } of processes) if ((await lines.next()).value !== 'ready') throw new Error('A process failed.')
  const ended = processes.map(({ process }) => once(process, 'close'))
  for (const { process } of processes) process.stdin.write('go\n')
  const results = await Promise.all(processes.map(async ({ lines }) => JSON.parse((await lines.next()).value)))
  await Promise.all(ended)
  await then?.(url)
  return results
}

/** The server that the tests use. */
async function testingServer() {
  const outfile = `${root}node_modules/.cache/millstream-bench/postgres-server.mjs`
  await build({
    entryPoints: [`${root}packages/ledger-postgres/src/testing/postgres-server.ts`],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
  return import(pathToFileURL(outfile).href)
}

export function printPostgres({ rates, over }) {
  const columns = ([name, ...figures]) => name.padEnd(42) + figures.map((figure) => figure.padStart(14)).join('')
  console.log('\nThe PostgreSQL store alone, two-phase transfers, 256 a batch, two commits each (medians)\n')
  console.log(columns(['', 'per second', 'against', 'cpu µs', 'MB']))
  for (const { name, perSecond, ofPeer, cpuUs, rssBytes } of rates) {
    const ratio = ofPeer === undefined ? '' : `${(100 * ofPeer).toFixed(0)} %`
    console.log(columns([name, perSecond.toFixed(0), ratio, cpuUs.toFixed(1), (rssBytes / 2 ** 20).toFixed(0)]))
  }
  console.log(
    `\nOne host against the bare insert, two against one. A shared customer came to ${over} of its limit: above 0 is beyond.`,
  )
}

export function postgresSizes(quick) {
  return quick ? { runs: 1, transfers: 25_600 } : { runs: 5, transfers: 102_400 }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  printPostgres(await comparePostgres(postgresSizes(process.argv.includes('--quick'))))
}
