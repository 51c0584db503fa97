/** The official client against the sandbox, as an application uses it. */
import { afterEach, describe, expect, it } from 'vitest'
import { Client, type SubmittableTransaction, signPaymentChannelClaim, Wallet } from 'xrpl'
import { createSandbox, type Sandbox, type SandboxOptions, xrp } from './index.js'
import { condition, fulfillment } from './testing/small-chain.js'

const payer = Wallet.generate()
const payee = Wallet.generate('ecdsa-secp256k1' as never)
const opened: { client: Client; sandbox: Sandbox }[] = []

async function open(options: SandboxOptions = {}) {
  const fund = { [payer.address]: 1_000n * xrp, [payee.address]: 1_000n * xrp }
  const sandbox = await createSandbox({ closeEveryMs: 200, fund, ...options })
  const client = new Client(sandbox.url)
  await client.connect()
  opened.push({ client, sandbox })
  const send = async (wallet: Wallet, fields: object) => {
    const transaction = { Account: wallet.address, ...fields } as SubmittableTransaction
    const { result } = await client.submitAndWait(transaction, { wallet })
    return { ...result, code: (result.meta as { TransactionResult: string }).TransactionResult }
  }
  return { sandbox, client, send }
}

afterEach(async () => {
  for (const { client, sandbox } of opened.splice(0)) {
    await client.disconnect()
    await sandbox.close()
  }
})

describe('the client of the XRP Ledger', () => {
  it('pays, and reads what it paid', async () => {
    const { client, send } = await open()
    const paid = await send(payer, { TransactionType: 'Payment', Destination: payee.address, Amount: '1000' })
    expect(paid.code).toBe('tesSUCCESS')
    expect(await client.getXrpBalance(payee.address)).toBe(1000.001)
    const { result } = await client.request({ command: 'account_tx', account: payee.address })
    expect(result.transactions.map(({ hash }) => hash)).toEqual([paid.hash])
  })

  it('creates an escrow and finishes it', async () => {
    const { client, sandbox, send } = await open()
    const made = await send(payer, {
      TransactionType: 'EscrowCreate',
      Destination: payee.address,
      Amount: '5000000',
      Condition: condition,
      CancelAfter: sandbox.now() + 1_000,
    })
    const OfferSequence = made.tx_json.Sequence!
    const objects = await client.request({ command: 'account_objects', account: payee.address, type: 'escrow' })
    expect(objects.result.account_objects).toMatchObject([{ Amount: '5000000', PreviousTxnID: made.hash }])
    const finish = { TransactionType: 'EscrowFinish', Owner: payer.address, OfferSequence }
    const done = await send(payee, { ...finish, Condition: condition, Fulfillment: fulfillment })
    expect(done).toMatchObject({ code: 'tesSUCCESS', tx_json: { Fee: '423' } })
    expect(sandbox.balanceOf(payee.address)).toBe(1_000n * xrp + 5_000_000n - 423n)
  })

  it('cancels an escrow whose time is past', async () => {
    const { sandbox, send } = await open()
    const made = await send(payer, {
      TransactionType: 'EscrowCreate',
      Destination: payee.address,
      Amount: '5000000',
      Condition: condition,
      CancelAfter: sandbox.now() + 100,
    })
    const cancel = { TransactionType: 'EscrowCancel', Owner: payer.address, OfferSequence: made.tx_json.Sequence! }
    expect((await send(payee, cancel)).code).toBe('tecNO_PERMISSION')
    sandbox.advance(200)
    expect((await send(payee, cancel)).code).toBe('tesSUCCESS')
    expect(sandbox.balanceOf(payer.address)).toBe(1_000n * xrp - 12n)
  })

  it('opens a payment channel, claims from it with a signature, and closes it', async () => {
    const { sandbox, client, send } = await open()
    const made = await send(payer, {
      TransactionType: 'PaymentChannelCreate',
      Destination: payee.address,
      Amount: '10000000',
      SettleDelay: 3_600,
      PublicKey: payer.publicKey,
    })
    expect(made.code).toBe('tesSUCCESS')
    const { result } = await client.request({ command: 'account_channels', account: payer.address })
    const Channel = result.channels[0]!.channel_id
    const claim = {
      TransactionType: 'PaymentChannelClaim',
      Channel,
      Balance: '3000000',
      Amount: '3000000',
      Signature: signPaymentChannelClaim(Channel, '3', payer.privateKey),
      PublicKey: payer.publicKey,
    }
    expect((await send(payee, claim)).code).toBe('tesSUCCESS')
    expect((await send(payee, { TransactionType: 'PaymentChannelClaim', Channel, Flags: 0x0002_0000 })).code).toBe(
      'tesSUCCESS',
    )
    expect(sandbox.balanceOf(payer.address)).toBe(997n * xrp - 12n)
    expect(sandbox.balanceOf(payee.address)).toBe(1_003n * xrp - 24n)
  })

  it('hears of ledgers and of the transactions of an account', async () => {
    const { client, sandbox } = await open({ closeEveryMs: 'manual' })
    const heard: string[] = []
    client.on('ledgerClosed', ({ ledger_index }) => heard.push(`ledger ${ledger_index}`))
    const told = new Promise<void>((resolve) => {
      client.on('transaction', ({ tx_json, meta, validated }) => {
        heard.push(`${tx_json?.TransactionType} ${typeof meta === 'object' && meta.delivered_amount} ${validated}`)
        resolve()
      })
    })
    await client.request({ command: 'subscribe', streams: ['ledger'], accounts: [payee.address] })
    const { tx_blob } = payer.sign(
      await client.autofill({
        TransactionType: 'Payment',
        Account: payer.address,
        Destination: payee.address,
        Amount: '77',
      }),
    )
    await client.submit(tx_blob)
    expect(heard).toEqual([])
    sandbox.closeLedger()
    await told
    expect(heard).toEqual(['ledger 3', 'Payment 77 true'])
  })

  it('may keep a hundred transactions of one account in flight', async () => {
    const { client, sandbox } = await open({ closeEveryMs: 'manual' })
    const first = sandbox.lastLedger.index
    const blobs = Array.from({ length: 100 }, (_, n) =>
      payer.sign({
        TransactionType: 'EscrowCreate',
        Account: payer.address,
        Destination: payee.address,
        Amount: '1000',
        Condition: condition,
        CancelAfter: sandbox.now() + 1_000,
        Fee: '10',
        Sequence: n + 1,
        LastLedgerSequence: first + 20,
      }),
    )
    // The last comes first: all of them wait for it to be their turn.
    const results = await Promise.all(blobs.toReversed().map(({ tx_blob }) => client.submit(tx_blob)))
    expect(new Set(results.map(({ result }) => result.engine_result))).toEqual(new Set(['terPRE_SEQ', 'tesSUCCESS']))
    expect(sandbox.closeLedger().transactions).toHaveLength(100)
  })
})
