import { readFileSync } from 'node:fs'
import { BtpFrame } from '@millstream/codec'
import { Hex } from '@millstream/units'
import { beforeEach, describe, expect, it } from 'vitest'
import { type AcceptOptions, type Authentication, acceptConnection, invalidCredentials } from './authentication.js'
import type { BtpEvent } from './btp-event.js'
import type { BtpSocketListener } from './btp-socket.js'
import { createManualTime, type ManualTime } from './testing/index.js'

interface Recorded {
  readonly authentication: readonly {
    readonly what: string
    readonly request: string | null
    readonly answer: string | null
    readonly close: number | null
  }[]
}
const recorded = JSON.parse(readFileSync(new URL('../vectors/plugin-2017.json', import.meta.url), 'utf8')) as Recorded

describe('authentication of a connection', () => {
  let time: ManualTime
  let sent: Uint8Array[]
  let closed: { code: number; reason: string }[]
  let log: string[]
  let events: BtpEvent[]

  beforeEach(() => {
    time = createManualTime()
    sent = []
    closed = []
    log = []
    events = []
  })

  /** As the recorded servers: any name, and the token is `sesame`. */
  function authenticate(username: string, token: string): Authentication<string> {
    log.push(`authenticate ${username}:${token}`)
    return username === '' && token === 'sesame' ? { account: 'alice' } : { refused: invalidCredentials }
  }

  function open(options: Partial<AcceptOptions<string>> = {}): BtpSocketListener {
    return acceptConnection<string>({
      socket: {
        send: (frame) => void sent.push(frame.slice()),
        close: (code, reason) => void closed.push({ code, reason }),
        bufferedBytes: 0,
      },
      clock: time.clock,
      timers: time.timers,
      observer: (event) => void events.push(event),
      authenticate,
      accepted(account) {
        log.push(`accepted ${account}`)
        return {
          receive: (data) => void log.push(`received ${data.length}`),
          socketClosed: (code) => void log.push(`closed ${code}`),
        }
      },
      ended: () => void log.push('ended'),
      ...options,
    })
  }

  const text = (name: string, value: string) => ({ name, contentType: 1, data: new TextEncoder().encode(value) })
  const auth = { name: 'auth', contentType: 0, data: new Uint8Array(0) }
  const first = (protocolData: BtpFrame.ProtocolData, requestId = 1) =>
    BtpFrame.encode({ type: 'message', requestId, protocolData })
  const good = first([auth, text('auth_username', ''), text('auth_token', 'sesame')])

  /** Frames, with the time in an ERROR set to one and the same. */
  function normalized(frames: readonly Uint8Array[]): BtpFrame.Frame[] {
    return frames.map((bytes) => {
      const frame = BtpFrame.decode(bytes)
      return frame.type === 'error' ? { ...frame, triggeredAt: time.clock() } : frame
    })
  }

  const answered = recorded.authentication.filter(({ request, answer }) => request !== null && answer !== null)
  it.each(answered)('answers as servers of 2017 do: $what', ({ request, answer, close }) => {
    open().receive(Hex.toBytes(request!))
    expect(normalized(sent)).toEqual(normalized([Hex.toBytes(answer!)]))
    expect(closed.map(({ code }) => code)).toEqual(close === null ? [] : [close])
  })

  it('refuses a first frame of another primary protocol in the words of 2017', () => {
    open().receive(first([{ name: 'info', contentType: 0, data: Uint8Array.of(2) }, auth]))
    expect(normalized(sent)).toMatchObject([{ type: 'error', code: 'F01', name: 'InvalidFieldsError' }])
    expect(messageOf(sent[0]!)).toBe('auth must be primary protocol on unauthenticated message')
    open().receive(first([]))
    expect(messageOf(sent[1]!)).toBe('auth must be primary protocol on unauthenticated message')
    expect(closed.map(({ code }) => code)).toEqual([1000, 1000])
  })

  it('takes only text for user and token, without NUL, in UTF-8 and of bounded length', () => {
    const bad = [
      [auth, text('auth_username', ''), { ...text('auth_token', 'sesame'), contentType: 0 }],
      [auth, { ...text('auth_username', ''), contentType: 2 }, text('auth_token', 'sesame')],
      [auth, text('auth_username', 'a\0b'), text('auth_token', 'sesame')],
      [auth, text('auth_username', ''), { ...text('auth_token', ''), data: Uint8Array.of(0xff) }],
      [auth, text('auth_username', ''), text('auth_token', 'x'.repeat(1_025))],
    ]
    for (const protocolData of bad) open().receive(first(protocolData))
    expect(sent.map(messageOf)).toEqual(Array(5).fill('invalid auth token and/or username'))
    expect(log.filter((entry) => entry.startsWith('authenticate'))).toEqual([])
  })

  it('takes a missing user name where that is set', () => {
    open({ usernameOptional: true }).receive(first([auth, text('auth_token', 'sesame')]))
    expect(log).toEqual(['authenticate :sesame', 'accepted alice'])
  })

  it('hands the connection over once the RESPONSE is sent, and everything that follows', () => {
    const listener = open({
      accepted: () => {
        log.push(`sent ${sent.length}`)
        return {
          receive: (data) => void log.push(`received ${data.length}`),
          socketClosed: () => void log.push('gone'),
        }
      },
    })
    listener.receive(good)
    listener.receive(new Uint8Array(7))
    listener.receive('text')
    listener.socketClosed(1006)
    expect(log).toEqual(['authenticate :sesame', 'sent 1', 'received 7', 'received 4', 'gone'])
    expect(time.pending).toBe(0)
  })

  it('closes with 1002 what is no request, and answers nothing', () => {
    const frames = ['ffffffffffff', '', '6300000001020100', '0100000001020100']
    for (const hex of frames) open().receive(Hex.toBytes(hex))
    open().receive('hello')
    expect(closed.map(({ code }) => code)).toEqual(Array(5).fill(1002))
    expect(sent).toEqual([])
  })

  it('closes with 1009 a first frame that is larger than any authentication', () => {
    open().receive(new Uint8Array(4_097))
    expect(closed).toEqual([{ code: 1009, reason: 'message too large' }])
  })

  it('closes a silent connection after two seconds, without a word', async () => {
    open()
    await time.advance(1_999)
    expect(closed).toEqual([])
    await time.advance(1)
    expect(closed).toEqual([{ code: 1000, reason: 'authentication timed out' }])
    expect([sent, log]).toEqual([[], ['ended']])
  })

  it('keeps one timer and nothing else until then, and none after', () => {
    const listener = open()
    expect(time.pending).toBe(1)
    listener.socketClosed(1006)
    listener.socketClosed(1006)
    expect([time.pending, log]).toEqual([0, ['ended']])
  })

  it('ignores what follows a failed authentication', () => {
    const listener = open()
    listener.receive(first([auth]))
    listener.receive(good)
    listener.receive('text')
    listener.receive(Uint8Array.of(0xff))
    expect([sent.length, closed.length]).toEqual([1, 1])
    expect(log).toEqual(['ended'])
  })

  describe('that takes its time', () => {
    it('is accepted when it is decided', async () => {
      let decide: (authentication: Authentication<string>) => void = () => undefined
      const decided = new Promise<Authentication<string>>((resolve) => {
        decide = resolve
      })
      const listener = open({ authenticate: () => decided })
      listener.receive(good)
      expect(sent).toEqual([])
      decide({ account: 'slow' })
      await time.settle()
      expect(log).toEqual(['accepted slow'])
    })

    it('is refused as unauthenticated when a second frame overtakes the answer', async () => {
      const listener = open({ authenticate: async () => ({ account: 'slow' }) })
      listener.receive(good)
      listener.receive(BtpFrame.encode({ type: 'transfer', requestId: 2, amount: 1n, protocolData: [] }))
      await time.settle()
      expect(sent.map(messageOf)).toEqual(['invalid method on unauthenticated socket'])
      expect(log).toEqual(['ended'])
    })

    it('is nothing when the connection has gone meanwhile, or the time is over', async () => {
      const gone = open({ authenticate: async () => ({ account: 'slow' }) })
      gone.receive(good)
      gone.socketClosed(1006)
      const late = open({ authenticate: () => new Promise(() => undefined) })
      late.receive(good)
      await time.advance(2_000)
      expect(log).toEqual(['ended', 'ended'])
      expect(closed).toEqual([{ code: 1000, reason: 'authentication timed out' }])
    })
  })

  it('closes with 1011 when its owner fails, and says nothing of it to the peer', async () => {
    const bug = new Error('a bug with the secret 42')
    open({ authenticate: () => Promise.reject(bug) }).receive(good)
    open({
      authenticate: () => {
        throw bug
      },
    }).receive(good)
    await time.settle()
    expect(closed).toEqual(Array(2).fill({ code: 1011, reason: 'internal error' }))
    expect(sent).toEqual([])
    expect(events).toMatchObject(Array(2).fill({ name: 'btp.handler_failed', error: bug }))
  })
})

function messageOf(bytes: Uint8Array): string {
  const frame = BtpFrame.decode(bytes) as BtpFrame.ErrorFrame
  return (JSON.parse(new TextDecoder().decode(frame.data)) as { message: string }).message
}
