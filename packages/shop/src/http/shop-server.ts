/** A request handler for node:http that sells what a source finds. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PayEndpoint } from '@millstream/codec'
import { createCutter } from '../piece.js'
import { assertPrice, type Shop } from '../shop.js'
import type { Found, NotFound, Source } from '../source/source.js'
import { hasPlace } from './pipeline.js'
import { sendProblem } from './problem.js'
import { answersMethod, fail, type HttpTerms, ignoreErrors, letGo, serveCounted } from './serve-node.js'

export interface ShopServerOptions extends HttpTerms {
  readonly shop: Shop
  readonly source: Source
  /** The target of a request that is answered with `ok`, for whoever watches over the shop: `/healthz`. */
  readonly healthTarget?: string
  /** Told of what a source throws: a request was answered with 500 for it. */
  readonly onError?: (error: unknown) => void
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void

/**
 * @throws {PriceError} The price is not 1 to 2^64 - 1.
 * @throws {UnitError} The piece is neither a unit nor a function.
 * @throws {PayEndpointError} The endpoint is no BTP URI, or one with credentials.
 * @example
 * const handler = createShopServer({ shop, source: letters(hashes), price: 1n, piece: 'letter', endpoint: { port: 9000 } })
 * createServer(handler).listen(8000)
 */
export function createShopServer(options: ShopServerOptions): RequestHandler {
  const { shop, source, onError, healthTarget, ...terms } = options
  // What is wrong with every request is said now.
  assertPrice(terms.price)
  createCutter(terms.piece)
  if (typeof terms.endpoint === 'string') PayEndpoint.format(terms.endpoint)
  return (request, response) => {
    ignoreErrors(request, response)
    if (!hasPlace(request, response) || !answersMethod(request, response)) return
    if (healthTarget !== undefined && request.url === healthTarget) {
      response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' }).end('ok\n')
      return
    }
    answer(request, response).catch((error: unknown) => {
      onError?.(error)
      fail(response, error)
    })
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = pathOf(request.url ?? '')
    if (url === undefined) {
      sendProblem(response, 400, 'The target of the request is malformed.')
      return
    }
    const found = await find(request, response, url)
    if ('problem' in found) sendProblem(response, found.problem, found.detail)
    else if (response.closed) letGo(found)
    else serveCounted(shop, request, response, { ...terms, ...found, resource: url })
  }

  async function find(request: IncomingMessage, response: ServerResponse, url: string): Promise<Found | NotFound> {
    const gone = new AbortController()
    const leave = () => gone.abort()
    response.once('close', leave)
    try {
      const method = request.method === 'HEAD' ? 'HEAD' : 'GET'
      return await source({ method, url, headers: request.headers, signal: gone.signal })
    } finally {
      response.removeListener('close', leave)
    }
  }
}

/** Longest path and query that is looked at. */
const urlCharactersMax = 8_192

/** RFC 9112, 3.2: the path and query of a request target, which may be a whole URL. */
function pathOf(target: string): string | undefined {
  const whole = /^https?:\/\/[^/?#]*(.*)$/i.exec(target)
  const path = whole === null ? target : whole[1]!.startsWith('/') ? whole[1]! : `/${whole[1]!}`
  return path.length <= urlCharactersMax && /^\/[!-"$-~]*$/.test(path) ? path : undefined
}
