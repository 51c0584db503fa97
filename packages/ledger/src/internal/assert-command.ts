/**
 * Checks the shape of commands before any of a batch is decided, so that a mistake of the caller changes nothing. What
 * may come from outside and be wrong (unknown accounts, limits, times) is not judged here: that is answered by outcomes.
 */
import { Amount, Condition, Instant, MillstreamError, TransferId } from '@millstream/units'
import { systemAccountNames } from '../account.js'
import type { Command } from '../command.js'

const namePattern = /^[A-Za-z0-9_~-]{1,64}$/
const referenceCharactersMax = 128
/** ILP addresses are at most that long. */
const destinationCharactersMax = 1023

export function assertCommands(commands: readonly Command[]): void {
  for (let i = 0; i < commands.length; i++) assertCommand(commands[i]!)
}

function assertCommand(command: Command): void {
  switch (command.type) {
    case 'prepare':
      if (command.id.length !== 16) throw new TransferId.TransferIdError()
      if (command.condition.length !== 32) Condition.from(command.condition)
      assertAmount(command.amount)
      if (!Number.isInteger(command.expiresAt) || command.expiresAt < 0) Instant.from(command.expiresAt)
      if (command.destination.length > destinationCharactersMax) {
        throw new CommandError(`a destination has at most ${destinationCharactersMax} characters`)
      }
      return
    case 'fulfill':
      if (command.fulfillment.length !== 32) Condition.fulfillmentFrom(command.fulfillment)
      if (command.id.length !== 16) throw new TransferId.TransferIdError()
      return
    case 'reject':
    case 'look_up':
      if (command.id.length !== 16) throw new TransferId.TransferIdError()
      return
    case 'deposit':
    case 'withdraw':
      assertAmount(command.amount)
      if (command.reference.length < 1 || command.reference.length > referenceCharactersMax) {
        throw new CommandError(`a reference has 1 to ${referenceCharactersMax} characters`)
      }
      return
    case 'open':
      assertAmount(command.creditLimit)
      if (!namePattern.test(command.name)) throw new AccountNameError(command.name, 'is not')
      if (systemAccountNames.has(command.name))
        throw new AccountNameError(command.name, 'is taken by the ledger and not')
      return
    case 'limit':
      assertAmount(command.creditLimit)
      return
  }
}

function assertAmount(amount: bigint): void {
  if (typeof amount !== 'bigint' || amount < 0n || amount > Amount.amountMax) Amount.from(amount)
}

export class AccountNameError extends MillstreamError {
  override readonly name = 'Ledger.AccountNameError'
  readonly code = 'LEDGER_ACCOUNT_NAME'
  constructor(name: string, is: string) {
    super(
      `${JSON.stringify(String(name).slice(0, 80))} ${is} a name for an account: 1 to 64 letters, digits, "_", "~" or "-".`,
    )
  }
}

export class CommandError extends MillstreamError {
  override readonly name = 'Ledger.CommandError'
  readonly code = 'LEDGER_COMMAND'
  constructor(rule: string) {
    super(`A command to the ledger is malformed: ${rule}. Nothing of its batch was decided.`)
  }
}
