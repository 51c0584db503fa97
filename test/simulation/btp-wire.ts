/** WebSockets of the simulated network: what a trustline client connects with, and what the host accepts. */
import type { BtpSocket, BtpSocketListener, ConnectSocket } from '@millstream/btp'
import { BtpFrame } from '@millstream/codec'
import { Hex } from '@millstream/units'
import type { End, Link, Network, Side } from './network.js'
import { OutsideError } from './outside-error.js'
import type { Process } from './process.js'

/** Whoever takes connections at this moment; `undefined` when nobody listens. */
export interface BtpListener {
  readonly process: Process
  accept(socket: BtpSocket, remoteAddress: string, link: Link): BtpSocketListener
}

export interface BtpWireOptions {
  readonly network: Network
  readonly listener: () => BtpListener | undefined
  /** A client cannot reach the host, and is not told. */
  readonly isCutOff: (client: string) => boolean
  /** Looks at each frame that has left the host, as it was before it lied. */
  readonly fromHost: (link: Link, frame: Uint8Array) => void
  /** What the client gets in its place. */
  readonly lie: (frame: Uint8Array) => readonly Uint8Array[]
  /** Looks at each message that a client sends. */
  readonly fromClient: (link: Link, frame: Uint8Array) => void
}

const handshakeMs = 10_000
/** The sides of a link. */
export const clientSide = 0
export const hostSide = 1

export class BtpWire {
  private readonly options: BtpWireOptions
  private made = 0

  constructor(options: BtpWireOptions) {
    this.options = options
  }

  connector(process: Process, opened: (link: Link) => void = () => {}): ConnectSocket {
    return (_url, listener) => this.connect(process, listener, opened)
  }

  private connect(process: Process, listener: BtpSocketListener, opened: (link: Link) => void): Promise<BtpSocket> {
    const { network, isCutOff } = this.options
    const { timeline } = network.options
    return new Promise((resolve, reject) => {
      if (!process.output()) return
      if (isCutOff(process.name)) {
        timeline.after(handshakeMs, process, () => reject(new OutsideError('no answer in time')))
        return
      }
      timeline.after(network.latency(), undefined, () => {
        const host = this.options.listener()
        if (host?.process.isAlive !== true || isCutOff(process.name) || !process.isAlive) {
          timeline.after(network.latency(), process, () => reject(new OutsideError('connection refused')))
          return
        }
        const link = this.link(process, listener, host)
        opened(link)
        timeline.after(network.latency(), process, () => resolve(this.socket(link, clientSide)))
      })
    })
  }

  private link(process: Process, listener: BtpSocketListener, host: BtpListener): Link {
    const { network } = this.options
    const { timeline } = network.options
    let hostListener: BtpSocketListener | undefined
    const early: Uint8Array[] = []
    const ends: [End, End] = [
      {
        process,
        receive: (message) => listener.receive(message as Uint8Array),
        closed: (code, reason) => listener.socketClosed(code, reason),
      },
      {
        process: host.process,
        receive(message) {
          if (hostListener === undefined) early.push(message as Uint8Array)
          else hostListener.receive(message as Uint8Array)
        },
        closed: (code, reason) => hostListener?.socketClosed(code, reason),
      },
    ]
    const link = network.connect(`btp-${process.name}-${++this.made}`, 'btp', ends)
    timeline.after(0, host.process, () => {
      hostListener = host.accept(this.socket(link, hostSide), `192.0.2.${1 + (this.made % 200)}`, link)
      for (const message of early) hostListener.receive(message)
    })
    return link
  }

  private socket(link: Link, side: Side): BtpSocket {
    const { fromHost, fromClient, lie } = this.options
    return {
      send(frame) {
        const bytes = frame.slice()
        if (!link.isOpenAt(side)) return
        if (side === clientSide) {
          if (link.send(side, bytes, () => describe(bytes))) fromClient(link, bytes)
          return
        }
        const told = lie(bytes)
        const isSent = told.map((frame) => link.send(side, frame, () => describe(frame)))
        // What it meant to say is judged, not its lies.
        if (!isSent.includes(false)) fromHost(link, bytes)
      },
      close: (code, reason) => link.close(side, code, reason),
      bufferedBytes: 0,
    }
  }
}

/** A frame in words. */
export function describe(bytes: Uint8Array | string): string {
  if (typeof bytes === 'string') return 'text'
  let frame: BtpFrame.Frame
  try {
    frame = BtpFrame.decode(bytes)
  } catch {
    return `${bytes.length} bytes that are no frame`
  }
  const request = `#${frame.requestId}`
  switch (frame.type) {
    case 'prepare':
      return `PREPARE ${request} ${idText(frame.transferId)} ${frame.amount}`
    case 'fulfill':
    case 'reject':
      return `${frame.type.toUpperCase()} ${request} ${idText(frame.transferId)}`
    case 'error':
      return `ERROR ${request} ${frame.code} ${frame.name}`
    case 'message':
      return `MESSAGE ${request} ${frame.protocolData[0]?.name ?? ''}`
    case 'response':
      return `RESPONSE ${request}`
    default:
      return `${bytes.length} bytes of an unknown type`
  }
}

/** Enough of a transfer id to tell it from the others. */
export function idText(id: Uint8Array): string {
  return Hex.fromBytes(id.subarray(0, 4))
}
