// `npm run bench`: everything side by side, one table on stdout and one JSON file in bench/results.
import fs from 'node:fs'
import os from 'node:os'
import { comparePostgres, postgresSizes, printPostgres } from './ledger-postgres.mjs'
import { compareLedger, ledgerSizes, printLedger } from './ledger-sqlite.mjs'
import { comparePayments, growth } from './payments.mjs'

const quick = process.argv.includes('--quick')
// Each as many letters as it sells in about ten seconds: start and warm-up weigh the same on all.
const payments = await comparePayments({
  runs: quick ? 1 : 3,
  share: quick ? 0.1 : 1,
  letters: { 16: 120_000, 64: 200_000, 256: 300_000, 1024: 400_000, 4096: 400_000 },
  originalLetters: { 64: 50_000, 256: 50_000, 1024: 50_000 },
})
const best = (prefix) =>
  payments.filter(({ name }) => name.startsWith(prefix)).reduce((a, b) => (a.perSecond > b.perSecond ? a : b))
const original = best('2017')
const ours = best('millstream')
print('Full payments, one letter each, two processes (medians)', payments)
console.log(
  `\nbest against best: ${(ours.perSecond / original.perSecond).toFixed(1)} times the letters per second, ` +
    `${ours.totalUs.toFixed(1)} µs of processor time per payment against ${original.totalUs.toFixed(0)}\n`,
)
const grown = await growth(quick ? { payers: 3, letters: 20_000 } : { payers: 10, letters: 100_000 })
print(
  'One shop, one payer after another',
  grown.map((sample, index) => ({ name: `payer ${index + 1}`, totalUs: sample.payerUs + sample.shopUs, ...sample })),
)

const ledger = await compareLedger(ledgerSizes(quick))
printLedger(ledger)

const postgres = await comparePostgres(postgresSizes(quick))
printPostgres(postgres)

fs.mkdirSync(new URL('./results/', import.meta.url), { recursive: true })
const file = new URL(`./results/${new Date().toISOString().replaceAll(':', '')}.json`, import.meta.url)
const machine = { node: process.version, cpus: os.cpus().length, model: os.cpus()[0].model, platform: process.platform }
fs.writeFileSync(file, JSON.stringify({ machine, payments, growth: grown, ledger, postgres }, null, 2))
console.log(`\nwritten to ${file.pathname}`)

function print(title, rows) {
  console.log(`\n${title}\n`)
  console.log(line(['', 'per second', 'payer µs', 'shop µs', 'both µs', 'payer MB', 'shop MB']))
  for (const row of rows) {
    const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(0)
    const micros = (value) => value.toFixed(1)
    console.log(
      line([
        row.name,
        row.perSecond.toFixed(0),
        micros(row.payerUs),
        micros(row.shopUs),
        micros(row.totalUs),
        megabytes(row.payerRssBytes),
        megabytes(row.shopRssBytes),
      ]),
    )
  }
}

function line([name, ...figures]) {
  return name.padEnd(28) + figures.map((figure) => figure.padStart(11)).join('')
}
