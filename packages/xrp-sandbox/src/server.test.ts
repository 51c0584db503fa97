/** What comes in over the wire: garbage, too much, at the wrong time; and the faucet, and faults that clients feel. */
import { once } from 'node:events'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { Wallet } from 'xrpl'
import { createSandbox, FundError, ListenError, type Sandbox, xrp } from './index.js'

const wallet = Wallet.generate()
let sandbox: Sandbox
const sockets: WebSocket[] = []

beforeEach(async () => {
  sandbox = await createSandbox({ closeEveryMs: 'manual', fund: { [wallet.address]: 1_000n * xrp } })
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await sandbox.close()
})

async function connect(): Promise<WebSocket> {
  const socket = new WebSocket(sandbox.url)
  sockets.push(socket)
  await once(socket, 'open')
  return socket
}

async function ask(socket: WebSocket, message: unknown): Promise<Record<string, unknown>> {
  const answered = once(socket, 'message')
  socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  return JSON.parse(String((await answered)[0]))
}

async function post(body: unknown, path = '/'): Promise<{ status: number; body: Record<string, unknown> | string }> {
  const response = await fetch(`${sandbox.httpUrl}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
}

function payment(fields: object = {}): string {
  return wallet.sign({
    TransactionType: 'Payment',
    Account: wallet.address,
    Destination: 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW',
    Amount: '2000000',
    Fee: '10',
    Sequence: 1,
    ...fields,
  }).tx_blob
}

describe('hostile clients', () => {
  it('get an answer to text that is no request, and may go on', async () => {
    const socket = await connect()
    for (const text of ['', 'hello', '{', '[]', 'null', '7', '"x"']) {
      expect(await ask(socket, text)).toMatchObject({ type: 'error', error: 'jsonInvalid' })
    }
    expect(await ask(socket, '{}')).toMatchObject({ status: 'error', error: 'missingCommand' })
    expect(await ask(socket, { command: 'ping', id: 1 })).toMatchObject({ id: 1, status: 'success' })
  })

  it('get an error for every request that makes no sense', async () => {
    const socket = await connect()
    const commands = [
      'account_info',
      'account_tx',
      'account_objects',
      'account_channels',
      'account_lines',
      'channel_verify',
      'ledger',
      'ledger_entry',
      'ledger_data',
      'simulate',
      'submit',
      'subscribe',
      'unsubscribe',
      'transaction_entry',
      'tx',
      'sandbox_fund',
      'sandbox_faults',
      '__proto__',
      'constructor',
    ]
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(wallet.address, 'validated', '0'.repeat(64), -1),
    )
    const names = [
      'account',
      'ledger_index',
      'ledger_hash',
      'marker',
      'limit',
      'type',
      'tx_blob',
      'tx_json',
      'transaction',
      'escrow',
      'index',
      'directory',
      'streams',
      'accounts',
      'faults',
      'refuse',
      'api_version',
    ]
    const request = fc.record(
      { command: fc.constantFrom(...commands), ...Object.fromEntries(names.map((name) => [name, value])) },
      { requiredKeys: ['command'] },
    )
    const errors = new Set<unknown>()
    await fc.assert(
      fc.asyncProperty(request, async (message) => {
        const answered = await ask(socket, { ...message, id: 5 })
        errors.add(answered.error)
        expect(answered).toMatchObject({ id: 5, type: 'response' })
        expect(answered.error).not.toBe('internal')
      }),
      { numRuns: 600 },
    )
    expect(errors.size).toBeGreaterThan(5)
  })

  it('get an error for what is nested too deep to be sent back', async () => {
    const socket = await connect()
    const nested = `{"command":"ping","x":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
    expect(await ask(socket, nested)).toMatchObject({ error: 'jsonInvalid' })
    expect((await post(nested)).status).toBe(400)
  })

  it('do not keep the others waiting with texts that are long', async () => {
    const socket = await connect()
    const text = 'B'.repeat(400_000)
    const fields = { TransactionType: 'AccountSet', Account: wallet.address, Domain: text }
    // `Domain` (77) of 68,928 octets, put together by hand: the codec would take minutes.
    const { tx_blob } = wallet.sign({ TransactionType: 'AccountSet', Account: wallet.address, Fee: '10', Sequence: 1 })
    const blob = tx_blob.replace('8114', `77F1DC7F${text.slice(0, 2 * 68_928)}8114`)
    for (const request of [
      { command: 'account_info', account: text },
      { command: 'ledger_entry', account_root: text },
      { command: 'subscribe', accounts: [text] },
      { command: 'simulate', tx_json: fields },
    ]) {
      expect(await ask(socket, request)).toMatchObject({ status: 'error' })
    }
    expect(await ask(socket, { command: 'submit', tx_blob: blob })).toMatchObject({
      error_exception: 'fails local checks: A field is too long.',
    })
    expect((await post({ destination: text }, '/accounts')).status).toBe(400)
  })

  it('are cut off when they send more than a request can be', async () => {
    const socket = await connect()
    const closed = once(socket, 'close')
    socket.send(JSON.stringify({ command: 'submit', tx_blob: 'A'.repeat(1_100_000) }))
    expect((await closed)[0]).toBe(1009)
    expect(await post('x'.repeat(1_100_000))).toMatchObject({ status: 413 })
    expect(await post({ method: 'ping' })).toMatchObject({ body: { result: { status: 'success' } } })
  })

  it('change nothing with blobs that are bad', async () => {
    const socket = await connect()
    const good = payment()
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: good.length - 1 }), fc.constantFrom(...'0123456789ABCDEF'), async (at, digit) => {
        const blob = good.slice(0, at) + digit + good.slice(at + 1)
        fc.pre(blob !== good)
        const { error, result } = (await ask(socket, { command: 'submit', tx_blob: blob })) as {
          error?: string
          result?: { applied: boolean }
        }
        // A bit of the padding of a signature may not matter; the transaction is then another one, and as good.
        if (result?.applied !== true) expect(error).toBe('invalidTransaction')
      }),
      { numRuns: 150 },
    )
    expect(sandbox.closeLedger().transactions.length).toBeLessThanOrEqual(1)
  })
})

describe('JSON-RPC', () => {
  it('answers as the WebSocket does', async () => {
    expect(await post({ method: 'account_info', params: [{ account: wallet.address }] })).toMatchObject({
      status: 200,
      body: { result: { account_data: { Balance: '1000000000' }, status: 'success' } },
    })
    expect(await post({ method: 'account_info', params: [{ account: 'r' }] })).toMatchObject({
      body: { result: { error: 'actMalformed', request: { account: 'r', command: 'account_info' }, status: 'error' } },
    })
  })

  it('refuses what is no request', async () => {
    for (const body of ['', '{', '[]', { params: [] }, { method: 'ping', params: 'x' }, { method: 7 }]) {
      expect((await post(body)).status).toBe(400)
    }
    expect((await fetch(sandbox.httpUrl)).status).toBe(200)
    expect((await fetch(sandbox.httpUrl, { method: 'DELETE' })).status).toBe(405)
  })
})

describe('the faucet', () => {
  it('gives to an address, or makes an account', async () => {
    const address = Wallet.generate().address
    expect(await post({ destination: address, xrpAmount: '12.5' }, '/accounts')).toMatchObject({
      status: 200,
      body: { account: { classicAddress: address }, amount: 12.5 },
    })
    expect(sandbox.balanceOf(address)).toBe(12_500_000n)
    const { body } = (await post('', '/accounts')) as unknown as {
      body: { seed: string; account: { address: string } }
    }
    expect(Wallet.fromSeed(body.seed).address).toBe(body.account.address)
    expect(sandbox.balanceOf(body.account.address)).toBe(100n * xrp)
  })

  it('gives nothing for nonsense', async () => {
    for (const body of [
      '{',
      { destination: 'bob' },
      { xrpAmount: '-1' },
      { xrpAmount: 2_000_000 },
      { xrpAmount: '0' },
    ]) {
      expect((await post(body, '/accounts')).status).toBe(400)
    }
    // Less than the base reserve makes no account.
    const tooLittle = { destination: Wallet.generate().address, xrpAmount: '0.5' }
    expect((await post(tooLittle, '/accounts')).status).toBe(400)
  })

  it('says when a ledger did not take its payment', async () => {
    await expect(sandbox.fund(Wallet.generate().address, 1n)).rejects.toThrow(FundError)
    await expect(sandbox.fund(wallet.address, 1n)).resolves.toMatchObject({
      hash: expect.stringMatching(/^[0-9A-F]{64}$/),
    })
  })
})

describe('faults that clients feel', () => {
  it('carry a command out and do not answer it', async () => {
    const socket = await connect()
    await ask(socket, { command: 'sandbox_faults', silent: { command: 'submit' } })
    socket.send(JSON.stringify({ id: 1, command: 'submit', tx_blob: payment() }))
    expect(await ask(socket, { id: 2, command: 'ping' })).toMatchObject({ id: 2 })
    expect(sandbox.closeLedger().transactions).toHaveLength(1)
  })

  it('cut the connection after a command', async () => {
    const socket = await connect()
    await ask(socket, { command: 'sandbox_faults', disconnect: { command: 'submit' } })
    const closed = once(socket, 'close')
    socket.send(JSON.stringify({ command: 'submit', tx_blob: payment() }))
    await closed
    expect(sandbox.closeLedger().transactions).toHaveLength(1)
    expect(await ask(await connect(), { command: 'ping' })).toMatchObject({ status: 'success' })
  })

  it('answer late', async () => {
    const waiting: (() => void)[] = []
    const slow = await createSandbox({
      closeEveryMs: 'manual',
      timers: { setTimeout: (callback) => waiting.push(callback), clearTimeout: () => {} },
    })
    slow.faults.delayMs = 5_000
    const socket = new WebSocket(slow.url)
    sockets.push(socket)
    await once(socket, 'open')
    const answered = once(socket, 'message')
    socket.send('{"command":"ping"}')
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
    expect(socket.isPaused).toBe(false)
    waiting[0]!()
    expect(JSON.parse(String((await answered)[0]))).toMatchObject({ status: 'success' })
    await slow.close()
  })

  it('are set and taken away by a command', async () => {
    const socket = await connect()
    const set = await ask(socket, {
      command: 'sandbox_faults',
      drop: 2,
      order: 'reversed',
      refuse: { result: 'telINSUF_FEE_P', count: 3 },
    })
    expect(set.result).toMatchObject({ faults: { drop: 2, order: 'reversed', refuse: { count: 3 } } })
    for (const bad of [{ drop: -1 }, { refuse: { result: 'telNONSENSE' } }, { order: 'sideways' }, { silent: null }]) {
      expect(await ask(socket, { command: 'sandbox_faults', ...bad })).toMatchObject({ error: 'invalidParams' })
    }
    expect((await ask(socket, { command: 'sandbox_faults', reset: true })).result).toMatchObject({
      faults: { drop: 0, order: 'canonical', refuse: {} },
    })
  })
})

describe('time', () => {
  it('passes when it is told to', async () => {
    const socket = await connect()
    const before = sandbox.lastLedger.closeTime
    await ask(socket, { command: 'sandbox_advance', seconds: 86_400 })
    expect(sandbox.lastLedger.closeTime).toBeGreaterThanOrEqual(before + 86_390)
    await ask(socket, { command: 'ledger_accept', close_time: before + 200_000 })
    expect(sandbox.lastLedger.closeTime).toBe(before + 200_000)
  })
})

describe('a port that is taken', () => {
  it('is told of', async () => {
    await expect(createSandbox({ port: sandbox.port })).rejects.toThrow(ListenError)
  })
})
