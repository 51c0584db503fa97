/** Which ledger a payer lets a shop send it to. */
import type { PayEndpoint } from '@millstream/codec'
import { PayError } from './pay-error.js'
import type { Endpoint } from './rail.js'

/**
 * Checks the `Pay-Endpoint` of an answer: a shop may name its own host, or one that the user listed, and no
 * unencrypted one for encrypted content.
 *
 * @param url - Where the answer came from, after redirects.
 * @param secure - The request or the answer was encrypted.
 * @param hosts - `ledger.example` or `ledger.example:9000`, besides the host of `url`.
 * @throws {EndpointRefusedError} It is elsewhere, or not encrypted although the content is.
 */
export function check(
  endpoint: PayEndpoint.PayEndpoint,
  url: string,
  secure: boolean,
  hosts: readonly string[],
): Endpoint {
  const target = new URL(endpoint.url)
  const origin = originOf(target)
  const listed = hosts.some((host) => host.toLowerCase() === target.hostname || host.toLowerCase() === target.host)
  if (!listed && target.hostname !== new URL(url).hostname) {
    throw new EndpointRefusedError(origin, 'is on another host', `allow it with --endpoint-host ${target.host}`)
  }
  if (secure && !endpoint.secure && !isLoopback(target.hostname)) {
    throw new EndpointRefusedError(
      origin,
      'is not encrypted, although the content is',
      'ask the shop for a btp+wss ledger',
    )
  }
  return { uri: endpoint.uri, origin, secure: endpoint.secure }
}

/**
 * The node of a fleet that serves a stream, when the payer has been told of the ledger already: another address of the
 * same origin, which gets the same credentials.
 */
export function nodeOf(known: Endpoint | undefined, asked: PayEndpoint.PayEndpoint | undefined): Endpoint | undefined {
  if (known === undefined || asked === undefined) return undefined
  if (originOf(new URL(asked.url)) !== known.origin || asked.uri === known.uri) return undefined
  return { uri: asked.uri, origin: known.origin, secure: asked.secure }
}

/** A WebSocket URL leaves its default port out, so does an origin. */
function originOf({ protocol, host }: URL): string {
  return `btp+${protocol}//${host}`
}

/** This machine: what goes there crosses no network. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
}

export class EndpointRefusedError extends PayError {
  override readonly name = 'Endpoint.EndpointRefusedError'
  readonly code = 'PAY_ENDPOINT_REFUSED'
  constructor(origin: string, why: string, next: string) {
    super({
      message: `The shop wants to be paid on the ledger at ${origin}, which ${why}.`,
      next: `${next}, or give a ledger with --ledger; nothing was paid`,
    })
  }
}

export class EndpointMissingError extends PayError {
  override readonly name = 'Endpoint.EndpointMissingError'
  readonly code = 'PAY_ENDPOINT_MISSING'
  constructor() {
    super({
      message: 'The shop wants to be paid, but does not say on which ledger (it sends no Pay-Endpoint).',
      next: 'give one with --ledger btp+ws://user:token@host:port; nothing was paid',
    })
  }
}
