// Full payments, one letter each, over two processes: our shop and payer with SQLite and full durability, against the
// tutorial's programs on the modules of 2017, in turns within one run.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { freeFolder, median, start } from './measured-process.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const cli = path.join(here, '../packages/cli/dist/bin.js')
const credit = 1_000_000_000_000
let nextPort = 18_000

/**
 * Medians over `runs` of: payments a second, µs of processor time of both processes, per payment.
 *
 * @param letters - Ours: letters of a run, by window. `originalLetters` likewise.
 * @param share - Part of them that is bought.
 */
export async function comparePayments({ runs, share, letters, originalLetters }) {
  const rows = new Map()
  const add = (name, sample) => rows.set(name, [...(rows.get(name) ?? []), sample])
  for (let run = 0; run < runs; run++) {
    for (const [window, count] of Object.entries(originalLetters))
      add(`2017 modules, window ${window}`, await original(count * share, window))
    for (const [window, count] of Object.entries(letters))
      add(`millstream, window ${window}`, await ours(count * share, window))
  }
  return [...rows].map(([name, samples]) => ({
    name,
    perSecond: median(samples.map((sample) => sample.perSecond)),
    payerUs: median(samples.map((sample) => sample.payerUs)),
    shopUs: median(samples.map((sample) => sample.shopUs)),
    totalUs: median(samples.map((sample) => sample.payerUs + sample.shopUs)),
    payerRssBytes: median(samples.map((sample) => sample.payerRssBytes)),
    shopRssBytes: median(samples.map((sample) => sample.shopRssBytes)),
  }))
}

/** One shop, one payer of a million letters after another: what the last costs against the first. */
export async function growth({ payers, letters }) {
  const shop = await startShop()
  const samples = []
  let shopCpuBefore = cpuUsOf(shop.process.pid)
  for (let i = 0; i < payers; i++) {
    const sample = await pay(shop, letters, 256)
    const shopCpu = cpuUsOf(shop.process.pid)
    samples.push({
      perSecond: sample.perSecond,
      payerUs: sample.payerUs,
      shopUs: (shopCpu - shopCpuBefore) / letters,
      shopRssBytes: memoryOf(shop.process.pid, 'VmRSS'),
      payerRssBytes: sample.payerRssBytes,
    })
    shopCpuBefore = shopCpu
  }
  await stopShop(shop)
  return samples
}

async function ours(letters, window) {
  const shop = await startShop()
  const cpuBefore = cpuUsOf(shop.process.pid)
  const sample = await pay(shop, letters, window)
  const shopUs = (cpuUsOf(shop.process.pid) - cpuBefore) / letters
  const shopRssBytes = memoryOf(shop.process.pid, 'VmHWM')
  await stopShop(shop)
  return { ...sample, shopUs, shopRssBytes }
}

async function startShop() {
  const folder = freeFolder()
  const [httpPort, btpPort] = [nextPort++, nextPort++]
  const args = `shop --json --port ${httpPort} --btp-port ${btpPort} --data ${folder} --strangers credit:${credit}`
  const process = start([cli, ...args.split(' ')])
  await process.line(/ready/)
  return { process, folder, url: `http://127.0.0.1:${httpPort}/`, ledger: `127.0.0.1:${btpPort}/` }
}

async function stopShop(shop) {
  await shop.process.stop()
  fs.rmSync(shop.folder, { recursive: true })
}

async function pay(shop, letters, window) {
  const home = freeFolder()
  const bounds = `--budget ${letters} --risk ${letters} --window ${window} --pieces ${letters} --home ${home}`
  const ledger = `btp+ws://bench:a-token-of-more-than-16-bytes@${shop.ledger}`
  const payer = start([cli, ...`pay ${shop.url} --ledger ${ledger} --json ${bounds}`.split(' ')])
  const usage = await payer.usage()
  fs.rmSync(home, { recursive: true })
  const summary = JSON.parse(payer.lines.findLast((line) => line.includes('"pieces"')))
  if (usage.code !== 0 || Number(summary.pieces) !== letters) throw new Error(JSON.stringify(summary))
  return {
    perSecond: letters / summary.seconds,
    payerUs: usage.cpuUs / letters,
    payerRssBytes: usage.rssMaxBytes,
  }
}

async function original(letters, window) {
  const [btpPort, httpPort] = [nextPort++, nextPort++].map(String)
  const shop = start([path.join(here, 'peers/original-shop.cjs'), btpPort, httpPort])
  await shop.line(/ready/)
  const cpuBefore = cpuUsOf(shop.pid)
  const peer = path.join(here, 'peers/original-payer.cjs')
  const payer = start([peer, btpPort, httpPort, String(letters), String(window)])
  const payerUsage = await payer.usage()
  const shopUs = (cpuUsOf(shop.pid) - cpuBefore) / letters
  const { seconds } = JSON.parse(payer.lines.findLast((line) => line.includes('"letters"')))
  const shopRssBytes = memoryOf(shop.pid, 'VmHWM')
  await shop.stop()
  return {
    perSecond: letters / seconds,
    payerUs: payerUsage.cpuUs / letters,
    shopUs,
    payerRssBytes: payerUsage.rssMaxBytes,
    shopRssBytes,
  }
}

/** User and system time of a live process, in µs. Linux: clock ticks of 10 ms. */
function cpuUsOf(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** Memory of a live process in bytes. `VmRSS` is now, `VmHWM` is the most that it was. */
function memoryOf(pid, field) {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024
}
