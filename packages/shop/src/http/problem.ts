/** Answers that say what went wrong, to people and programs (RFC 9457). They cost nothing. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { corsHeaders, privateHeaders } from './response-head.js'

const titles: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [429, 'Too Many Requests'],
  [500, 'Internal Server Error'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
])

export function sendProblem(
  response: ServerResponse,
  status: number,
  detail: string,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const body = Buffer.from(JSON.stringify({ title: titles.get(status) ?? 'Error', status, detail }))
  response.writeHead(status, {
    ...corsHeaders,
    ...privateHeaders,
    ...headers,
    'content-type': 'application/problem+json',
    'content-length': body.length,
  })
  // Node leaves the body out of the answer to HEAD.
  response.end(body)
}
