/** The wall clock of this machine, for programs; tests and simulations hand in their own. */
import type { Instant } from '@millstream/units'

export const systemClock: Instant.Clock = () => Date.now() as Instant.Instant
