/**
 * A server of the XRP Ledger, as this package uses one: requests, and word of each validated ledger. `connectXrpl` makes
 * it of the official client; tests make their own.
 */
import { MillstreamError } from '@millstream/units'
import type { JsonObject } from './internal/json.js'

export interface XrpRequest {
  readonly command: string
  readonly [field: string]: unknown
}

/** Told in the order in which things happen. */
export interface XrpServerEvents {
  /** Also after each reconnect: subscriptions have to be made anew. */
  connected(): void
  disconnected(): void
  /** A `ledgerClosed` message: a ledger is validated. */
  ledgerClosed(message: JsonObject): void
  /** A `transaction` message about a subscribed account. */
  transaction(message: JsonObject): void
}

export interface XrpServer {
  readonly name: string
  readonly isConnected: boolean
  /**
   * Connects, and goes on to connect after each cut.
   *
   * @throws {XrpUnreachableError} The first attempt has failed.
   */
  open(events: XrpServerEvents): Promise<void>
  /**
   * @returns The `result` of the answer.
   * @throws {XrpRequestError} The server has refused, did not answer, or is not connected.
   */
  request(request: XrpRequest): Promise<JsonObject>
  close(): Promise<void>
}

/** A request that brought no result. `result` is the server's `error`: `actNotFound`, `txnNotFound`, … */
export class XrpRequestError extends MillstreamError {
  override readonly name = 'XrpServer.XrpRequestError'
  readonly code = 'XRP_REQUEST'
  readonly result: string
  constructor(command: string, result: string) {
    super(`The XRP Ledger server did not answer "${command}": ${result}. Nothing is known to have changed.`)
    this.result = result
  }
}

export class XrpUnreachableError extends MillstreamError {
  override readonly name = 'XrpServer.XrpUnreachableError'
  readonly code = 'XRP_UNREACHABLE'
  constructor(server: string, reason: string) {
    super(
      `The XRP Ledger server ${server} cannot be reached: ${reason}. Nothing was sent; check the address and the network.`,
    )
  }
}
