/**
 * What a BTP session needs of a WebSocket: messages in, messages out, and how much waits to leave. Adapters give it:
 * `@millstream/btp/node` over `ws`, a browser page over its own `WebSocket`, tests over memory.
 */

/** One open WebSocket. Calls on a socket that has closed do nothing; none of them throws. */
export interface BtpSocket {
  /**
   * Sends one binary message. Frames of one tick leave in one write; the adapter sees to that. The bytes belong to the
   * socket from here on.
   */
  send(frame: Uint8Array): void
  /** Closes after what was sent has left. `code` is 1000, or what RFC 6455 section 7.4.1 says. */
  close(code: number, reason: string): void
  /** Bytes that were sent and have not left this process. */
  readonly bufferedBytes: number
}

/** What happens on a WebSocket. The adapter calls nothing more after `socketClosed`. */
export interface BtpSocketListener {
  /** One whole message: bytes when it is binary, text when it is text. The bytes may be a view into a larger buffer. */
  receive(data: Uint8Array | string): void
  /** The connection is gone, whoever ended it. Called exactly once. 1006 is a connection that was cut. */
  socketClosed(code?: number, reason?: string): void
}

/** Opens a WebSocket. Messages go to `listener`, never before the promise has resolved and its callbacks have run. */
export type ConnectSocket = (url: string, listener: BtpSocketListener) => Promise<BtpSocket>
