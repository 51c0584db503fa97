/** A promise and the two functions that settle it. Nobody has to listen to its rejection. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: Error): void
}

export function createDeferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((resolvePromise, rejectPromise) => {
    resolve = resolvePromise
    reject = rejectPromise
  })
  // A program that does not await what it called must not be ended by it.
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
