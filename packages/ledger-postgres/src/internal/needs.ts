/** What a group of commands has to know before it can be decided, as far as the commands tell. */
import { type AccountId, badDebtAccount, type Command, serverAccount, settlementAccount } from '@millstream/ledger'

export interface Needs {
  readonly accounts: ReadonlySet<AccountId>
  readonly names: ReadonlySet<string>
  readonly references: readonly { readonly kind: 'deposit' | 'withdrawal'; readonly reference: string }[]
  /** How many accounts may be opened. */
  readonly opens: number
  /** A decision depends on the server's own balance, which has no version. */
  readonly needsExactServer: boolean
}

/** The targets of holds that are to end are found when they are laid out. */
export function needsOf(batches: readonly (readonly Command[])[]): Needs {
  const accounts = new Set<AccountId>()
  const names = new Set<string>()
  const references: { readonly kind: 'deposit' | 'withdrawal'; readonly reference: string }[] = []
  let opens = 0
  let needsExactServer = false
  for (const commands of batches) {
    for (const command of commands) {
      switch (command.type) {
        case 'prepare':
          accounts.add(command.source)
          accounts.add(command.target)
          break
        case 'fulfill':
        case 'reject':
        case 'look_up':
          accounts.add(command.source)
          break
        case 'limit':
          accounts.add(command.account)
          break
        case 'deposit':
        case 'withdraw':
          accounts.add(settlementAccount)
          accounts.add(command.account)
          if (command.account === serverAccount) needsExactServer = true
          references.push({
            kind: command.type === 'deposit' ? 'deposit' : 'withdrawal',
            reference: command.reference,
          })
          break
        case 'merge':
          accounts.add(command.from)
          accounts.add(command.into)
          break
        case 'write_off':
          accounts.add(badDebtAccount)
          accounts.add(command.account)
          break
        case 'open':
          names.add(command.name)
          opens += 1
      }
    }
  }
  return { accounts, names, references, opens, needsExactServer }
}
