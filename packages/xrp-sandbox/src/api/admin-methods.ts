/**
 * What only a server for tests can be asked: to close a ledger, and, under names that start with `sandbox_`, to move
 * time, to create money out of the faucet, and to fail.
 */
import { isAddress } from '../ledger/address.js'
import { type EngineResult, isEngineResult } from '../ledger/engine-result.js'
import type { JsonObject } from '../ledger/entry.js'
import type { Order } from '../ledger/faults.js'
import { ApiError } from './api-error.js'
import type { Method } from './method.js'

const countMax = 1_000_000
const delayMsMax = 600_000

export const ledgerAccept: Method = (request, { chain, control }) => {
  const { close_time: closeTime } = request
  if (closeTime !== undefined && !isCount(closeTime, 0xffff_ffff)) throw new ApiError('invalidParams')
  control.close(closeTime as number | undefined)
  return { ledger_current_index: chain.openIndex }
}

/** `seconds`: so much later it is from now on. */
export const sandboxAdvance: Method = (request, { control }) => {
  if (!isCount(request.seconds, 1_000_000_000)) throw new ApiError('invalidParams')
  control.advance(request.seconds as number)
  return {}
}

/** `account`, `drops`: a payment from the account that has everything. */
export const sandboxFund: Method = (request, { control }) => {
  const { account, drops } = request
  if (!isAddress(account)) throw new ApiError('actMalformed')
  if (typeof drops !== 'string' || !/^\d{1,17}$/.test(drops)) throw new ApiError('invalidParams')
  return { hash: control.fund(account, BigInt(drops)) }
}

/** Sets the faults that it names, and answers with all of them; `reset` first takes all away. */
export const sandboxFaults: Method = (request, { control: { faults } }) => {
  if (request.reset === true) {
    Object.assign(faults, { delayMs: 0, silent: undefined, disconnect: undefined, drop: 0, refuse: undefined })
    faults.order = 'canonical'
  }
  const { delay_ms: delayMs, drop, refuse, order, disconnect, silent } = request
  if (delayMs !== undefined) {
    if (!isCount(delayMs, delayMsMax)) throw new ApiError('invalidParams')
    faults.delayMs = delayMs as number
  }
  if (drop !== undefined) {
    if (!isCount(drop, countMax)) throw new ApiError('invalidParams')
    faults.drop = drop as number
  }
  if (refuse !== undefined) faults.refuse = refusalOf(refuse as JsonObject | null)
  if (order !== undefined) {
    if (order !== 'canonical' && order !== 'submitted' && order !== 'reversed') throw new ApiError('invalidParams')
    faults.order = order satisfies Order
  }
  if (disconnect !== undefined) faults.disconnect = commandOf(disconnect as JsonObject | null)
  if (silent !== undefined) faults.silent = commandOf(silent as JsonObject | null)
  return {
    faults: {
      delay_ms: faults.delayMs,
      drop: faults.drop,
      order: typeof faults.order === 'function' ? 'custom' : faults.order,
      refuse: { ...faults.refuse },
      disconnect: { ...faults.disconnect },
      silent: { ...faults.silent },
    },
  }
}

function refusalOf(value: JsonObject | null): { result: EngineResult; count: number } {
  const { result, count = 1 } = value ?? {}
  if (typeof result !== 'string' || !isEngineResult(result) || !isCount(count, countMax)) {
    throw new ApiError('invalidParams')
  }
  return { result, count: count as number }
}

function commandOf(value: JsonObject | null): { command: string; count: number } {
  const { command, count = 1 } = value ?? {}
  if (typeof command !== 'string' || !isCount(count, countMax)) throw new ApiError('invalidParams')
  return { command, count: count as number }
}

function isCount(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max
}
