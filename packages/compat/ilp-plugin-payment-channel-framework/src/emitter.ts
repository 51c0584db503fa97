/**
 * An event emitter with the methods of EventEmitter2 2.2, which the plugin of 2017 extends: programs call `on`, `once`,
 * `many`, `onAny`, `emitAsync` and the rest on the plugin itself. Wildcards were never switched on and are not here.
 *
 * `announce` is how the plugin itself emits: a handler that throws or rejects harms neither the plugin nor the other
 * handlers.
 */

/** What programs hand in: the events of the Ledger Plugin Interface have different arguments. */
// biome-ignore lint/suspicious/noExplicitAny: a listener of any event.
export type Listener = (...args: any[]) => unknown

interface Registration {
  readonly listener: Listener
  /** Calls left; infinite for `on`. */
  left: number
}

export class Emitter {
  readonly #listeners = new Map<string, Registration[]>()
  #listenersAny: Listener[] = []
  /** Name of the event that is being emitted, for listeners of several. */
  event = ''

  on(event: string | Listener, listener?: Listener): this {
    if (typeof event === 'function') return this.onAny(event)
    return this.#add(event, listener, Number.POSITIVE_INFINITY, 'on')
  }

  addListener(event: string | Listener, listener?: Listener): this {
    return this.on(event, listener)
  }

  once(event: string, listener: Listener): this {
    return this.#add(event, listener, 1, 'once')
  }

  /** Calls `listener` for the next `times` events and no more. */
  many(event: string, times: number, listener: Listener): this {
    return this.#add(event, listener, times, 'many')
  }

  onAny(listener: Listener): this {
    if (typeof listener !== 'function') throw new TypeError('onAny takes a function')
    this.#listenersAny = [...this.#listenersAny, listener]
    return this
  }

  off(event: string, listener: Listener): this {
    if (typeof listener !== 'function') throw new TypeError('off takes a function')
    const registrations = this.#listeners.get(event) ?? []
    const index = registrations.findIndex((registration) => registration.listener === listener)
    if (index >= 0) this.#listeners.set(event, registrations.toSpliced(index, 1))
    return this
  }

  removeListener(event: string, listener: Listener): this {
    return this.off(event, listener)
  }

  offAny(listener?: Listener): this {
    if (listener === undefined) {
      this.#listenersAny = []
    } else {
      const index = this.#listenersAny.indexOf(listener)
      if (index >= 0) this.#listenersAny = this.#listenersAny.toSpliced(index, 1)
    }
    return this
  }

  removeAllListeners(event?: string): this {
    if (event === undefined) {
      this.#listeners.clear()
      this.#listenersAny = []
    } else {
      this.#listeners.delete(event)
    }
    return this
  }

  listeners(event: string): Listener[] {
    return (this.#listeners.get(event) ?? []).map((registration) => registration.listener)
  }

  listenersAny(): Listener[] {
    return [...this.#listenersAny]
  }

  listenerCount(event: string): number {
    return this.#listeners.get(event)?.length ?? 0
  }

  /** There is no warning of many listeners here, so nothing to set. */
  setMaxListeners(_count: number): this {
    return this
  }

  /**
   * Calls the listeners of `event` in the order of registration, those of all events first.
   *
   * @returns Whether anybody listened.
   * @throws What a listener throws; listeners after it are not called. An `error` event that nobody listens to.
   */
  emit(event: string, ...args: unknown[]): boolean {
    const calls = this.#take(event)
    if (calls.length === 0 && event === 'error') throw args[0] instanceof Error ? args[0] : new Error(String(args[0]))
    for (const call of calls) call(args)
    return calls.length > 0
  }

  /** Like `emit`; resolves with what the listeners returned or resolved with. */
  async emitAsync(event: string, ...args: unknown[]): Promise<unknown[]> {
    const calls = this.#take(event)
    if (calls.length === 0 && event === 'error') throw args[0] instanceof Error ? args[0] : new Error(String(args[0]))
    return Promise.all(calls.map((call) => call(args)))
  }

  /** Calls every listener of `event` and hands what one throws, or rejects with, to `failed`. */
  protected announce(event: string, args: readonly unknown[], failed: (error: unknown) => void): void {
    for (const call of this.#take(event)) {
      try {
        const result = call(args)
        if (isPromiseLike(result)) Promise.resolve(result).catch(failed)
      } catch (error) {
        failed(error)
      }
    }
  }

  #add(event: string, listener: Listener | undefined, left: number, method: string): this {
    if (typeof listener !== 'function') throw new TypeError(`${method} takes a function`)
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), { listener, left }])
    return this
  }

  /** Counts one event against the listeners and returns their calls: the list may change while they are made. */
  #take(event: string): ((args: readonly unknown[]) => unknown)[] {
    const registrations = this.#listeners.get(event) ?? []
    let ended = false
    for (const registration of registrations) {
      registration.left--
      if (registration.left <= 0) ended = true
    }
    if (ended) {
      this.#listeners.set(
        event,
        registrations.filter((registration) => registration.left > 0),
      )
    }
    const call = (listener: Listener, args: readonly unknown[]): unknown => {
      this.event = event
      return listener.apply(this, args as unknown[])
    }
    return [
      ...this.#listenersAny.map((listener) => (args: readonly unknown[]) => call(listener, [event, ...args])),
      ...registrations.map(
        ({ listener }) =>
          (args: readonly unknown[]) =>
            call(listener, args),
      ),
    ]
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
