/**
 * The HTTP that a payer uses, handed in: the platform's `fetch` by default, `@millstream/pay/node` has one of its own.
 */

export interface HttpRequest {
  readonly method: string
  readonly headers: ReadonlyMap<string, string>
  readonly body?: Uint8Array | string | undefined
  /** Aborting it ends the request and makes a pending read of the body reject. */
  readonly signal: AbortSignal
}

export interface HttpResponse {
  readonly status: number
  /** Where the answer came from, after redirects. */
  readonly url: string
  /** Undefined when absent; several fields of one name are joined with `, `. Names in lower case. */
  header(name: string): string | undefined
  headers(): Iterable<readonly [name: string, value: string]>
  /** Chunks as they arrive, read no faster than they are asked for. Throws when the body breaks off. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Rejects only when there is no answer: no connection, or one that broke before the headers were complete. */
export type Http = (url: string, request: HttpRequest) => Promise<HttpResponse>
