/** A customer that speaks frames, over a socket in memory: whatever it sends is what the host receives. */
import type { BtpSocket, BtpSocketListener } from '@millstream/btp'
import { BtpFrame, IlpPacket } from '@millstream/codec'
import { Octets } from '@millstream/units'

export interface RawCustomer {
  /** Every frame that the host has sent, in order. */
  readonly received: BtpFrame.Frame[]
  /** The code with which the host closed the socket, if it did. */
  readonly closedWith: number | undefined
  /** Answers each request of the host with RESPONSE. On unless switched off. */
  acknowledges: boolean
  send(frame: BtpFrame.KnownFrame): void
  sendBytes(bytes: Uint8Array | string): void
  /** The answers to one request, so far: none, or one. */
  answersTo(requestId: number): BtpFrame.Frame[]
  /** The FULFILL and REJECT frames about one transfer, so far. */
  endsOf(transferId: Uint8Array): BtpFrame.Frame[]
  /** The connection is cut. */
  cut(): void
}

export interface RawConnection {
  readonly customer: RawCustomer
  readonly socket: BtpSocket
}

export function createRawCustomer(accept: (socket: BtpSocket) => BtpSocketListener): RawCustomer {
  let isOpen = true
  let closedWith: number | undefined
  const socket: BtpSocket = {
    bufferedBytes: 0,
    send(frame) {
      if (!isOpen) return
      const decoded = BtpFrame.decode(frame.slice())
      customer.received.push(decoded)
      const isRequest = decoded.type === 'fulfill' || decoded.type === 'reject' || decoded.type === 'prepare'
      if (!isRequest || !customer.acknowledges) return
      const { requestId } = decoded
      // As on a network: the answer comes after whoever sent has finished sending.
      queueMicrotask(() => customer.send({ type: 'response', requestId, protocolData: [] }))
    },
    close(code) {
      if (!isOpen) return
      isOpen = false
      closedWith = code
      queueMicrotask(() => listener.socketClosed(code, ''))
    },
  }
  const customer: RawCustomer = {
    received: [],
    get closedWith() {
      return closedWith
    },
    acknowledges: true,
    send(frame) {
      customer.sendBytes(BtpFrame.encode(frame))
    },
    sendBytes(bytes) {
      if (isOpen) listener.receive(bytes)
    },
    answersTo(requestId) {
      return customer.received.filter(
        (frame) => (frame.type === 'response' || frame.type === 'error') && frame.requestId === requestId,
      )
    },
    endsOf(transferId) {
      return customer.received.filter(
        (frame) => (frame.type === 'fulfill' || frame.type === 'reject') && Octets.equal(frame.transferId, transferId),
      )
    },
    cut() {
      if (!isOpen) return
      isOpen = false
      listener.socketClosed(1006, '')
    },
  }
  const listener = accept(socket)
  return customer
}

export function authFrame(requestId: number, username: string, token: string): BtpFrame.KnownFrame {
  const { octets, text } = BtpFrame.contentType
  const bytes = (value: string) => new TextEncoder().encode(value)
  return {
    type: 'message',
    requestId,
    protocolData: [
      { name: 'auth', contentType: octets, data: new Uint8Array() },
      { name: 'auth_username', contentType: text, data: bytes(username) },
      { name: 'auth_token', contentType: text, data: bytes(token) },
    ],
  }
}

/** What a REJECT frame says. */
export function reasonOf(frame: BtpFrame.Frame | undefined): { readonly code: string; readonly text: string } {
  if (frame?.type !== 'reject') throw new Error(`not a REJECT but ${frame?.type}`)
  const packet = IlpPacket.decode(BtpFrame.entry(frame.protocolData, 'ilp')!.data)
  if (packet.type !== 'error') throw new Error(`not an ILP error but ${packet.type}`)
  return { code: packet.code, text: new TextDecoder().decode(packet.data) }
}

/** What an ERROR frame says. */
export function errorOf(frame: BtpFrame.Frame | undefined) {
  if (frame?.type !== 'error') throw new Error(`not an ERROR but ${frame?.type}`)
  return { code: frame.code, name: frame.name, text: new TextDecoder().decode(frame.data) }
}
