/**
 * The rules of the ledger once more, as plainly as they can be said: lists that are gone through from the beginning,
 * sums that are added up again each time, accounts by name. Slow, and nothing in common with the book but the rules.
 */
import type { AccountKind } from '../account.js'
import type { LedgerLimits } from '../store.js'

export type ModelCommand =
  | {
      readonly type: 'open'
      readonly name: string
      readonly kind: Exclude<AccountKind, 'system'>
      readonly credit: bigint
    }
  | { readonly type: 'limit'; readonly name: string; readonly credit: bigint }
  | {
      readonly type: 'prepare'
      readonly id: string
      readonly source: string
      readonly target: string
      readonly amount: bigint
      readonly expiresAt: number
    }
  | { readonly type: 'fulfill'; readonly source: string; readonly id: string; readonly right: boolean }
  | { readonly type: 'reject'; readonly source: string; readonly id: string }
  | { readonly type: 'look_up'; readonly source: string; readonly id: string; readonly hash: string }
  | {
      readonly type: 'deposit' | 'withdraw'
      readonly name: string
      readonly amount: bigint
      readonly reference: string
    }
  | { readonly type: 'merge'; readonly from: string; readonly into: string }
  | { readonly type: 'write_off'; readonly name: string }

interface ModelAccount {
  name: string
  kind: AccountKind
  credit: bigint
  open: boolean
  durable: boolean
}

interface ModelTransfer {
  id: string
  source: ModelAccount
  target: ModelAccount
  amount: bigint
  expiresAt: number
  hash: string
  state: 'held' | 'fulfilled' | 'rejected' | 'expired'
  rememberedUntil: number
  preparedIn: number
  endedIn: number
}

interface ModelMove {
  source: ModelAccount
  target: ModelAccount
  amount: bigint
}

export function modelHash(command: Extract<ModelCommand, { type: 'prepare' }>): string {
  return `${command.target} ${command.amount} ${command.expiresAt}`
}

export class LedgerModel {
  readonly #limits: LedgerLimits
  #accounts: ModelAccount[]
  #transfers: ModelTransfer[] = []
  readonly #moves: ModelMove[] = []
  readonly #references = new Map<string, { readonly account: ModelAccount; readonly amount: bigint }>()
  #now = 0
  #batch = 0

  constructor(limits: LedgerLimits) {
    this.#limits = limits
    this.#accounts = ['server', 'settlement', 'bad_debt', 'suspense'].map((name) => ({
      name,
      kind: 'system',
      credit: 0n,
      open: true,
      durable: true,
    }))
  }

  /** Statuses of the commands, and ids of what was found dead. */
  apply(commands: readonly ModelCommand[], clock: number): { readonly statuses: string[]; readonly expired: string[] } {
    this.#batch += 1
    this.#now = Math.max(this.#now, clock)
    const overdue = this.#transfers.filter((transfer) => transfer.state === 'held' && transfer.expiresAt <= this.#now)
    overdue.sort((a, b) => a.expiresAt - b.expiresAt)
    for (const transfer of overdue) this.#end(transfer, 'expired', this.#now + 10_000)
    const statuses = commands.map((command) => this.#decide(command))
    for (const { state, source, target } of this.#transfers) {
      if (state === 'held') source.durable = target.durable = true
    }
    return { statuses, expired: overdue.map((transfer) => transfer.id) }
  }

  get now(): number {
    return this.#now
  }

  /** What a restart leaves: nothing that had left no record. */
  restart(): void {
    this.#transfers = this.#transfers.filter(
      ({ state, preparedIn, endedIn }) => state === 'held' || state === 'fulfilled' || preparedIn !== endedIn,
    )
    this.#accounts = this.#accounts.filter((account) => account.durable)
  }

  get accounts(): {
    name: string
    kind: AccountKind
    posted: bigint
    heldOut: bigint
    heldIn: bigint
    credit: bigint
  }[] {
    return this.#accounts
      .filter((account) => account.open)
      .map((account) => ({
        name: account.name,
        kind: account.kind,
        posted: this.#posted(account),
        heldOut: this.#held(account, 'source'),
        heldIn: this.#held(account, 'target'),
        credit: account.credit,
      }))
  }

  #decide(command: ModelCommand): string {
    switch (command.type) {
      case 'open': {
        const known = this.#named(command.name)
        if (known === undefined) {
          const durable = command.kind === 'named'
          this.#accounts.push({ name: command.name, kind: command.kind, credit: command.credit, open: true, durable })
          return 'opened'
        }
        if (known.kind !== 'named') {
          known.credit = command.credit
          if (command.kind === 'named') {
            known.kind = 'named'
            known.durable = true
          }
        }
        return 'exists'
      }
      case 'limit': {
        const account = this.#named(command.name)
        if (account === undefined || account.kind === 'system') return 'account_not_found'
        account.kind = 'named'
        account.credit = command.credit
        account.durable = true
        return 'limited'
      }
      case 'prepare':
        return this.#prepare(command)
      case 'fulfill':
      case 'reject': {
        const transfer = this.#remembered(command.source, command.id)
        if (transfer === undefined) return 'not_found'
        if (transfer.state !== 'held') return `exists_${transfer.state}`
        if (command.type === 'fulfill' && !command.right) return 'wrong_fulfillment'
        this.#end(transfer, command.type === 'fulfill' ? 'fulfilled' : 'rejected', transfer.expiresAt)
        return transfer.state
      }
      case 'look_up': {
        const transfer = this.#remembered(command.source, command.id)
        return transfer === undefined ? 'not_found' : existing(transfer, command.hash)
      }
      case 'deposit':
      case 'withdraw':
        return this.#moveOutside(command)
      case 'merge': {
        const from = this.#named(command.from)
        const into = this.#named(command.into)
        if (from === undefined || into === undefined || from === into) return 'account_not_found'
        if (!isStranger(from) || !isStranger(into)) return 'account_not_found'
        const past = this.#transfers.some((transfer) => transfer.source === from && this.#isRemembered(transfer))
        if (from.kind === 'stranger' && (from.durable || past || this.#hasMoves(from))) return 'account_not_found'
        if (this.#transfers.some((t) => t.state === 'held' && (t.source === from || t.target === from))) {
          return 'has_holds'
        }
        const posted = this.#posted(from)
        if (posted > 0n) this.#move(from, into, posted)
        if (posted < 0n) this.#move(into, from, -posted)
        from.open = false
        return 'merged'
      }
      case 'write_off': {
        const account = this.#named(command.name)
        if (account === undefined || account.kind === 'system') return 'account_not_found'
        const posted = this.#posted(account)
        if (posted >= 0n) return 'owes_nothing'
        this.#move(this.#named('bad_debt')!, account, -posted)
        return 'written_off'
      }
    }
  }

  #prepare(command: Extract<ModelCommand, { type: 'prepare' }>): string {
    const hash = modelHash(command)
    const before = this.#remembered(command.source, command.id)
    if (before !== undefined) return existing(before, hash)
    const source = this.#named(command.source)
    const target = this.#named(command.target)
    const apart = ['settlement', 'bad_debt']
    if (source === undefined || target === undefined) return 'account_not_found'
    if (apart.includes(source.name) || apart.includes(target.name)) return 'account_not_found'
    const limits = this.#limits
    if (command.expiresAt <= this.#now) return 'expired'
    if (command.expiresAt > this.#now + limits.expiresInMsMax) return 'expires_too_late'
    const mine = this.#transfers.filter((transfer) => transfer.source === source)
    if (mine.filter(({ state }) => state === 'held').length >= limits.holdsPerAccountMax) return 'exceeds_holds'
    if (mine.filter((transfer) => this.#isRemembered(transfer)).length >= limits.idsPerAccountMax) return 'exceeds_ids'
    const left = this.#posted(source) - this.#held(source, 'source') - command.amount
    if (source.name !== 'server' && left < -source.credit) return 'exceeds_balance'
    const exposure = this.#exposure(source)
    const exposureAfter = isStranger(source) && left < 0n ? -left : 0n
    const total = this.#accounts.reduce((sum, account) => sum + this.#exposure(account), 0n)
    if (exposureAfter > exposure && total - exposure + exposureAfter > limits.strangersCreditMax) {
      return 'exceeds_strangers'
    }
    if (this.#posted(target) + this.#held(target, 'target') + command.amount > limits.balanceMax)
      return 'exceeds_target'
    const { id, amount, expiresAt } = command
    this.#transfers.push({
      id,
      source,
      target,
      amount,
      expiresAt,
      hash,
      state: 'held',
      rememberedUntil: expiresAt,
      preparedIn: this.#batch,
      endedIn: 0,
    })
    return 'prepared'
  }

  #moveOutside(command: Extract<ModelCommand, { type: 'deposit' | 'withdraw' }>): string {
    const { type, name, amount, reference } = command
    const account = this.#named(name)
    const use = this.#references.get(`${type} ${reference}`)
    if (use !== undefined) return use.account === account && use.amount === amount ? 'exists' : 'exists_different'
    if (account === undefined || account.name === 'settlement' || account.name === 'bad_debt')
      return 'account_not_found'
    const settlement = this.#named('settlement')!
    if (type === 'deposit') {
      if (this.#posted(account) + this.#held(account, 'target') + amount > this.#limits.balanceMax)
        return 'exceeds_target'
      this.#move(settlement, account, amount)
    } else {
      if (this.#posted(account) - this.#held(account, 'source') < amount) return 'exceeds_balance'
      this.#move(account, settlement, amount)
    }
    this.#references.set(`${type} ${reference}`, { account, amount })
    return type === 'deposit' ? 'deposited' : 'withdrawn'
  }

  #end(transfer: ModelTransfer, state: 'fulfilled' | 'rejected' | 'expired', rememberedUntil: number): void {
    transfer.state = state
    transfer.rememberedUntil = rememberedUntil
    transfer.endedIn = this.#batch
    if (state === 'fulfilled' || transfer.preparedIn !== transfer.endedIn) {
      transfer.source.durable = transfer.target.durable = true
    }
  }

  #move(source: ModelAccount, target: ModelAccount, amount: bigint): void {
    this.#moves.push({ source, target, amount })
    source.durable = target.durable = true
  }

  #named(name: string): ModelAccount | undefined {
    return this.#accounts.find((account) => account.open && account.name === name)
  }

  #remembered(source: string, id: string): ModelTransfer | undefined {
    return this.#transfers.find(
      (transfer) =>
        transfer.id === id && transfer.source.open && transfer.source.name === source && this.#isRemembered(transfer),
    )
  }

  /** Whole seconds, rounded up: a table need not be exact here. */
  #isRemembered({ state, rememberedUntil }: ModelTransfer): boolean {
    return state === 'held' || Math.ceil(rememberedUntil / 1000) > Math.floor(this.#now / 1000)
  }

  #hasMoves(account: ModelAccount): boolean {
    return this.#moves.some(({ source, target }) => source === account || target === account)
  }

  #posted(account: ModelAccount): bigint {
    let sum = 0n
    const posted = [...this.#moves, ...this.#transfers.filter(({ state }) => state === 'fulfilled')]
    for (const { source, target, amount } of posted) {
      if (source === account) sum -= amount
      if (target === account) sum += amount
    }
    return sum
  }

  #held(account: ModelAccount, side: 'source' | 'target'): bigint {
    const held = this.#transfers.filter((transfer) => transfer.state === 'held' && transfer[side] === account)
    return held.reduce((sum, { amount }) => sum + amount, 0n)
  }

  #exposure(account: ModelAccount): bigint {
    const exposure = this.#held(account, 'source') - this.#posted(account)
    return isStranger(account) && account.open && exposure > 0n ? exposure : 0n
  }
}

function isStranger(account: ModelAccount): boolean {
  return account.kind === 'stranger' || account.kind === 'passing'
}

function existing(transfer: ModelTransfer, hash: string): string {
  if (transfer.hash !== hash) return 'exists_different'
  return transfer.state === 'held' ? 'exists' : `exists_${transfer.state}`
}
