/**
 * The customers of a host that are in memory, who may become one, and how their accounts come to be and end in the
 * ledger.
 *
 * | credentials             | account                          | in the ledger                                    |
 * | ----------------------- | -------------------------------- | ------------------------------------------------ |
 * | user name and token     | hash of both, always the same    | opened with its first payment                    |
 * | both empty              | one of its own per connection    | the same; merged into one of its hour at the end |
 *
 * A connection alone costs the ledger nothing: an account is opened when there is a payment that its payee would take,
 * and then only if it may owe something.
 */
import { type Authentication, accountName } from '@millstream/btp'
import type { Account, AccountId, Command, OpenOutcome, WriteOffOutcome } from '@millstream/ledger'
import { Base64Url, type Hashes, type RandomBytes } from '@millstream/units'
import { strangersCredit } from '../strangers.js'
import { createHostAccount, type HostAccount, isIdle, type Standing } from './host-account.js'
import type { HostContext } from './host-context.js'
import { createOpeningRate } from './opening-rate.js'
import * as Refusals from './refusals.js'
import { isFull } from './token-bucket.js'

/** Who is about to be connected: nothing is made before the connection has been accepted. */
export interface Admission {
  readonly name: string
  readonly standing: Standing
  /** As the ledger has it. */
  readonly found: Account | undefined
}

export interface AccountTable {
  readonly size: number
  all(): Iterable<HostAccount>
  byName(name: string): HostAccount | undefined
  byId(id: AccountId): HostAccount | undefined
  /** Judges credentials. Makes nothing. */
  admit(username: string, token: string): Authentication<Admission> | Promise<Authentication<Admission>>
  /** The account of an admission, or of a hold: found in memory or made. */
  enter(admission: Admission): HostAccount
  /**
   * Opens accounts in the ledger, or finds them there. Those that may not be opened keep `id` undefined: whoever could
   * spend nothing, and whoever comes from where too many were opened. Whom the host pays is opened in any case.
   */
  open(accounts: readonly HostAccount[], purpose: 'to pay' | 'to be paid'): Promise<void>
  /** The ledger has no such account any more: another host has merged it, or opened it under another id. */
  lost(account: HostAccount): void
  /** A connection has ended, or something that was open. */
  released(account: HostAccount): void
  /** Whether there are passing accounts to merge. */
  readonly hasDeparted: boolean
  /** Merges passing accounts that have ended, debts and all, into one account of the hour. */
  mergeDeparted(): Promise<void>
  /** Writes off old debts of strangers, and finds passing accounts that an earlier process left behind. */
  writeOff(): Promise<void>
  /** Forgets what is idle. */
  sweep(): void
}

/** Bytes of the random part of a passing account's name. */
const passingBytes = 6
const passingPrefix = '~passing-'
const hourMs = 3_600_000
const writeOffsPerBatch = 500

export function createAccountTable(context: HostContext, hashes: Hashes, randomBytes: RandomBytes): AccountTable {
  const { store, clock, limits, strangers, prefix, observe, apply } = context
  const names = new Map<string, HostAccount>()
  const ids = new Map<AccountId, HostAccount>()
  const openings = createOpeningRate(limits)
  const creditEach = strangersCredit(strangers)
  let departed: AccountId[] = []
  let passed = 0
  let passingOfHour: { readonly name: string; readonly id: AccountId } | undefined

  return {
    get size() {
      return names.size
    },
    get hasDeparted() {
      return departed.length > 0
    },
    all: () => names.values(),
    byName: (name) => names.get(name),
    byId: (id) => ids.get(id),
    admit(username, token) {
      if (username === '' && token === '') return admitPassing()
      const name = accountName(hashes, username, token)
      const found = store.find(name)
      return found instanceof Promise ? found.then((account) => judge(name, account)) : judge(name, found)
    },
    enter,
    open,
    lost(account) {
      if (account.id !== undefined) ids.delete(account.id)
      account.id = undefined
      account.mustOpen = true
    },
    released,
    mergeDeparted,
    writeOff,
    sweep() {
      const now = clock()
      openings.sweep(now)
      for (const account of [...names.values()]) {
        if (account.isLimited && isFull(account.refused, now)) account.isLimited = false
        released(account)
      }
    },
  }

  function admitPassing(): Authentication<Admission> {
    if (strangers.policy === 'refuse') return { refused: Refusals.passingStranger }
    if (names.size >= limits.accountsMax) return { refused: Refusals.full }
    const name = `~p${(passed++).toString(36)}-${Base64Url.fromBytes(randomBytes(passingBytes))}`
    return { account: { name, standing: 'passing', found: undefined } }
  }

  function judge(name: string, found: Account | undefined): Authentication<Admission> {
    // A stranger that is owed something may come for it; the operator's own accounts may always.
    const isKnown = found !== undefined && (found.kind === 'named' || found.posted > 0n)
    if (strangers.policy === 'refuse' && !isKnown) return { refused: Refusals.stranger(name) }
    const present = names.get(name)
    if (present === undefined && names.size >= limits.accountsMax) return { refused: Refusals.full }
    if (present !== undefined && present.connections.length >= limits.connectionsPerAccountMax) {
      return { refused: Refusals.tooManyConnections }
    }
    return { account: { name, standing: 'lasting', found } }
  }

  function enter({ name, standing, found }: Admission): HostAccount {
    let account = names.get(name)
    if (account === undefined) {
      account = createHostAccount(name, prefix, standing, limits, clock())
      names.set(name, account)
    }
    if (found !== undefined) know(account, found)
    return account
  }

  /** Takes over what the ledger says of an account. */
  function know(account: HostAccount, found: Account): void {
    account.id = found.id
    ids.set(found.id, account)
    // The setting may have changed since this stranger was here last.
    account.mustOpen = found.kind !== 'named' && found.creditLimit !== creditEach
  }

  async function open(accounts: readonly HostAccount[], purpose: 'to pay' | 'to be paid'): Promise<void> {
    const now = clock()
    const opening: HostAccount[] = []
    for (const account of accounts) {
      const found = store.find(account.name)
      const known = found instanceof Promise ? await found : found
      if (known !== undefined) know(account, known)
      if (!account.mustOpen) continue
      const isNew = account.id === undefined && purpose === 'to pay'
      // An account that could spend nothing is not worth a record: it would be refused all the same.
      if (isNew && creditEach === 0n) continue
      const address = account.connections[0]?.remoteAddress ?? ''
      account.openingRefused = isNew && !openings.take(address, now)
      if (account.openingRefused)
        observe({ name: 'trustline.opening_refused', level: 'info', account: account.name, address })
      else opening.push(account)
    }
    if (opening.length === 0) return
    const opened = await apply(opening.map((account) => openCommand(account)))
    for (let i = 0; i < opening.length; i++) {
      const account = opening[i]!
      know(account, (opened[i] as OpenOutcome).account)
      account.mustOpen = false
      account.isNew = true
      const address = account.connections[0]?.remoteAddress ?? ''
      observe({ name: 'trustline.account_opened', level: 'debug', account: account.name, address })
    }
  }

  function openCommand(account: HostAccount): Command {
    const kind = account.standing === 'passing' ? 'passing' : 'stranger'
    return { type: 'open', name: account.name, kind, creditLimit: creditEach }
  }

  function released(account: HostAccount): void {
    if (account.connections.length > 0) return
    // Nobody can come back for what was sent to a passing account.
    if (account.standing === 'passing') account.unacknowledged.clear()
    if (!isIdle(account)) return
    forget(account)
    // A stranger that was opened and never paid leaves nothing behind either: the ledger merges nobody with a past.
    if (account.id !== undefined && (account.standing === 'passing' || account.isNew)) depart(account.id)
  }

  function depart(id: AccountId): void {
    departed.push(id)
    context.wake()
  }

  function forget(account: HostAccount): void {
    names.delete(account.name)
    if (account.id !== undefined) ids.delete(account.id)
  }

  async function mergeDeparted(): Promise<void> {
    const merging = departed
    departed = []
    const into = await passingAccount()
    const outcomes = await apply(merging.map((from) => ({ type: 'merge', from, into })))
    const merged = merging.filter((_, i) => outcomes[i]!.status === 'merged').length
    // Another host may have opened the account of the hour under another id.
    if (merged < merging.length) passingOfHour = undefined
    observe({ name: 'trustline.passing_merged', level: 'debug', accounts: merged })
  }

  /** One account for all that pass within an hour, so that its debt grows old like theirs. */
  async function passingAccount(): Promise<AccountId> {
    const name = `${passingPrefix}${Math.floor(clock() / hourMs)}`
    if (passingOfHour?.name !== name) {
      const [opened] = await apply([{ type: 'open', name, kind: 'passing', creditLimit: creditEach }])
      passingOfHour = { name, id: (opened as OpenOutcome).account.id }
    }
    return passingOfHour.id
  }

  async function writeOff(): Promise<void> {
    const since = clock() - limits.strangerDebtMsMax
    let old: Account[] = []
    for await (const account of store.accounts()) {
      if (account.kind !== 'stranger' && account.kind !== 'passing') continue
      if (isLeftOver(account, since)) depart(account.id)
      if (account.owedSince === undefined || account.owedSince > since) continue
      old.push(account)
      if (old.length < writeOffsPerBatch) continue
      await writeOffThese(old)
      old = []
    }
    await writeOffThese(old)
  }

  /** A passing account whose connection ended with the process that served it. Other hosts may serve young ones. */
  function isLeftOver({ kind, name, heldOut, heldIn, openedAt }: Account, since: number): boolean {
    if (kind !== 'passing' || name.startsWith(passingPrefix) || names.has(name)) return false
    return heldOut + heldIn === 0n && (store.onAdopted === undefined || openedAt <= since)
  }

  async function writeOffThese(old: readonly Account[]): Promise<void> {
    if (old.length === 0) return
    const outcomes = await apply(old.map(({ id }) => ({ type: 'write_off', account: id })))
    for (let i = 0; i < old.length; i++) {
      const outcome = outcomes[i] as WriteOffOutcome
      if (outcome.status !== 'written_off') continue
      const { amount } = outcome
      observe({ name: 'trustline.debt_written_off', level: 'info', account: old[i]!.name, amount })
    }
  }
}
