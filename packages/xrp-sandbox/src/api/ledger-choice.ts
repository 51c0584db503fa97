/** The ledger that a request names: `ledger_hash`, or `ledger_index` as a number or a shortcut; else the open one. */
import type { Chain } from '../ledger/chain.js'
import type { ClosedLedger } from '../ledger/closed-ledger.js'
import type { JsonObject } from '../ledger/entry.js'
import type { ReadView } from '../ledger/view.js'
import { ApiError } from './api-error.js'
import { isHash } from './method.js'

export interface ChosenLedger {
  readonly view: ReadView
  readonly closed: ClosedLedger | undefined
  /** What the answer says about it. */
  readonly fields: JsonObject
}

export function choose(request: JsonObject, chain: Chain): ChosenLedger {
  const { ledger_hash: hash, ledger_index: index } = request
  if (hash !== undefined) {
    if (!isHash(hash)) throw new ApiError('invalidParams', { message: "Invalid field 'ledger_hash', not hex string." })
    return closedChoice(chain.history.ledgerByHash(hash.toUpperCase()))
  }
  if (index === undefined || index === null || index === '' || index === 'current') return openChoice(chain)
  if (index === 'validated' || index === 'closed') return closedChoice(chain.closedLedger)
  const number = typeof index === 'string' && /^\d{1,10}$/.test(index) ? Number(index) : index
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0) {
    throw new ApiError('invalidParams', { message: "Invalid field 'ledger_index', not string or number." })
  }
  if (number === chain.openIndex) return openChoice(chain)
  return closedChoice(chain.history.ledger(number))
}

function openChoice(chain: Chain): ChosenLedger {
  return {
    view: chain.openState,
    closed: undefined,
    fields: { ledger_current_index: chain.openIndex, validated: false },
  }
}

function closedChoice(ledger: ClosedLedger | undefined): ChosenLedger {
  if (ledger === undefined) throw new ApiError('lgrNotFound')
  return {
    view: { read: (key) => ledger.state.get(key) },
    closed: ledger,
    fields: { ledger_hash: ledger.hash, ledger_index: ledger.index, validated: true },
  }
}
