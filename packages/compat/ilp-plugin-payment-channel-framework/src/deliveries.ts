/**
 * FULFILLs and REJECTs on their way to the payer: each is sent until it is answered, at most a little beyond the expiry
 * of its transfer. A fulfillment that was stored is money; its frame must not get lost with a connection.
 */
import type { Answer, Request } from '@millstream/btp'
import type { Instant } from '@millstream/units'
import * as BtpError from './btp-error.js'
import { createDeferred, type Deferred } from './deferred.js'
import * as LedgerError from './errors.js'
import type { Link, Links, Route } from './link.js'

export interface Deliveries {
  /**
   * Sends now, if the connection of the transfer or another one of its user is open, and again until it is answered.
   *
   * @param route - By which the transfer came. Without a user the next one who is not passing is told.
   * @returns Resolves when the peer has acknowledged. Rejects with the peer's refusal, or with UnreachableError when the
   *   first attempt has no answer, which does not end the attempts.
   */
  send(frame: Request, until: Instant.Instant, route: Route): Promise<null>
  /** Sends what waits for this user. */
  linkOpened(link: Link): void
  /** Gives up what is too late. */
  sweep(): void
  readonly size: number
}

/** Beyond it the oldest are given up: a peer that acknowledges nothing must not fill the memory. */
export const deliveriesMax = 65_536

interface Delivery extends Route {
  readonly frame: Request
  readonly until: Instant.Instant
  readonly done: Deferred<null>
  isUnderWay: boolean
}

export function createDeliveries(links: Links, clock: Instant.Clock): Deliveries {
  const open = new Set<Delivery>()

  return {
    send(frame, until, { link, user }) {
      const delivery: Delivery = { frame, until, user, link, done: createDeferred(), isUnderWay: false }
      open.add(delivery)
      if (open.size > deliveriesMax) open.delete(open.values().next().value!)
      attempt(delivery)
      return delivery.done.promise
    },
    linkOpened(link) {
      if (link.isPassing) return
      for (const delivery of open) {
        if (delivery.isUnderWay || (delivery.user !== undefined && delivery.user !== link.user)) continue
        delivery.link = link
        attempt(delivery)
      }
    },
    sweep() {
      const now = clock()
      for (const delivery of open) if (now >= delivery.until && !delivery.isUnderWay) open.delete(delivery)
    },
    get size() {
      return open.size
    },
  }

  function attempt(delivery: Delivery): void {
    if (!delivery.link?.session.isOpen && delivery.user !== undefined) delivery.link = links.newest(delivery.user)
    const session = delivery.link?.session
    delivery.isUnderWay = session?.request(delivery.frame, answered, delivery) === true
    if (!delivery.isUnderWay) delivery.done.reject(unanswered())
  }

  function answered(answer: Answer, delivery: Delivery): void {
    delivery.isUnderWay = false
    if (answer?.type === 'response') {
      open.delete(delivery)
      delivery.done.resolve(null)
    } else if (answer?.type === 'error') {
      // The peer will not say anything else next time.
      open.delete(delivery)
      delivery.done.reject(BtpError.fromFrame(answer))
    } else {
      delivery.done.reject(unanswered())
      if (clock() < delivery.until) attempt(delivery)
    }
  }
}

function unanswered(): LedgerError.UnreachableError {
  return new LedgerError.UnreachableError(
    'The outcome is stored, but the payer has not acknowledged it yet; it is told again until the transfer expires.',
  )
}
