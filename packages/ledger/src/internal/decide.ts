/** One command against the state that the ones before it left. */
import type { Command, Outcome } from '../command.js'
import * as Accounts from './accounts.js'
import type { LedgerState } from './ledger-state.js'
import * as Movements from './movements.js'
import * as Transfers from './transfers.js'

export function decide(state: LedgerState, command: Command): Outcome {
  switch (command.type) {
    case 'prepare':
      return Transfers.prepare(state, command)
    case 'fulfill':
      return Transfers.fulfill(state, command)
    case 'reject':
      return Transfers.reject(state, command)
    case 'look_up':
      return Transfers.lookUp(state, command)
    case 'open':
      return Accounts.open(state, command)
    case 'limit':
      return Accounts.limit(state, command)
    case 'deposit':
      return Movements.deposit(state, command)
    case 'withdraw':
      return Movements.withdraw(state, command)
    case 'merge':
      return Movements.merge(state, command)
    case 'write_off':
      return Movements.writeOff(state, command)
  }
}
