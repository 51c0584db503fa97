/** Payments that wait for what the payee finds out about them, each alone: those that came after it do not wait. */
import type { Payee } from '@millstream/plugin'
import type { Instant } from '@millstream/units'
import type { HostContext } from './host-context.js'
import type { Payment } from './payment.js'
import { hasToken } from './token-bucket.js'

export interface LookedFor {
  /** Whether the payment waits; then it comes back by itself. An account may have so many waiting as it has frames in a tick. */
  isWaiting(payment: Payment, payee: Payee | undefined, now: Instant.Instant): boolean
}

export function createLookedFor(context: HostContext, back: (payment: Payment) => void): LookedFor {
  const { limits, observe } = context

  function isWaiting(payment: Payment, payee: Payee | undefined, now: Instant.Instant): boolean {
    const { account } = payment
    if (payee?.lookFor === undefined || payment.rejection !== undefined) return false
    if (account.lookedFor >= limits.framesPerTickMax || !hasToken(account.refused, now)) return false
    const looking = lookFor(payment, payee)
    if (looking === undefined) return false
    account.lookedFor++
    const done = () => {
      account.lookedFor--
      back(payment)
    }
    looking.then(done, (error: unknown) => {
      failed(payment, error)
      done()
    })
    return true
  }

  function lookFor(payment: Payment, payee: Payee): Promise<void> | undefined {
    try {
      return payee.lookFor!(payment.incoming)
    } catch (error) {
      failed(payment, error)
      return undefined
    }
  }

  function failed({ account }: Payment, error: unknown): void {
    observe({ name: 'trustline.payee_failed', level: 'error', call: 'lookFor', account: account.name, error })
  }

  return { isWaiting }
}
