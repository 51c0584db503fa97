import { readFileSync } from 'node:fs'
import { BtpFrame } from '@millstream/codec'
import { Hex, TransferId } from '@millstream/units'
import { beforeEach, describe, expect, it } from 'vitest'
import type { BtpEvent } from './btp-event.js'
import * as BtpRefusal from './btp-refusal.js'
import {
  type Answer,
  createSession,
  type Request,
  type Session,
  type SessionClosure,
  type SessionHandler,
  type SessionOptions,
} from './session.js'
import { createManualTime, type ManualTime } from './testing/index.js'

interface Recorded {
  readonly errors: readonly { what: string; hex: string; name: string; code: string }[]
  readonly ignored: readonly { what: string; hex: string }[]
  readonly unreadable: readonly { what: string; hex: string }[]
}
const recorded = JSON.parse(readFileSync(new URL('../vectors/plugin-2017.json', import.meta.url), 'utf8')) as Recorded

const message: Request = { type: 'message', protocolData: [] }
const response = (requestId: number) => BtpFrame.encode({ type: 'response', requestId, protocolData: [] })
const messageFrame = (requestId: number) => BtpFrame.encode({ type: 'message', requestId, protocolData: [] })

describe('session', () => {
  let time: ManualTime
  let sent: BtpFrame.Frame[]
  let closed: { code: number; reason: string }[]
  let handled: BtpFrame.Frame[]
  let closures: SessionClosure[]
  let events: BtpEvent[]
  let bufferedBytes: number

  beforeEach(() => {
    time = createManualTime()
    sent = []
    closed = []
    handled = []
    closures = []
    events = []
    bufferedBytes = 0
  })

  function open(options: Partial<SessionOptions> = {}, handler: Partial<SessionHandler> = {}): Session {
    const take = (frame: BtpFrame.Frame) => void handled.push(frame)
    return createSession({
      socket: {
        send: (frame) => void sent.push(BtpFrame.decode(frame.slice())),
        close: (code, reason) => void closed.push({ code, reason }),
        get bufferedBytes() {
          return bufferedBytes
        },
      },
      clock: time.clock,
      timers: time.timers,
      observer: (event) => void events.push(event),
      handler: {
        prepare: take,
        fulfill: take,
        reject: take,
        message: take,
        closed: (closure) => void closures.push(closure),
        ...handler,
      },
      ...options,
    })
  }

  function ask(session: Session, answers: Answer[] = []): Answer[] {
    expect(session.request(message, (answer) => void answers.push(answer))).toBe(true)
    return answers
  }

  describe('requests of this side', () => {
    it('are answered by the RESPONSE or ERROR of the same id, in any order', () => {
      const session = open()
      const [first, second] = [ask(session), ask(session)]
      expect(sent.map(({ requestId }) => requestId)).toEqual([1, 2])
      const error = BtpRefusal.encode(2, { name: 'NotAcceptedError', message: 'no' }, time.clock())
      session.receive(error)
      session.receive(response(1))
      expect(first).toMatchObject([{ type: 'response', requestId: 1 }])
      expect(second).toMatchObject([{ type: 'error', requestId: 2, name: 'NotAcceptedError' }])
      expect(session.requestsInFlight).toBe(0)
    })

    it('hand the context to their callback, so that it needs no closure', () => {
      const session = open()
      const seen: unknown[] = []
      session.request(message, (_answer, context: { id: number }) => void seen.push(context), { id: 7 })
      session.receive(response(1))
      expect(seen).toEqual([{ id: 7 }])
    })

    it('are answered once: a second response and one that nobody asked for are ignored', () => {
      const session = open()
      const answers = ask(session)
      session.receive(response(1))
      session.receive(response(1))
      session.receive(response(99))
      expect(answers).toHaveLength(1)
      expect([sent.length, closed]).toEqual([1, []])
    })

    it('that are already encoded go out under the id of the session', () => {
      const session = open()
      ask(session)
      const frame = messageFrame(0)
      expect(session.requestEncoded(frame, () => undefined)).toBe(true)
      expect(sent[1]).toMatchObject({ type: 'message', requestId: 2 })
    })

    it('that cannot be encoded throw, and leave nothing behind', () => {
      const session = open()
      const id = new Uint8Array(15) as TransferId.TransferId
      expect(() => session.request({ type: 'reject', transferId: id, protocolData: [] }, () => undefined)).toThrow()
      expect([session.requestsInFlight, sent, time.pending]).toEqual([0, [], 0])
    })

    it('beyond the bound are not sent', () => {
      const session = open({ limits: { requestsMax: 2 } })
      const answers = [ask(session), ask(session)]
      expect(session.request(message, () => undefined)).toBe(false)
      session.receive(response(1))
      ask(session)
      expect(answers[0]).toHaveLength(1)
      expect(sent).toHaveLength(3)
    })

    it('without an answer are answered with undefined after five seconds, half a second later at most', async () => {
      const session = open()
      await time.advance(400)
      const answers = ask(session)
      // Something else arrives, so that the connection is not taken for dead.
      await time.advance(2_000)
      session.receive(messageFrame(1))
      await time.advance(2_999)
      expect(answers).toEqual([])
      await time.advance(501)
      expect(answers).toEqual([undefined])
      expect(session.isOpen).toBe(true)
      session.receive(response(1))
      expect(answers).toEqual([undefined])
    })

    it('cost one timer together, and none when there are none', async () => {
      const session = open()
      for (let i = 0; i < 1_000; i++) ask(session)
      expect(time.pending).toBe(1)
      for (let i = 1; i <= 1_000; i++) session.receive(response(i))
      await time.advance(600)
      expect(time.pending).toBe(0)
    })

    it('find out that a connection is half open: nothing at all for the whole time closes it', async () => {
      const session = open()
      const answers = ask(session)
      await time.advance(6_000)
      expect(answers).toEqual([undefined])
      expect(closed).toEqual([{ code: 1008, reason: 'no answer' }])
      expect(closures).toEqual([{ by: 'us', code: 1008, reason: 'no answer' }])
    })

    it('are not timed out by a clock that is set', async () => {
      const session = open()
      const answers = ask(session)
      time.jump(3_600_000)
      await time.advance(1_000)
      expect(answers).toEqual([])
    })
  })

  describe('requests of the peer', () => {
    it('go to the handler by their type', () => {
      const session = open()
      const transferId = TransferId.from(new Uint8Array(16))
      session.receive(BtpFrame.encode({ type: 'reject', requestId: 5, transferId, protocolData: [] }))
      session.receive(messageFrame(6))
      expect(handled.map(({ type, requestId }) => [type, requestId])).toEqual([
        ['reject', 5],
        ['message', 6],
      ])
    })

    it('are answered with RESPONSE and its protocol data', () => {
      const session = open()
      session.receive(messageFrame(6))
      session.respond(6, [{ name: 'x', contentType: 0, data: Uint8Array.of(1) }])
      expect(sent).toEqual([
        { type: 'response', requestId: 6, protocolData: [{ name: 'x', contentType: 0, data: Uint8Array.of(1) }] },
      ])
    })

    it('are refused with the code of the RFC, or of 2017 when that is set', () => {
      const codes = [false, true].map((compatibleErrorCodes) => {
        open({ compatibleErrorCodes }).refuse(6, { name: 'DuplicateIdError', message: 'taken' })
        return sent.pop()
      })
      expect(codes).toMatchObject([
        { type: 'error', requestId: 6, code: 'F05', name: 'DuplicateIdError', triggeredAt: time.clock() },
        { type: 'error', requestId: 6, code: 'F04', name: 'DuplicateIdError' },
      ])
      expect(new TextDecoder().decode((codes[0] as BtpFrame.ErrorFrame).data)).toBe('{"message":"taken"}')
    })

    it('beyond the bound close the connection', () => {
      const session = open({ limits: { peerRequestsMax: 3 } })
      for (let i = 1; i <= 3; i++) session.receive(messageFrame(i))
      session.respond(1)
      session.receive(messageFrame(4))
      expect(closed).toEqual([])
      session.receive(messageFrame(5))
      expect(closed).toEqual([{ code: 1008, reason: 'too many requests in flight' }])
      expect(handled).toHaveLength(4)
    })

    it('of types that do not exist are ignored, never answered', () => {
      const session = open()
      for (const { hex } of recorded.ignored) session.receive(Hex.toBytes(hex))
      expect([handled, sent, closed]).toEqual([[], [], []])
      expect(session.isOpen).toBe(true)
    })
  })

  describe('what is no frame', () => {
    it('closes the connection with 1002', () => {
      for (const { hex } of recorded.unreadable) open().receive(Hex.toBytes(hex))
      open().receive('hello')
      expect(closed.map(({ code }) => code)).toEqual(Array(recorded.unreadable.length + 1).fill(1002))
    })

    it('closes it with 1009 when it is too large', () => {
      const session = open({ limits: { frameBytesMax: 10 } })
      session.receive(new Uint8Array(11))
      expect(closed).toEqual([{ code: 1009, reason: 'message too large' }])
    })
  })

  describe('a peer that does not read', () => {
    it('is left when too many bytes wait for it', () => {
      const session = open({ limits: { bufferedBytesMax: 100_000 } })
      const data = new Uint8Array(30_000)
      const entry = { name: 'x', contentType: 0, data }
      bufferedBytes = 100_000
      for (let i = 0; i < 5; i++) session.respond(1, [entry])
      expect(closed).toEqual([])
      bufferedBytes = 100_001
      for (let i = 0; i < 3; i++) session.respond(1, [entry])
      expect(closed).toEqual([{ code: 1008, reason: 'peer does not read' }])
    })
  })

  describe('the end', () => {
    it('answers every request with undefined, then tells the owner, once', () => {
      const order: string[] = []
      const session = open({}, { closed: () => void order.push('closed') })
      session.request(message, () => void order.push('first'))
      session.request(message, () => void order.push('second'))
      session.socketClosed(1006, '')
      session.socketClosed(1006, '')
      session.close(1000, '')
      expect(order).toEqual(['first', 'second', 'closed'])
      expect([session.isOpen, time.pending, closed]).toEqual([false, 0, []])
    })

    it('says who closed and why, in the peer’s words without control characters', () => {
      open().socketClosed(1001, 'going\u001b[31m away')
      open().close(1000, 'done')
      expect(closures).toEqual([
        { by: 'peer', code: 1001, reason: 'going [31m away' },
        { by: 'us', code: 1000, reason: 'done' },
      ])
    })

    it('is the end: nothing is handled, sent or taken after it', () => {
      const session = open()
      session.close(1000, '')
      session.receive(messageFrame(1))
      session.respond(1)
      session.refuse(1, { name: 'NotAcceptedError', message: '' })
      expect(session.request(message, () => undefined)).toBe(false)
      expect([handled, sent, closed.length]).toEqual([[], [], 1])
    })

    it('lets callbacks try new requests, which are not taken', () => {
      const session = open()
      let taken: boolean | undefined
      session.request(message, () => {
        taken = session.request(message, () => undefined)
      })
      session.socketClosed()
      expect(taken).toBe(false)
    })
  })

  it('closes and reports when its owner throws, and throws nothing itself', () => {
    const bug = new Error('a bug')
    const throwing = () => {
      throw bug
    }
    open({}, { message: throwing }).receive(messageFrame(1))
    const session = open()
    session.request(message, throwing)
    session.receive(response(1))
    open({}, { closed: throwing }).close(1000, '')
    expect(closed.map(({ code }) => code)).toEqual([1011, 1011, 1000])
    const failures = events.filter(({ name }) => name === 'btp.handler_failed')
    expect(failures).toMatchObject(Array(3).fill({ error: bug }))
  })
})

describe('refusals', () => {
  it('that were received are known by their name, else by the code of the RFC', () => {
    const known = recorded.errors.map(({ hex }) => {
      const frame = BtpFrame.decode(Hex.toBytes(hex)) as BtpFrame.ErrorFrame
      return [frame.name, frame.code, BtpRefusal.fromFrame(frame).name]
    })
    expect(known).toEqual([
      ['TypeError', 'F00', 'NotAcceptedError'],
      ['InvalidFieldsError', 'F01', 'InvalidFieldsError'],
      ['NotAcceptedError', 'F00', 'NotAcceptedError'],
      ['TransferNotFoundError', 'F02', 'TransferNotFoundError'],
      ['NotAcceptedError', 'F00', 'NotAcceptedError'],
      ['DuplicateIdError', 'F04', 'DuplicateIdError'],
    ])
  })

  it('of an unknown name and code may be tried again if the code begins with T', () => {
    const frame = BtpFrame.decode(Hex.toBytes(recorded.errors[0]!.hex)) as BtpFrame.ErrorFrame
    const nameOf = (code: string) => BtpRefusal.fromFrame({ ...frame, name: 'Oops', code }).name
    expect(['T42', 'F42', '???'].map(nameOf)).toEqual(['UnreachableError', 'NotAcceptedError', 'NotAcceptedError'])
  })

  it('show the peer’s words bounded, whatever they are', () => {
    const frame = BtpFrame.decode(Hex.toBytes(recorded.errors[0]!.hex)) as BtpFrame.ErrorFrame
    const say = (text: string) => BtpRefusal.fromFrame({ ...frame, data: new TextEncoder().encode(text) }).message
    expect(say('{"message":"no money"}')).toBe('no money')
    expect(say('{"message":42}')).toBe('{"message":42}')
    expect(say('plain\ntext')).toBe('plain text')
    expect(say('')).toBe('')
    expect(say(JSON.stringify({ message: 'x'.repeat(10_000) }))).toHaveLength(BtpRefusal.peerTextMax)
  })
})
