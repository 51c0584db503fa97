/**
 * How logs and metrics leave every package. Each package declares a union of its events; the CLI turns them into log
 * lines and metrics. An observer must not throw and is not called once per payment.
 */
export interface ObservedEvent {
  /** `package.what_happened`, for example `trustline.connection_refused`. */
  readonly name: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
}

export type Observer<Event extends ObservedEvent = ObservedEvent> = (event: Event) => void
