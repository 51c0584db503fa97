/** Times, each with its default in `payerSettings`. */
export interface PayerSettings {
  /** From now to `expiresAt` of a payment. 30,000 */
  readonly expiresInMs: number
  /**
   * How long after its expiry the outcome of a payment is still waited for; then it is unknown. Longer than rails take
   * to find out by themselves. 15,000
   */
  readonly graceMs: number
  /** How long a shop may keep back pieces that are paid, with nothing else in flight, until it is given up. 10,000 */
  readonly patienceMs: number
  /** How long refusals that pass (T…) are borne without a single payment getting through. 30,000 */
  readonly refusalsMs: number
  /**
   * After `stop()`: how long what is in flight may take until the body is closed, so that the shop lets go. After the
   * account has ended: how long pieces that may be paid may keep away. 1,000
   */
  readonly leaveMs: number
}

export const payerSettings: PayerSettings = {
  expiresInMs: 30_000,
  graceMs: 15_000,
  patienceMs: 10_000,
  refusalsMs: 30_000,
  leaveMs: 1_000,
}
