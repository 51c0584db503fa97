/**
 * Looking for transfers whose ids have left memory, in the records: one search at a time, a bounded number waiting.
 * It happens when a PREPARE comes again after its expiry, or for the first time when it is dead already.
 */
import type { SearchOutcome } from '@millstream/ledger'
import type { HostContext } from './host-context.js'
import type { Payment } from './payment.js'

export interface Searches {
  /** Searches for a payment and then answers its PREPARE with ERROR. */
  add(payment: Payment): void
}

type Answered = (payment: Payment, outcome: SearchOutcome) => void

export function createSearches(context: HostContext, answered: Answered): Searches {
  const { store, limits } = context
  const waiting: Payment[] = []
  let isRunning = false

  return {
    add(payment) {
      const { account } = payment
      if (waiting.length >= limits.searchesMax || account.searches >= limits.searchesPerAccountMax) {
        return answered(payment, 'busy')
      }
      account.searches++
      waiting.push(payment)
      if (!isRunning) void run()
    },
  }

  async function run(): Promise<void> {
    isRunning = true
    for (let payment = waiting.shift(); payment !== undefined; payment = waiting.shift()) {
      try {
        answered(payment, await store.search(payment.source, payment.id, payment.expiresAt))
      } catch (error) {
        context.fail(error)
      }
      payment.account.searches--
    }
    isRunning = false
  }
}
