// The SQLite store alone: its rate against a bare loop that appends two rows per transfer through the same binding, in
// turns within one run; and what ten million finished transfers change: rate, start, check, memory.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { freeFolder, median, start } from './measured-process.mjs'

const child = fileURLToPath(new URL('./ledger-sqlite-child.mjs', import.meta.url))
const heldTransfers = 10_000
const finishedSmall = 10_000

/**
 * @param {number} runs - Medians are over so many fresh processes.
 * @param {number} comparisons - How many of them compare the large ledger with the small one.
 * @param {number} transfers - How many each of them makes.
 * @param {number} finished - How many the large ledger has before.
 */
export async function compareLedger({ runs, comparisons, transfers, finished }) {
  const small = freeFolder()
  const large = freeFolder()
  try {
    await run('fill', small, finishedSmall)
    await run('fill', large, finished)
    const samples = { bare: [], one: [], bare2: [], two: [], small: [], large: [] }
    for (let i = 0; i < runs; i++) {
      for (const mode of ['bare', 'one', 'bare2', 'two']) samples[mode].push(await inNewFolder(mode, transfers))
    }
    // Disks and neighbours drift: many short turns, each beside the other.
    for (let i = 0; i < comparisons; i++) {
      samples.small.push(await inCopyOf(small, transfers / 2))
      samples.large.push(await run('one', large, transfers / 2))
    }
    await run('hold', large, heldTransfers)
    const opened = []
    for (let i = 0; i < runs; i++) opened.push(await run('open', large))
    const check = await run('check', large)
    if (!check.ok) throw new Error('The books do not hold.')
    return {
      rates: [
        rate('bare loop, two rows a transfer', samples.bare),
        rate('ledger, one durable write a batch', samples.one, samples.bare),
        rate('bare loop, two durable writes a batch', samples.bare2),
        rate('ledger, held durably before', samples.two, samples.bare2),
        rate(`ledger with ${finishedSmall} finished`, samples.small),
        rate(`ledger with ${finished} finished`, samples.large, samples.small),
      ],
      large: {
        finished: check.entries,
        fileBytes: fs.statSync(path.join(large, 'ledger.sqlite')).size,
        held: opened[0].holds,
        openMs: median(opened.map(({ ms }) => ms)),
        openRssBytes: median(opened.map(({ rssBytes }) => rssBytes)),
        checkMs: check.ms,
        checkRssBytes: check.rssBytes,
      },
    }
  } finally {
    for (const folder of [small, large]) fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** @param peer - What it is to be compared with, if anything. */
function rate(name, samples, peer) {
  const of = (samples, figure) => median(samples.map((sample) => sample[figure]))
  const perSecond = of(samples, 'perSecond')
  return {
    name,
    perSecond,
    cpuUs: of(samples, 'cpuUs'),
    rssBytes: of(samples, 'rssBytes'),
    ...(peer === undefined ? {} : { ofPeer: perSecond / of(peer, 'perSecond') }),
  }
}

async function inNewFolder(mode, transfers) {
  const folder = freeFolder()
  try {
    return await run(mode, folder, transfers)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function inCopyOf(source, transfers) {
  const folder = freeFolder()
  try {
    fs.cpSync(source, folder, { recursive: true })
    return await run('one', folder, transfers)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function run(mode, folder, count = 0) {
  const process = start([child, mode, folder, String(count)])
  const line = await process.line(/^\{/)
  const { code } = await process.usage()
  if (code !== 0) throw new Error(`${mode} ended with ${code}: ${process.lines.slice(-5).join('\n')}`)
  return JSON.parse(line)
}

export function printLedger({ rates, large }) {
  const columns = ([name, ...figures]) => name.padEnd(40) + figures.map((figure) => figure.padStart(14)).join('')
  console.log('\nThe SQLite store alone, two-phase transfers, 256 a batch, full durability (medians)\n')
  console.log(columns(['', 'per second', 'of the above', 'cpu µs', 'MB']))
  for (const { name, perSecond, ofPeer, cpuUs, rssBytes } of rates) {
    const ratio = ofPeer === undefined ? '' : `${(100 * ofPeer).toFixed(0)} %`
    console.log(columns([name, perSecond.toFixed(0), ratio, cpuUs.toFixed(1), (rssBytes / 2 ** 20).toFixed(0)]))
  }
  const seconds = (ms) => `${(ms / 1_000).toFixed(2)} s`
  const megabytes = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB`
  console.log(
    `\n${large.finished} finished, ${large.held} held, a file of ${megabytes(large.fileBytes)}: ` +
      `start ${seconds(large.openMs)} with ${megabytes(large.openRssBytes)}, ` +
      `check ${seconds(large.checkMs)} with ${megabytes(large.checkRssBytes)}`,
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const quick = process.argv.includes('--quick')
  printLedger(await compareLedger(ledgerSizes(quick)))
}

export function ledgerSizes(quick) {
  return quick
    ? { runs: 1, comparisons: 3, transfers: 51_200, finished: 200_000 }
    : { runs: 3, comparisons: 9, transfers: 204_800, finished: 10_000_000 }
}
