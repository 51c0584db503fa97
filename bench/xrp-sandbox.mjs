// The sandbox against a bare loop over the same transactions with the same official packages, in the same run:
// decode, verify, encode. Below 60 percent of that, or with memory that grows, it ends with an error.
//
//   node --expose-gc bench/xrp-sandbox.mjs [--quick]
import { decode, encode, encodeForSigning } from 'ripple-binary-codec'
import { deriveAddress, deriveKeypair, generateSeed, sign, verify } from 'ripple-keypairs'
import { createSandbox, xrp } from '../packages/xrp-sandbox/dist/index.js'

const quick = process.argv.includes('--quick')
const count = quick ? 300 : 1_200
const rounds = 3
const shareMin = 0.6
const perLedger = 200
const condition = 'A025802002D449A31FBB267C8F352E9968A79E3E5FC95C1BBEAA502FD6454EBDE5A4BEDC810120'
const fulfillment = `A0228020${'11'.repeat(32)}`

const rows = []
for (const algorithm of ['ecdsa-secp256k1', 'ed25519']) {
  const payer = account(algorithm)
  const payee = account(algorithm)
  const shares = []
  const bare = []
  const sandboxed = []
  for (let round = 0; round < rounds; round++) {
    const blobs = signed(payer, payee)
    // Both orders in turn, so that neither has the colder code or the warmer machine.
    const runs = [() => bare.push(bareLoop(blobs)), async () => sandboxed.push(await apply(blobs, payer, payee))]
    if (round % 2 === 1) runs.reverse()
    for (const run of runs) await run()
    shares.push(sandboxed.at(-1) / bare.at(-1))
  }
  rows.push({ algorithm, bare: median(bare), sandbox: median(sandboxed), share: median(shares) })
}
const memory = await grow()

console.log(
  `\n${count} transactions a run (payments, escrows made and finished), medians of ${rounds}, per second of processor time\n`,
)
console.log(
  'key'.padEnd(18) + ['bare, a second', 'sandbox, a second', 'share'].map((text) => text.padStart(18)).join(''),
)
for (const { algorithm, bare, sandbox, share } of rows) {
  const figures = [bare.toFixed(0), sandbox.toFixed(0), `${(share * 100).toFixed(0)} %`]
  console.log(algorithm.padEnd(18) + figures.map((text) => text.padStart(18)).join(''))
}
console.log(
  `\nheap after one ledger after another, MB: ${memory.map((bytes) => (bytes / 2 ** 20).toFixed(1)).join(' ')}`,
)

const slow = rows.filter(({ share }) => share < shareMin)
// The history is full after the first third; from there on nothing may be added.
const third = memory.slice(Math.ceil(memory.length / 3))
const grew = third.length > 1 && third.at(-1) > third[0] * 1.1
if (slow.length > 0 || grew) {
  console.error(slow.length > 0 ? 'The sandbox is slower than it should be.' : 'The memory of the sandbox grows.')
  process.exitCode = 1
}

function account(algorithm) {
  const keys = deriveKeypair(generateSeed({ algorithm }))
  return { ...keys, address: deriveAddress(keys.publicKey) }
}

/** A third payments, a third escrows, a third their finishes; each account signs its own, in order. */
function signed(payer, payee) {
  const blobs = []
  let sequence = 1
  for (let number = 0; number < count / 3; number++) {
    const own = { Account: payer.address, Fee: '10' }
    const memo = [{ Memo: { MemoType: '74', MemoData: Buffer.alloc(200, number).toString('hex').toUpperCase() } }]
    blobs.push(
      blobOf(payer, {
        ...own,
        TransactionType: 'Payment',
        Destination: payee.address,
        Amount: '7',
        Sequence: sequence++,
      }),
    )
    const escrow = { TransactionType: 'EscrowCreate', Destination: payee.address, Amount: '9', Memos: memo }
    const OfferSequence = sequence++
    const times = { Condition: condition, CancelAfter: 4_000_000_000 }
    blobs.push(blobOf(payer, { ...own, ...escrow, ...times, Sequence: OfferSequence }))
    const finish = { TransactionType: 'EscrowFinish', Owner: payer.address, OfferSequence, Condition: condition }
    const paid = { Account: payee.address, Fee: '350', Fulfillment: fulfillment, Sequence: number + 1 }
    blobs.push(blobOf(payee, { ...finish, ...paid }))
  }
  return blobs
}

function blobOf({ publicKey, privateKey }, fields) {
  const unsigned = { ...fields, SigningPubKey: publicKey }
  return encode({ ...unsigned, TxnSignature: sign(encodeForSigning(unsigned), privateKey) })
}

/** @returns Transactions a second of processor time. */
function bareLoop(blobs) {
  const start = process.cpuUsage()
  for (const blob of blobs) {
    const fields = decode(blob)
    if (!verify(encodeForSigning(fields), fields.TxnSignature, fields.SigningPubKey)) throw new Error('not signed')
    if (encode(fields) !== blob) throw new Error('not the same')
  }
  return perSecond(blobs.length, start)
}

async function apply(blobs, payer, payee) {
  const sandbox = await open(payer, payee)
  const start = process.cpuUsage()
  let validated = 0
  for (const [number, blob] of blobs.entries()) {
    const { result } = sandbox.submit(blob)
    if (result !== 'tesSUCCESS') throw new Error(result)
    if (number % perLedger === perLedger - 1) validated += sandbox.closeLedger().transactions.length
  }
  validated += sandbox.closeLedger().transactions.length
  const rate = perSecond(blobs.length, start)
  await sandbox.close()
  if (validated !== blobs.length) throw new Error(`${validated} of ${blobs.length} validated`)
  return rate
}

/** The heap while ledgers come and go, with a history of a few. */
async function grow() {
  const payer = account('ed25519')
  const payee = account('ed25519')
  const sandbox = await open(payer, payee, { history: { ledgers: 10, transactions: 1_000, unvalidated: 100 } })
  const heap = []
  const blobs = signed(payer, payee)
  for (const [number, blob] of blobs.entries()) {
    sandbox.submit(blob)
    if (number % 20 === 19) sandbox.closeLedger()
    if (number % Math.floor(blobs.length / 10) !== 0) continue
    globalThis.gc?.()
    heap.push(process.memoryUsage().heapUsed)
  }
  await sandbox.close()
  return heap
}

function open(payer, payee, options = {}) {
  const fund = { [payer.address]: 100_000n * xrp, [payee.address]: 100_000n * xrp }
  return createSandbox({ closeEveryMs: 'manual', fund, ...options })
}

/** Of processor time: other programs on the machine do not count. */
function perSecond(number, start) {
  const { user, system } = process.cpuUsage(start)
  return number / ((user + system) / 1e6)
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}
