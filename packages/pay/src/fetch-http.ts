/** HTTP by the platform's `fetch`. */
import type { Http, HttpResponse } from './http.js'

export const fetchHttp: Http = async (url, request) => {
  const response = await fetch(url, {
    method: request.method,
    headers: [...request.headers] as [string, string][],
    ...(request.body === undefined ? {} : { body: request.body as BodyInit }),
    signal: request.signal,
    redirect: 'follow',
    // What is paid belongs to nobody else; a cached answer has a stream that is long over.
    cache: 'no-store',
  })
  return {
    status: response.status,
    url: response.url,
    header: (name) => response.headers.get(name) ?? undefined,
    headers: () => response.headers.entries(),
    body: chunksOf(response.body),
  } satisfies HttpResponse
}

async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (body === null) return
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}
