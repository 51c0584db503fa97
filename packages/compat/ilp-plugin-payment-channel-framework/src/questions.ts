/**
 * What the two ends of a trustline ask each other in MESSAGE frames, in both dialects of 2017: `info`, `balance` and
 * `limit` of version 1.3.5, and `get_info`, `get_balance` and `get_limit` of the branch before it.
 */
import type { Answer, Session } from '@millstream/btp'
import { BtpFrame } from '@millstream/codec'
import * as BtpError from './btp-error.js'
import * as LedgerError from './errors.js'
import { infoBytesMax, type LedgerInfo, ledgerInfoFrom } from './ledger-info.js'
import * as ProtocolData from './protocol-data.js'

/** What this side can be asked. */
export interface Facts {
  readonly account: string
  readonly info: LedgerInfo
  /** This side's balance in base units. */
  balance(): bigint
  /** The highest balance that it may reach, as a decimal integer or `Infinity`. */
  readonly limit: string
}

const infoFull = 2
const integerPattern = /^-?[0-9]{1,60}$/
const int64Max = 2n ** 63n - 1n

/**
 * Answers a MESSAGE without `ilp` that asks for one of the facts.
 *
 * @returns The protocol data of the RESPONSE; `undefined` when it asks for something else.
 * @throws {InvalidFieldsError} The question is malformed.
 */
export function answer(protocolData: BtpFrame.ProtocolData, facts: Facts): BtpFrame.ProtocolData | undefined {
  const info = BtpFrame.entry(protocolData, 'info')
  if (info !== undefined) return [answerInfo(info, facts)]
  if (BtpFrame.entry(protocolData, 'balance') !== undefined) return [balanceEntry(facts.balance())]
  if (BtpFrame.entry(protocolData, 'limit') !== undefined) return [ProtocolData.jsonEntry('limit', facts.limit)]
  if (BtpFrame.entry(protocolData, 'get_info') !== undefined) return [ProtocolData.jsonEntry('get_info', facts.info)]
  if (BtpFrame.entry(protocolData, 'get_balance') !== undefined) {
    return [ProtocolData.jsonEntry('get_balance', facts.balance().toString())]
  }
  if (BtpFrame.entry(protocolData, 'get_limit') !== undefined) {
    return [ProtocolData.jsonEntry('get_limit', facts.limit)]
  }
  return undefined
}

/** Asks a peer; finds out which dialect it speaks and stays with it. */
export interface Asker {
  info(session: Session): Promise<LedgerInfo>
  /** The peer's balance, in base units. */
  balance(session: Session): Promise<bigint>
  /** The highest balance that the peer allows itself, as a decimal integer or `Infinity`. */
  limit(session: Session): Promise<string>
}

export function createAsker(): Asker {
  let dialect: 'info' | 'get_info' | undefined

  return {
    async info(session) {
      const entry = await ask(session, 'info', infoFull)
      if (entry.data.length > infoBytesMax) throw unusable('info')
      return ledgerInfoFrom(ProtocolData.jsonOf(entry))
    },
    async balance(session) {
      const entry = await ask(session, 'balance', 0)
      if (entry.contentType === BtpFrame.contentType.octets && entry.data.length === 8) {
        return new DataView(entry.data.buffer, entry.data.byteOffset, 8).getBigInt64(0)
      }
      return BigInt(integerIn(entry))
    },
    async limit(session) {
      return integerIn(await ask(session, 'limit', 0))
    },
  }

  async function ask(
    session: Session,
    what: 'info' | 'balance' | 'limit',
    byte: number,
  ): Promise<BtpFrame.ProtocolEntry> {
    const ours: BtpFrame.ProtocolEntry = {
      name: what,
      contentType: BtpFrame.contentType.octets,
      data: Uint8Array.of(byte),
    }
    const older = ProtocolData.jsonEntry(`get_${what}`, [])
    const first = dialect === 'get_info' ? older : ours
    let asked = first
    let frame = await request(session, [first])
    if (frame.type === 'error' && dialect === undefined) {
      asked = older
      frame = await request(session, [older])
    }
    if (frame.type === 'error') throw BtpError.fromFrame(frame)
    const entry = BtpFrame.entry(frame.protocolData, asked.name)
    if (entry === undefined) throw unusable(what)
    dialect = asked === older ? 'get_info' : 'info'
    return entry
  }
}

/**
 * Sends a MESSAGE and waits for its answer.
 *
 * @throws {UnreachableError} The connection is closed, or no answer came in time.
 */
export function request(session: Session, protocolData: BtpFrame.ProtocolData): Promise<Exclude<Answer, undefined>> {
  return new Promise((resolve, reject) => {
    const unreachable = (why: string) => reject(new LedgerError.UnreachableError(why))
    const answered = (frame: Answer) => {
      if (frame === undefined) unreachable('The peer has not answered in time.')
      else resolve(frame)
    }
    if (!session.request({ type: 'message', protocolData }, answered))
      unreachable('There is no connection to the peer.')
  })
}

function answerInfo(entry: BtpFrame.ProtocolEntry, facts: Facts): BtpFrame.ProtocolEntry {
  if (entry.contentType === BtpFrame.contentType.octets && entry.data.length === 0) {
    throw new LedgerError.InvalidFieldsError('the question "info" must have a byte')
  }
  if (entry.contentType === BtpFrame.contentType.octets && entry.data[0] === infoFull) {
    return ProtocolData.jsonEntry('info', facts.info)
  }
  const data = new TextEncoder().encode(facts.account)
  return { name: 'info', contentType: BtpFrame.contentType.text, data }
}

/** Eight bytes, signed; a balance that does not fit is said as far as it goes. */
function balanceEntry(balance: bigint): BtpFrame.ProtocolEntry {
  const data = new Uint8Array(8)
  const bounded = balance > int64Max ? int64Max : balance < -int64Max ? -int64Max : balance
  new DataView(data.buffer).setBigInt64(0, bounded)
  return { name: 'balance', contentType: BtpFrame.contentType.octets, data }
}

function integerIn(entry: BtpFrame.ProtocolEntry): string {
  const value = ProtocolData.jsonOf(entry)
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (text === 'Infinity' || (typeof text === 'string' && integerPattern.test(text))) return text
  throw unusable(entry.name)
}

function unusable(what: string): LedgerError.NotAcceptedError {
  return new LedgerError.NotAcceptedError(`The peer's answer to "${what}" cannot be used.`)
}
