/**
 * MESSAGE frames: questions about the ledger, which are answered here, and requests of programs, which go to the handler
 * that the program has registered.
 */
import type { MessageFrame, Session } from '@millstream/btp'
import { BtpFrame, IlpPacket } from '@millstream/codec'
import type { Instant } from '@millstream/units'
import * as BtpError from './btp-error.js'
import * as LedgerError from './errors.js'
import * as Message from './message.js'
import * as Questions from './questions.js'
import * as Text from './text.js'
import type * as Transfer from './transfer.js'

export type RequestHandler = (message: Message.ProgramMessage) => unknown

export interface RequestsContext {
  readonly clock: Instant.Clock
  readonly announce: (event: string, ...args: unknown[]) => void
  addresses(): Transfer.Addresses
  facts(): Questions.Facts
}

export interface Requests {
  /** @throws {RequestHandlerAlreadyRegisteredError} There is a handler. */
  register(handler: unknown): void
  deregister(): void
  /** Sends a program's request and resolves with the peer's answer. */
  send(session: Session, message: unknown): Promise<Message.ProgramMessage>
  arrived(session: Session, frame: MessageFrame): void
}

/** Longest error message of a handler that the peer is told. */
const handlerMessageMax = 1_000

export function createRequests(context: RequestsContext): Requests {
  const { announce } = context
  let handler: RequestHandler | undefined

  return {
    register(value) {
      if (handler !== undefined) {
        throw new LedgerError.RequestHandlerAlreadyRegisteredError('requestHandler is already registered')
      }
      if (typeof value !== 'function') throw new LedgerError.InvalidFieldsError('requestHandler must be a function')
      handler = value as RequestHandler
    },
    deregister() {
      handler = undefined
    },
    async send(session, message) {
      const { program, protocolData } = Message.fromProgram(message, context.addresses())
      announce('outgoing_request', { ...program })
      const frame = await Questions.request(session, protocolData)
      if (frame.type === 'error') throw BtpError.fromFrame(frame)
      const response = Message.fromFrame(program.id, frame.protocolData, context.addresses())
      announce('incoming_response', { ...response })
      return response
    },
    arrived(session, frame) {
      answer(frame).then(
        (protocolData) => session.respond(frame.requestId, protocolData),
        (error: unknown) => session.refuse(frame.requestId, BtpError.toRefusal(error)),
      )
    },
  }

  async function answer({ requestId, protocolData }: MessageFrame): Promise<BtpFrame.ProtocolData> {
    if (BtpFrame.entry(protocolData, 'ilp') === undefined) {
      const fact = Questions.answer(protocolData, context.facts())
      if (fact !== undefined) return fact
      if (BtpFrame.entry(protocolData, 'custom') === undefined) {
        throw new LedgerError.NotAcceptedError('unsupported sub-protocol')
      }
    }
    const message = Message.fromFrame(requestId, protocolData, context.addresses())
    announce('incoming_request', { ...message })
    if (handler === undefined) throw new LedgerError.NotAcceptedError('no request handler registered')
    let response: unknown
    try {
      response = await handler({ ...message })
    } catch (error) {
      response = failed(error)
    }
    const answered = Message.fromProgram(response, context.addresses())
    announce('outgoing_response', { ...answered.program })
    return answered.protocolData
  }

  /** A request that could be heard but not served is answered, with an ILP error. */
  function failed(error: unknown): object {
    const { account, peer } = context.addresses()
    const message = (error instanceof Error ? error.message : String(error)).slice(0, handlerMessageMax)
    const ilp = IlpPacket.encodeError({
      code: 'F00',
      triggeredBy: account,
      triggeredAt: context.clock(),
      data: new TextEncoder().encode(JSON.stringify({ message })),
    })
    return { from: account, to: peer, ilp: Text.fromBytes(ilp) }
  }
}
