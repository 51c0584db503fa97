/** Waiting, but not for ever. */
import * as LedgerError from './errors.js'

/** Until then `connect` has connected, unless its caller says otherwise. */
const connectTimeoutMs = 20_000
/** Longest wait of a timer; a longer one would fire at once. */
const timeoutMsMax = 2 ** 31 - 1

/** IL-RFC-4: milliseconds; falsy is the default, Infinity is none, what is not a number is a TypeError. */
export function timeoutFrom(options: { readonly timeout?: number } | undefined): number {
  const timeout: unknown = options?.timeout
  if (!timeout) return connectTimeoutMs
  if (typeof timeout !== 'number')
    throw new TypeError(`The timeout of connect must be a number; got ${String(timeout)}`)
  return timeout
}

/** @throws {UnreachableError} It took longer; `giveUp` was called. */
export async function within(timeoutMs: number, promise: Promise<void>, giveUp: () => Promise<void>): Promise<void> {
  if (timeoutMs > timeoutMsMax) return promise
  let timer: ReturnType<typeof setTimeout> | undefined
  const timedOut = new Promise<void>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new LedgerError.UnreachableError(`Not connected within ${timeoutMs} ms.`))
      void giveUp()
    }, timeoutMs)
  })
  try {
    await Promise.race([promise, timedOut])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves when the promise has, or when the time is over. */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const over = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, over])
  clearTimeout(timer)
}
