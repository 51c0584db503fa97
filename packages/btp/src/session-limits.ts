/** What one session holds for its peer, and how long it waits. Beyond each bound the connection is closed. */
export interface SessionLimits {
  /** Longest message, in either direction. A larger one from the peer closes the connection with 1009. */
  readonly frameBytesMax: number
  /** Requests of the peer that this side has not answered. One more closes the connection with 1008. */
  readonly peerRequestsMax: number
  /** Requests of this side without an answer. One more is not sent. */
  readonly requestsMax: number
  /** Bytes sent that a peer which does not read leaves in our memory. More closes the connection with 1008. */
  readonly bufferedBytesMax: number
  /** A request without an answer after this time is answered with `undefined`; at most a tenth later. */
  readonly requestTimeoutMs: number
}

export const sessionLimits: SessionLimits = {
  frameBytesMax: 69_632,
  peerRequestsMax: 8_192,
  requestsMax: 32_768,
  bufferedBytesMax: 4_194_304,
  requestTimeoutMs: 5_000,
}
