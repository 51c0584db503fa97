import { BtpFrame, IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import { Condition, Instant, TransferId } from '@millstream/units'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BtpEvent } from './btp-event.js'
import type { Answer } from './session.js'
import { createManualTime, createMemoryNetwork, type ManualTime } from './testing/index.js'
import { createScriptedHost, type ScriptedHost } from './testing/scripted-host.js'
import { createTrustlineClient, type TrustlineClient } from './trustline-client.js'

let time: ManualTime
let host: ScriptedHost
let client: TrustlineClient
let events: BtpEvent[]

const claim: BtpFrame.ProtocolData = [
  { name: 'claim', contentType: BtpFrame.contentType.json, data: new TextEncoder().encode('{}') },
]
const fulfillment = Condition.fulfillmentFrom(new Uint8Array(32).fill(7))

beforeEach(async () => {
  time = createManualTime()
  const network = createMemoryNetwork()
  host = createScriptedHost({ network, clock: time.clock, timers: time.timers })
  events = []
  client = createTrustlineClient({
    uri: 'btp+ws://alice:a-token-of-sixteen-bytes@host:9000/',
    connect: network.connect,
    clock: time.clock,
    timers: time.timers,
    hashes,
    randomBytes: (length) => new Uint8Array(length).fill(128),
    observer: (event) => void events.push(event),
  })
  const connected = client.connect()
  await time.advance(0)
  await connected
})

afterEach(async () => {
  const closed = client.close()
  await time.advance(20_000)
  await closed
})

/** Pays, and gives what the client answers to the FULFILL, sent so often. */
async function pay(amount: bigint, times = 1): Promise<Answer[]> {
  const id = TransferId.from(new Uint8Array(16).fill(Number(amount)))
  const outcome = client.send({
    id,
    amount,
    condition: Condition.from(hashes.sha256(fulfillment)),
    expiresAt: Instant.after(time.clock(), 30_000),
    packet: IlpPacket.encodePayment(amount, 'test.host.server.x.1'),
  })
  await time.advance(0)
  const answers: Answer[] = []
  for (let i = 0; i < times; i++) {
    host.session.request({ type: 'fulfill', transferId: id, fulfillment, protocolData: [] }, (answer) => {
      answers.push(answer)
    })
    await time.advance(0)
  }
  expect((await outcome).status).toBe('fulfilled')
  return answers
}

test('answers a FULFILL with what the settler gives for its amount', async () => {
  const amounts: bigint[] = []
  client.settleWith((amount) => {
    amounts.push(amount)
    return claim
  })
  const [answer] = await pay(12n)
  expect(amounts).toEqual([12n])
  expect((answer as BtpFrame.ResponseFrame).protocolData.map(({ name }) => name)).toEqual(['claim'])
})

test('tells the settler of a transfer once, however often its FULFILL comes', async () => {
  let told = 0
  client.settleWith(() => {
    told++
    return undefined
  })
  const answers = await pay(12n, 3)
  expect(answers.map((answer) => answer?.type)).toEqual(['response', 'response', 'response'])
  expect(told).toBe(1)
})

test('answers without a claim where the settler throws, and tells the observer', async () => {
  client.settleWith(() => {
    throw new Error('no key')
  })
  const [answer] = await pay(12n)
  expect(answer).toMatchObject({ type: 'response', protocolData: [] })
  expect(events.map(({ name }) => name)).toContain('btp.handler_failed')
})
