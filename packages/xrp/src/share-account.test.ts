import { hashes, randomBytes } from '@millstream/hashes'
import { createMemoryStore as createLedger } from '@millstream/ledger'
import { createManualClock } from '@millstream/plugin/testing'
import { createSandbox, xrp } from '@millstream/xrp-sandbox'
import { expect, test } from 'vitest'
import { type AccountUser, createXrpAccount, type XrpAccount } from './account.js'
import { connectXrpl } from './connect-xrpl.js'
import { createXrpSettlement } from './settlement/settlement.js'
import { createXrpWallet } from './settlement/wallet.js'
import * as Wire from './settlement/wire.js'
import { shareAccount } from './share-account.js'
import { signerFromSeed } from './signer.js'
import { createMemoryStore } from './store.js'
import { seeds } from './testing/sandbox-pair.js'
import { alice } from './testing/settlement-world.js'

const timers = {
  setTimeout: (callback: () => void, ms: number) => setTimeout(callback, ms),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
}

test('two users of one account send under one row of sequence numbers, and each is told of its own', async () => {
  const clock = createManualClock()
  const fund = Object.fromEntries(Object.values(seeds).map((seed) => [signerFromSeed(seed).address, 100n * xrp]))
  const sandbox = await createSandbox({ closeEveryMs: 'manual', clock: clock.now, fund })
  const server = connectXrpl({ url: sandbox.url })
  const signer = signerFromSeed(seeds.shop)
  const create = (user: AccountUser) =>
    createXrpAccount({ server, signer, store: createMemoryStore(), clock: clock.now, timers }, user)
  const share = shareAccount(create, 2)
  const ledger = createLedger({ clock: clock.now, hashes })
  const settlement = createXrpSettlement({
    ...{ ledger, prefix: 'g.shop.', scale: 9, creditLimit: 0n, clock: clock.now, server, account: share },
  })
  const ended: string[] = []
  const other: XrpAccount = share({
    restore() {},
    saw() {},
    ended: ({ kind }, { status }) => void ended.push(`${kind} ${status}`),
    stepped() {},
    wants: () => false,
    found() {},
    broken() {},
  })
  await Promise.all([settlement.open(), other.open()])
  const wallet = createXrpWallet({
    server: connectXrpl({ url: sandbox.url }),
    signer: signerFromSeed(seeds.tool),
    ...{ store: createMemoryStore(), clock: clock.now, timers, randomBytes },
  })
  await wallet.open()
  sandbox.listen({ proposed: () => void setImmediate(() => sandbox.closeLedger()) })
  const ask = async (question: Wire.Question) => {
    const { data } = await settlement.answer(Wire.question(question), { name: alice })
    return JSON.parse(new TextDecoder().decode(data)) as Record<string, never>
  }
  const { tag, address } = await ask({ ask: 'deposit' })
  const fields = { TransactionType: 'Payment', Destination: address, DestinationTag: tag, Amount: String(5n * xrp) }
  const { hash } = await wallet.send(fields, 5n * xrp)
  while ((await ask({ ask: 'deposited', hash })).status !== 'credited') await new Promise(setImmediate)
  const id = 'ab'.repeat(16)
  await ask({ ask: 'withdraw', id, address: wallet.address, drops: xrp })
  other.submit({
    purpose: { kind: 'other', key: 'x' },
    fields: { TransactionType: 'AccountSet' },
    feeFactor: 1,
    drops: 0n,
    ownsObject: false,
  })
  while ((await ask({ ask: 'withdrawal', id })).status !== 'paid' || !ended.includes('other validated')) {
    await new Promise(setImmediate)
  }
  expect(other.inFlight()).toEqual([])
  expect(other.isConnected).toBe(true)
  await settlement.close()
  expect(other.isConnected).toBe(true)
  await other.close()
  expect(other.isConnected).toBe(false)
  await wallet.close()
  await sandbox.close()
})
