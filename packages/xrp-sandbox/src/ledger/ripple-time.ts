/** Ripple time: whole seconds since 2000-01-01T00:00:00Z, as ledgers count it. */

const epochUnixSeconds = 946_684_800
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Seconds to which the close time of a ledger is rounded. */
export const closeTimeResolution = 10

export function fromUnixMs(ms: number): number {
  return Math.floor(ms / 1000) - epochUnixSeconds
}

/** `2026-11-22T08:22:55Z` */
export function toIso(seconds: number): string {
  return `${new Date((seconds + epochUnixSeconds) * 1000).toISOString().slice(0, 19)}Z`
}

/** `2026-Nov-22 08:22:55.000000000 UTC` */
export function toHuman(seconds: number, fraction = '000000000'): string {
  const iso = toIso(seconds)
  const month = months[Number(iso.slice(5, 7)) - 1]
  return `${iso.slice(0, 4)}-${month}-${iso.slice(8, 10)} ${iso.slice(11, 19)}.${fraction} UTC`
}

/** A ledger closes at the rounded time of the clock, and at least one second after its parent. */
export function nextCloseTime(now: number, parentCloseTime: number): number {
  const up = now + closeTimeResolution / 2
  return Math.max(up - (up % closeTimeResolution), parentCloseTime + 1)
}
