/**
 * What goes wrong on purpose. Every count is used up: a fault set for two transactions is over after two.
 *
 * | fault        | what a client sees                                                                              |
 * | ------------ | ------------------------------------------------------------------------------------------------ |
 * | `delayMs`    | every answer comes so much later                                                                 |
 * | `silent`     | requests of this command are taken and never answered                                            |
 * | `disconnect` | the connection is cut when this command comes in, after the command was carried out              |
 * | `drop`       | a transaction is accepted and applied in the open ledger, and is in no ledger that closes         |
 * | `refuse`     | a transaction is refused with this result                                                        |
 * | `order`      | how the transactions of a ledger are ordered when it closes                                      |
 */
import type { EngineResult } from './engine-result.js'
import type { Transaction } from './transaction.js'

export type Order = 'canonical' | 'submitted' | 'reversed'

export interface Faults {
  delayMs: number
  silent: { command: string; count: number } | undefined
  disconnect: { command: string; count: number } | undefined
  drop: number
  refuse: { result: EngineResult; count: number } | undefined
  order: Order | ((transactions: readonly Transaction[]) => Transaction[])
}

export function none(): Faults {
  return { delayMs: 0, silent: undefined, disconnect: undefined, drop: 0, refuse: undefined, order: 'canonical' }
}

/** @returns Whether the fault is due now; it is used up by one. */
export function takes(fault: { command: string; count: number } | undefined, command: string): boolean {
  if (fault === undefined || fault.command !== command || fault.count <= 0) return false
  fault.count -= 1
  return true
}
