/** What one tick has decided and, once it is durable, has to tell: first to the payee, then to the customers. */
import type { Payment } from './payment.js'

export interface TickReport {
  /** Ended in this tick, in the order of the ledger. */
  readonly settlements: Payment[]
  /** PREPAREs to be answered with RESPONSE: held, now or before. */
  readonly responses: Payment[]
  /** To be answered with RESPONSE and then REJECT: nothing was held. */
  readonly rejections: Payment[]
  /** To be answered with ERROR. */
  readonly errors: Payment[]
  /** Beyond what their account can spend: ERROR, with words that need a look at the account. */
  readonly exceeding: Payment[]
  /** Whatever else waits for the disk. */
  readonly jobs: (() => void)[]
}

export function createReport(): TickReport {
  return { settlements: [], responses: [], rejections: [], errors: [], exceeding: [], jobs: [] }
}
