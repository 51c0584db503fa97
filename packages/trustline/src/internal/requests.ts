/**
 * What customers ask in MESSAGE frames: `info`, `balance` and `limit` as ilp-plugin-payment-channel-framework 1.3.5 asks,
 * `get_info`, `get_balance` and `get_limit` as its branch `mj-fix` does. Both dialects are always understood.
 */
import type { BtpRefusal } from '@millstream/btp'
import { BtpFrame } from '@millstream/codec'
import type { Account } from '@millstream/ledger'
import type { Rejection } from '@millstream/plugin'
import { type Settlement, SettlementRefusedError } from '../settlement.js'
import { strangersCredit } from '../strangers.js'
import type { Connection } from './host-account.js'
import type { HostContext } from './host-context.js'
import { ownBytes } from './own-bytes.js'
import * as Refusals from './refusals.js'
import { encodeRejection, ilpEntry } from './reject-packet.js'
import type { TickReport } from './tick-report.js'
import { takeToken } from './token-bucket.js'

/** Answers an ILP packet of a customer (a request for a quote) with an ILP packet. `source` is the customer's address. */
export type PacketHandler = (packet: Uint8Array, source: string) => Uint8Array | Promise<Uint8Array>

export interface Requests {
  arrive(frame: BtpFrame.MessageFrame, connection: Connection): void
  readonly hasWork: boolean
  /** Answers what was asked since the last tick, once what the tick decided is durable. */
  answer(report: TickReport): Promise<void>
}

interface Request {
  readonly frame: BtpFrame.MessageFrame
  readonly connection: Connection
}

const textEncoder = new TextEncoder()
const fullInfo = 2
const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

export function createRequests(
  context: HostContext,
  handlePacket: PacketHandler | undefined,
  settlement: Settlement | undefined,
): Requests {
  const { store, clock, asset, prefix, address } = context
  const creditEach = strangersCredit(context.strangers)
  let waiting: Request[] = []

  return {
    get hasWork() {
      return waiting.length > 0
    },
    arrive(frame, connection) {
      const { account, session } = connection
      const packet = BtpFrame.entry(frame.protocolData, 'ilp')
      if (!takeToken(account.messages, clock())) {
        session.refuse(frame.requestId, Refusals.tooManyMessages)
      } else if (packet !== undefined) {
        void answerPacket(ownBytes(packet.data), frame.requestId, connection)
      } else if (settlement !== undefined && frame.protocolData[0]?.name === settlement.protocol) {
        void answerSettlement(settlement, frame.protocolData[0], frame.requestId, connection)
      } else {
        waiting.push({ frame, connection })
        context.wake()
      }
    },
    async answer(report) {
      const requests = waiting
      waiting = []
      for (const { frame, connection } of requests) {
        const { account, session } = connection
        const { id, name } = account
        // Whom somebody else has opened meanwhile, with a deposit, is not known here until it pays.
        const found = id === undefined ? await store.find(name) : await store.account(id)
        const answer = answerTo(frame.protocolData[0], account.address, found)
        report.jobs.push(() => {
          if ('message' in answer) session.refuse(frame.requestId, answer)
          else session.respond(frame.requestId, [answer])
        })
      }
    },
  }

  function answerTo(
    asked: BtpFrame.ProtocolEntry | undefined,
    asker: string,
    found: Account | undefined,
  ): BtpFrame.ProtocolEntry | BtpRefusal.Refusal {
    switch (asked?.name) {
      case 'info':
        if (asked.data.length === 0) return Refusals.badInfo
        return asked.data[0] === fullInfo ? json('info', info(asker, found)) : text('info', address)
      case 'balance':
        return { name: 'balance', contentType: BtpFrame.contentType.octets, data: int64(balance(found)) }
      case 'limit':
        return json('limit', String(limit(found)))
      case 'get_info':
        return json('get_info', info(asker, found))
      case 'get_balance':
        return json('get_balance', String(balance(found)))
      case 'get_limit':
        return json('get_limit', String(limit(found)))
      default:
        return Refusals.unsupported
    }
  }

  /** LedgerInfo of IL-RFC-4 for whoever asks: its own lowest balance, and, beyond the standard, its own address. */
  function info(account: string, found: Account | undefined): object {
    const { scale: currencyScale, code: currencyCode } = asset
    return { currencyScale, currencyCode, prefix, connectors: [], minBalance: String(-limit(found)), account }
  }

  /** The host's balance with the account: what the account owes. */
  function balance(found: Account | undefined): bigint {
    return found === undefined ? 0n : -found.posted
  }

  function limit(found: Account | undefined): bigint {
    return found?.creditLimit ?? creditEach
  }

  async function answerSettlement(
    by: Settlement,
    question: BtpFrame.ProtocolEntry,
    requestId: number,
    { account, session }: Connection,
  ): Promise<void> {
    try {
      session.respond(requestId, [await by.answer(question, account)])
    } catch (error) {
      const isRefusal = error instanceof SettlementRefusedError
      if (!isRefusal) {
        context.observe({ name: 'trustline.settlement_failed', level: 'error', account: account.name, error })
      }
      session.refuse(requestId, isRefusal ? error.refusal : Refusals.settlementFailed)
    }
  }

  async function answerPacket(packet: Uint8Array, requestId: number, connection: Connection): Promise<void> {
    const { account, session } = connection
    let protocolData: BtpFrame.ProtocolData | undefined
    try {
      const answer = await handlePacket?.(packet, account.address)
      if (answer !== undefined) protocolData = ilpEntry(answer)
    } catch (error) {
      context.observe({ name: 'trustline.packet_handler_failed', level: 'error', account: account.name, error })
    }
    session.respond(requestId, protocolData ?? encodeRejection(noQuotes, address, clock()))
  }
}

const noQuotes: Rejection = { code: 'F00', message: 'No quotes here: the price stands in the Pay header.' }

function json(name: string, value: unknown): BtpFrame.ProtocolEntry {
  return { name, contentType: BtpFrame.contentType.json, data: textEncoder.encode(JSON.stringify(value)) }
}

function text(name: string, value: string): BtpFrame.ProtocolEntry {
  return { name, contentType: BtpFrame.contentType.text, data: textEncoder.encode(value) }
}

function int64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, value < int64Min ? int64Min : value > int64Max ? int64Max : value)
  return bytes
}
