import { BtpFrame } from '@millstream/codec'
import { expect, test } from 'vitest'
import { claimProtocol, type Settlement, SettlementRefusedError } from './settlement.js'
import { errorOf, type RawCustomer } from './testing/raw-customer.js'
import { openTestHost, payment, quickPayee, type TestHost } from './testing/test-host.js'

const text = (value: string) => new TextEncoder().encode(value)
const words = (data: Uint8Array) => new TextDecoder().decode(data)

function recordingSettlement(): Settlement & { readonly claims: [string, string][] } {
  const claims: [string, string][] = []
  return {
    claims,
    protocol: 'gold',
    async answer({ data }, { name }) {
      const asked = words(data)
      if (asked === 'refuse') throw new SettlementRefusedError('NotAcceptedError', 'No gold for you.')
      if (asked === 'fail') throw new Error('inside')
      return { name: 'gold', contentType: BtpFrame.contentType.text, data: text(`${name}: ${asked}`) }
    },
    claim: ({ data }, { name }) => void claims.push([name, words(data)]),
  }
}

function ask(customer: RawCustomer, requestId: number, question: string): void {
  const protocolData = [{ name: 'gold', contentType: BtpFrame.contentType.text, data: text(question) }]
  customer.send({ type: 'message', requestId, protocolData })
}

async function pay(testHost: TestHost, customer: RawCustomer, protocolData: BtpFrame.ProtocolData): Promise<void> {
  const { id, frame } = payment(1, 10n, testHost.timers.clock())
  customer.acknowledges = false
  customer.send(frame)
  await testHost.settle()
  const { requestId } = customer.endsOf(id)[0] as BtpFrame.FulfillFrame
  customer.send({ type: 'response', requestId, protocolData })
  await testHost.settle()
}

test('hands questions of its protocol to the settlement, with the name of the account', async () => {
  const testHost = openTestHost({ settlement: recordingSettlement() })
  const customer = await testHost.connect()
  ask(customer, 7, 'how much?')
  await testHost.settle()
  const [answer] = customer.answersTo(7) as BtpFrame.ResponseFrame[]
  expect(words(answer!.protocolData[0]!.data)).toMatch(/^[A-Za-z0-9_-]{22}: how much\?$/)
})

test('answers ERROR in the words of a refusal, and without words where the settlement fails', async () => {
  const testHost = openTestHost({ settlement: recordingSettlement() })
  const customer = await testHost.connect()
  ask(customer, 7, 'refuse')
  ask(customer, 8, 'fail')
  await testHost.settle()
  expect(errorOf(customer.answersTo(7)[0])).toMatchObject({ name: 'NotAcceptedError' })
  expect(errorOf(customer.answersTo(7)[0]).text).toContain('No gold for you.')
  expect(errorOf(customer.answersTo(8)[0])).toMatchObject({ name: 'UnreachableError' })
  expect(errorOf(customer.answersTo(8)[0]).text).not.toContain('inside')
  expect(testHost.events.map(({ name }) => name)).toContain('trustline.settlement_failed')
})

test('refuses questions of a protocol that nobody settles by', async () => {
  const testHost = openTestHost()
  const customer = await testHost.connect()
  ask(customer, 7, 'how much?')
  await testHost.settle()
  expect(errorOf(customer.answersTo(7)[0]).text).toContain('unsupported')
})

test('hands over the claim in the RESPONSE to a FULFILL, and the transfer stays what it is', async () => {
  const settlement = recordingSettlement()
  const testHost = openTestHost({ settlement, payee: quickPayee() })
  const customer = await testHost.connect()
  await pay(testHost, customer, [
    { name: claimProtocol, contentType: BtpFrame.contentType.json, data: text('{"drops":"1"}') },
  ])
  expect(settlement.claims).toEqual([[expect.stringMatching(/^[A-Za-z0-9_-]{22}$/), '{"drops":"1"}']])
  expect(await testHost.balance()).toBe(10n)
})

test('takes a RESPONSE to a FULFILL without a claim, or with other entries', async () => {
  const settlement = recordingSettlement()
  const testHost = openTestHost({ settlement, payee: quickPayee() })
  const customer = await testHost.connect()
  await pay(testHost, customer, [{ name: 'other', contentType: BtpFrame.contentType.octets, data: text('x') }])
  expect(settlement.claims).toEqual([])
  expect(await testHost.balance()).toBe(10n)
})

test('tells the balance of an account that was opened by a deposit while it was connected', async () => {
  const testHost = openTestHost({ settlement: recordingSettlement(), strangers: { policy: 'prefunded' } })
  const customer = await testHost.connect()
  const question = { name: 'get_balance', contentType: BtpFrame.contentType.json, data: text('[]') }
  ask(customer, 7, 'my name')
  await testHost.settle()
  const name = words((customer.answersTo(7)[0] as BtpFrame.ResponseFrame).protocolData[0]!.data).split(':')[0]!
  const { outcomes } = testHost.store.apply([{ type: 'open', name, kind: 'stranger', creditLimit: 0n }])
  const [{ account }] = await outcomes
  await testHost.store.apply([{ type: 'deposit', account: account.id, amount: 12n, reference: 'x' }]).durable
  customer.send({ type: 'message', requestId: 8, protocolData: [question] })
  await testHost.settle()
  expect(words((customer.answersTo(8)[0] as BtpFrame.ResponseFrame).protocolData[0]!.data)).toBe('"-12"')
})
