/**
 * One XRP account for several users: escrows and settlement at one address. There must be one of each sequence number,
 * so there is one account, and each user sees all of it and acts on what is its own (`purpose.kind`, keys of the store).
 *
 * ```ts
 * const share = shareAccount((user) => createXrpAccount({ server, signer, store, clock, timers }, user), 2)
 * createXrpSettlement({ account: share, … })   // and another user with share(user)
 * ```
 *
 * The account opens when all of them have opened their part, and closes when the last has closed its own.
 */
import type { AccountUser, XrpAccount } from './account.js'

/** @param count - How many users there will be. */
export function shareAccount(
  create: (user: AccountUser) => XrpAccount,
  count: number,
): (user: AccountUser) => XrpAccount {
  const users: AccountUser[] = []
  const wanting = new Map<string, AccountUser[]>()
  const learning: (() => void)[] = []
  const openers: { resolve: () => void; reject: (error: unknown) => void }[] = []
  let closed = 0

  const all: AccountUser = {
    restore: (entries) => each((user) => user.restore(entries)),
    saw: (transaction, batch) => each((user) => user.saw(transaction, batch)),
    ended: (purpose, outcome, batch) => each((user) => user.ended(purpose, outcome, batch)),
    stepped: (ledger, batch) => each((user) => user.stepped(ledger, batch)),
    wants(entry) {
      const those = users.filter((user) => user.wants(entry))
      if (those.length > 0) wanting.set(entry.id, those)
      return those.length > 0
    },
    found(found, batch) {
      each((user) => {
        const escrows = found.escrows.filter(({ entry }) => wanting.get(entry.id)?.includes(user))
        user.found({ ...found, escrows }, batch)
      })
      wanting.clear()
    },
    broken: () => each((user) => user.broken()),
  }
  const account = create(all)

  return (user) => {
    users.push(user)
    let isClosed = false
    return Object.create(account, {
      open: { value: open },
      close: {
        async value() {
          if (isClosed) return
          isClosed = true
          closed++
          if (closed === count) await account.close()
          else await account.settled()
        },
      },
    }) as XrpAccount
  }

  function each(tell: (user: AccountUser) => void): void {
    for (const user of users) tell(user)
  }

  function open(learned: () => void = () => {}): Promise<void> {
    learning.push(learned)
    return new Promise((resolve, reject) => {
      openers.push({ resolve, reject })
      if (openers.length < count) return
      account
        .open(() => {
          for (const tell of learning) tell()
        })
        .then(
          () => {
            for (const { resolve } of openers) resolve()
          },
          (error: unknown) => {
            for (const { reject } of openers) reject(error)
          },
        )
    })
  }
}
