/**
 * Frames of 2017, recorded between the original modules, sent to our host. `../vectors/README.md` says where they come from
 * and why some answers differ.
 */
import fs from 'node:fs'
import { BtpFrame, Derivation, IlpPacket } from '@millstream/codec'
import { hashes } from '@millstream/hashes'
import type { IncomingTransfer, Payee } from '@millstream/plugin'
import { Base64Url, Condition, Hex, Instant, TransferId } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import { createManualTimers } from './testing/manual-timers.js'
import type { RawCustomer } from './testing/raw-customer.js'
import { openTestHost, prefix, type TestHost } from './testing/test-host.js'

interface Recording {
  readonly name: string
  readonly clock: string
  readonly secret?: string
  readonly frames: readonly {
    readonly step: string
    /** A frame of the client. */
    readonly sent?: string
    readonly text?: true
    /** A PREPARE of the server. */
    readonly pays?: string
    /** The client closes the connection. */
    readonly closes?: true
    readonly ours: readonly string[]
    /** The fulfillment that the original gave. */
    readonly fulfill?: string
  }[]
}

const recordings = JSON.parse(
  fs.readFileSync(new URL('../vectors/frames-2017.json', import.meta.url), 'utf8'),
) as readonly Recording[]

/** The secret of the recorded servers, but for the tutorial's, which made one for each stream. */
const secret = new Uint8Array(32).fill(7)

/** What the recorded server did with a payment, by the last segment of its address. */
function recordedPayee(derive: (address: string) => Condition.Fulfillment): Payee {
  return {
    check: () => undefined,
    fulfill(transfer: IncomingTransfer) {
      const what = transfer.destination.split('.').at(-1)!.split('-')[0]!
      if (what === 'hold') return new Promise(() => {})
      if (what === 'reject') return { code: 'F00', message: 'wrong amount' }
      if (what === 'wrongf') return Condition.fulfillmentFrom(new Uint8Array(32))
      return derive(transfer.destination)
    },
    settled: () => {},
  }
}

/** One frame of the host as one line. */
function lineOf(frame: BtpFrame.Frame): string {
  switch (frame.type) {
    case 'error':
      return `ERROR ${frame.code} ${frame.name}`
    case 'reject': {
      const packet = IlpPacket.decode(BtpFrame.entry(frame.protocolData, 'ilp')!.data)
      return `REJECT ${packet.type === 'error' ? packet.code : packet.type}`
    }
    case 'response':
      return ['RESPONSE', ...frame.protocolData.map(entryText)].join(' ')
    default:
      return frame.type.toUpperCase()
  }
}

function entryText({ name, contentType, data }: BtpFrame.ProtocolEntry): string {
  if (name === 'ilp') return `ilp ${IlpPacket.decode(data).type}`
  return `${name} ${contentType === 0 ? Hex.fromBytes(data) : new TextDecoder().decode(data)}`
}

/** Sends every frame of the client to a host, and gives what the host did after each. */
async function replay(recording: Recording): Promise<{ readonly step: string; readonly did: readonly string[] }[]> {
  const timers = createManualTimers(Instant.from(Date.parse(recording.clock)))
  const derive = Derivation.tutorial(
    hashes,
    recording.secret === undefined ? secret : Base64Url.toBytes(recording.secret),
  )
  const strangers = { policy: 'credit', each: 1_000_000_000n } as const
  const test = openTestHost({ timers, strangers, payee: recordedPayee(derive) })
  const all: { readonly step: string; readonly did: readonly string[] }[] = []
  let customer: RawCustomer | undefined
  for (const { step, sent, text, pays, closes, fulfill } of recording.frames) {
    if (customer === undefined) {
      // The recording begins with its own authentication; after a connection that we closed, it needs another.
      customer = all.length === 0 || isAuthentication(sent) ? test.connectSilently() : await test.connect('', '')
    }
    if (closes) {
      customer.cut()
      customer = undefined
      continue
    }
    const before = customer.received.length
    if (pays !== undefined) payOut(test, pays)
    else customer.sendBytes(text ? new TextDecoder().decode(Hex.toBytes(sent!)) : Hex.toBytes(sent!))
    await test.settle()
    const frames = customer.received.slice(before)
    if (fulfill !== undefined) {
      const fulfills = frames.filter((frame) => frame.type === 'fulfill')
      expect(fulfills.map(({ fulfillment }) => Hex.fromBytes(fulfillment))).toEqual([fulfill])
    }
    const did = frames.map(lineOf)
    all.push({ step, did: customer.closedWith === undefined ? did : [...did, `close ${customer.closedWith}`] })
    if (customer.closedWith !== undefined) customer = undefined
  }
  return all
}

function isAuthentication(sent: string | undefined): boolean {
  return sent?.includes(Hex.fromBytes(new TextEncoder().encode('auth_username'))) === true
}

/** Pays the customer as the recorded server did: the same id and condition, so that the recorded FULFILL fits. */
function payOut(test: TestHost, pays: string): void {
  const frame = BtpFrame.decode(Hex.toBytes(pays))
  if (frame.type !== 'prepare') throw new Error('not a PREPARE')
  const { account } = test.events.findLast(({ name }) => name === 'trustline.connected') as unknown as {
    account: string
  }
  const target = prefix + account
  void test.host.send({
    id: TransferId.from(frame.transferId),
    target,
    amount: frame.amount,
    condition: frame.condition,
    expiresAt: Instant.after(test.timers.clock(), 30_000),
    packet: IlpPacket.encodePayment(frame.amount, `${target}.x`),
  })
}

describe.each(recordings)('$name', (recording) => {
  it('is answered as it should be', async () => {
    const expected = recording.frames.filter(({ closes }) => !closes).map(({ step, ours }) => ({ step, did: ours }))
    const all = await replay(recording)
    expect(all).toEqual(expected)
  })
})
