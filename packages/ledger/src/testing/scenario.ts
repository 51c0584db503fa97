/**
 * Scenarios: what somebody does to a ledger and what comes of it, one step in a line, so that a reader can check it by
 * hand. Each step is one batch and waits until it is durable. After each the balances of all accounts must add up to
 * zero; at the end the books must prove.
 *
 * | line                                                                  | says                                     |
 * | --------------------------------------------------------------------- | ---------------------------------------- |
 * | `given strangers 100, holds 2, ids 3, expiry 5000, balance 1000`        | limits of the ledger; the first line     |
 * | `open alice [named\|stranger\|passing] [credit 100] -> opened`          | named, without credit, if nothing is said |
 * | `limit alice 100 -> limited`                                          |                                          |
 * | `deposit alice 100 ref a -> deposited`, `withdraw …`                     |                                          |
 * | `prepare t1 alice shop 10 [expires 1000] [content x] -> prepared`      | expires at 10000 if nothing is said      |
 * | `fulfill t1 [of alice] [with t2] -> fulfilled`                          | with the fulfillment of another          |
 * | `reject t1 [of alice] -> rejected`, `look_up t1 … [content x] -> …`     | look_up: content as last prepared         |
 * | `merge p1 into p2 -> merged`, `write_off alice -> written_off`           |                                          |
 * | `clock 1000`                                                          | milliseconds since the beginning         |
 * | `expired t1 t2`                                                       | what a batch finds dead; none if empty   |
 * | `balance alice posted 100 [held 10] [in 5]`                             | what is not said is 0                    |
 * | `account alice stranger credit 100`, `gone alice`, `owes alice since 0` | `owes alice nothing`                     |
 * | `strangers 30`                                                        | what all of them owe or hold on credit   |
 * | `feed t1, deposit a, merge`, `recent alice t1`                          | posted entries, in order                 |
 * | `books [of alice] [newest] [limit 2] t1 fulfilled, deposit a, t2 held` | all lines of the books                   |
 * | `search t1 of alice expires 1000 -> fulfilled`                         |                                          |
 * | `books from 1000 to 2000 t1 fulfilled`                                | those that ended at 1000 or later, before 2000 |
 * | `prune 5000 [reader t1] [dry] -> 3 time`                              | how many of those before 5000 went, and what kept the rest |
 * | `begins t3 at 4000`, `begins nowhere`                                  | the last record that was pruned          |
 * | `balances 2000 alice -10, shop 10`                                     | as of then, without those that are 0     |
 * | `pruned feed`, `pruned balances 2000`                                  | asking for what has gone is refused       |
 * | `batch` … `end`                                                       | the lines between are one batch          |
 * | `restart [strangers 50, …]`                                            | the process ends and begins again        |
 *
 * `shop` is the server's account. `#` begins a comment.
 */
import { Instant } from '@millstream/units'
import { expect } from 'vitest'
import { type AccountId, type AccountKind, serverAccount } from '../account.js'
import type { Command, Prepare } from '../command.js'
import {
  type Cursor,
  FeedPrunedError,
  HistoryPrunedError,
  type LedgerLimits,
  ledgerLimits,
  type Store,
} from '../store.js'
import { testContentHash, testEpoch, testHashes, testTransfer } from './test-hashes.js'

export interface StoreOptions {
  readonly clock: Instant.Clock
  readonly hashes: typeof testHashes
  readonly limits: Partial<LedgerLimits>
}

export interface OpenedStore {
  readonly store: Store
  /** Ends the store as a process would and opens it again over the same medium. Absent where nothing survives. */
  reopen?(limits: Partial<LedgerLimits>): Promise<OpenedStore>
  close(): Promise<void>
}

export type OpenStore = (options: StoreOptions) => Promise<OpenedStore>

export interface PlayOptions {
  /** Restart after every line, to show that nothing depends on what is only in memory. */
  readonly restarts?: boolean
}

const limitNames: Record<string, keyof LedgerLimits> = {
  strangers: 'strangersCreditMax',
  holds: 'holdsPerAccountMax',
  ids: 'idsPerAccountMax',
  expiry: 'expiresInMsMax',
  balance: 'balanceMax',
}

const expiresDefault = 10_000

/** Steps that are no commands and have an answer. */
const asking = new Set(['search', 'prune'])

export async function play(script: string, open: OpenStore, options: PlayOptions = {}): Promise<void> {
  const lines = script.split('\n').map((line) => line.replace(/#.*/, '').trim().replace(/\s+/g, ' '))
  const player = new Player()
  const given = lines.find((line) => line !== '')?.startsWith('given ')
  const limits = given ? limitsOf(lines.find((line) => line !== '')!.slice('given '.length)) : {}
  await player.begin(open, limits)
  try {
    let inBatch = false
    for (const [index, line] of lines.entries()) {
      if (line === '' || line.startsWith('given ')) continue
      try {
        await player.line(line)
        inBatch = line === 'batch' || (inBatch && line !== 'end')
        if (!inBatch) {
          await player.assertBalanced()
          if (options.restarts === true) await player.restart(undefined)
        }
      } catch (error) {
        if (error instanceof Error) error.message = `line ${index + 1}, "${line}": ${error.message}`
        throw error
      }
    }
    await player.assertProved()
  } finally {
    await player.end()
  }
}

class Player {
  #opened!: OpenedStore
  #limits: Partial<LedgerLimits> = {}
  #now = 0
  #expired: string[] = []
  #batch: { command: Command; expected: string }[] | undefined
  readonly #opens = new Map<string, { kind: Exclude<AccountKind, 'system'>; creditLimit: bigint }>()
  readonly #prepares = new Map<string, { source: string; contentHash: number }>()
  readonly #ids = new Map<string, string>()
  /** Of ended records, as far as a step needed them. */
  readonly #cursors = new Map<string, Cursor>()

  async begin(open: OpenStore, limits: Partial<LedgerLimits>): Promise<void> {
    this.#limits = limits
    this.#opened = await open({ clock: () => this.#instant(this.#now), hashes: testHashes, limits })
  }

  async end(): Promise<void> {
    await this.#opened.close()
  }

  get #store(): Store {
    return this.#opened.store
  }

  #instant(ms: number): Instant.Instant {
    return Instant.from(testEpoch + ms)
  }

  async line(line: string): Promise<void> {
    const [step = '', expected] = line.split('->').map((part) => part.trim())
    const [verb = '', ...words] = step.split(' ')
    if (expected !== undefined && !asking.has(verb)) {
      const command = await this.#command(verb, words)
      if (this.#batch !== undefined) this.#batch.push({ command, expected })
      else await this.#apply([{ command, expected }])
      return
    }
    await this.#observe(verb, words, expected)
  }

  async #apply(steps: readonly { readonly command: Command; readonly expected: string }[]): Promise<void> {
    const batch = this.#store.apply(steps.map((step) => step.command))
    const outcomes = await batch.outcomes
    for (const { id } of await batch.expired) this.#expired.push(this.#nameOf(id))
    await batch.durable
    expect(outcomes.map((outcome) => outcome.status)).toEqual(steps.map((step) => step.expected))
  }

  async #command(verb: string, words: readonly string[]): Promise<Command> {
    const options = optionsOf(words)
    switch (verb) {
      case 'open': {
        const kind = (['stranger', 'passing'] as const).find((kind) => words[1] === kind) ?? 'named'
        const creditLimit = BigInt(options.get('credit') ?? '0')
        this.#opens.set(words[0]!, { kind, creditLimit })
        return { type: 'open', name: words[0]!, kind, creditLimit }
      }
      case 'limit':
        return { type: 'limit', account: await this.#account(words[0]!), creditLimit: BigInt(words[1]!) }
      case 'deposit':
      case 'withdraw':
        return {
          type: verb,
          account: await this.#account(words[0]!),
          amount: BigInt(words[1]!),
          reference: options.get('ref')!,
        }
      case 'prepare': {
        const [name, source, target, amount] = words as [string, string, string, string]
        const expires = Number(options.get('expires') ?? expiresDefault)
        const contentHash = testContentHash(name, target, amount, expires, options.get('content'))
        this.#prepares.set(name, { source, contentHash })
        const { id, condition } = this.#transfer(name)
        const command: Prepare = {
          type: 'prepare',
          id,
          source: await this.#account(source),
          target: await this.#account(target),
          amount: BigInt(amount),
          condition,
          expiresAt: this.#instant(expires),
          destination: `test.ledger.${target}.${name}`,
          contentHash,
        }
        return command
      }
      case 'fulfill': {
        const { fulfillment } = this.#transfer(options.get('with') ?? words[0]!)
        return { type: 'fulfill', ...(await this.#key(words[0]!, options)), fulfillment }
      }
      case 'reject':
        return { type: 'reject', ...(await this.#key(words[0]!, options)) }
      case 'look_up': {
        const contentHash = options.has('content')
          ? testContentHash(options.get('content'))
          : (this.#prepares.get(words[0]!)?.contentHash ?? 0)
        return { type: 'look_up', ...(await this.#key(words[0]!, options)), contentHash }
      }
      case 'merge':
        return { type: 'merge', from: await this.#account(words[0]!), into: await this.#account(words[2]!) }
      case 'write_off':
        return { type: 'write_off', account: await this.#account(words[0]!) }
      default:
        throw new ScenarioError(`there is no command "${verb}"`)
    }
  }

  async #observe(verb: string, words: readonly string[], expected: string | undefined): Promise<void> {
    const options = optionsOf(words)
    const rest = words.join(' ')
    switch (verb) {
      case 'batch':
        this.#batch = []
        return
      case 'end': {
        const steps = this.#batch!
        this.#batch = undefined
        return this.#apply(steps)
      }
      case 'clock':
        this.#now = Number(words[0])
        return
      case 'restart':
        return this.restart(rest === '' ? undefined : limitsOf(rest))
      case 'expired': {
        await this.#apply([])
        const expired = this.#expired
        this.#expired = []
        return expect(expired).toEqual(words)
      }
      case 'balance': {
        const account = await this.#store.account(await this.#account(words[0]!))
        const stated = { posted: account!.posted, held: account!.heldOut, in: account!.heldIn }
        const sum = (name: string) => BigInt(options.get(name) ?? '0')
        return expect(stated).toEqual({ posted: sum('posted'), held: sum('held'), in: sum('in') })
      }
      case 'account': {
        const account = (await this.#store.account(await this.#account(words[0]!)))!
        return expect(`${account.name} ${account.kind} credit ${account.creditLimit}`).toBe(rest)
      }
      case 'gone':
        return expect(await this.#store.find(words[0]!)).toBeUndefined()
      case 'owes': {
        const { owedSince } = (await this.#store.account(await this.#account(words[0]!)))!
        return expect(owedSince).toBe(words[1] === 'nothing' ? undefined : this.#instant(Number(words[2])))
      }
      case 'strangers': {
        let credit = 0n
        for await (const { kind, heldOut, posted } of this.#store.accounts()) {
          if ((kind === 'stranger' || kind === 'passing') && heldOut > posted) credit += heldOut - posted
        }
        return expect(credit).toBe(BigInt(words[0]!))
      }
      case 'feed': {
        const { after } = await this.#store.history()
        const entries = await this.#store.posted(after, 1000)
        return expect(entries.map((entry) => this.#line(entry))).toEqual(itemsOf(rest))
      }
      case 'recent': {
        const entries = await this.#store.recentlyFulfilled(await this.#account(words[0]!))
        return expect(entries.map((entry) => this.#line(entry))).toEqual(words.slice(1))
      }
      case 'books':
        return this.#assertBooks(words)
      case 'prune':
        return this.#prune(words, expected!)
      case 'begins': {
        const { after, at } = await this.#store.history()
        const name = [...this.#cursors].find(([, cursor]) => cursor === after)?.[0]
        const found = after === 0 ? 'nowhere' : `${name} at ${at! - testEpoch}`
        return expect(found).toBe(rest)
      }
      case 'balances': {
        const found: string[] = []
        for await (const { name, posted } of this.#store.balancesAt(this.#instant(Number(words[0])))) {
          if (posted !== 0n) found.push(`${name === 'server' ? 'shop' : name} ${posted}`)
        }
        return expect(found.sort()).toEqual(itemsOf(words.slice(1).join(' ')).sort())
      }
      case 'pruned': {
        if (words[0] === 'feed') return expect(this.#store.posted(0 as Cursor, 10)).rejects.toThrow(FeedPrunedError)
        const balances = this.#store.balancesAt(this.#instant(Number(words[1])))[Symbol.asyncIterator]()
        return expect(balances.next()).rejects.toThrow(HistoryPrunedError)
      }
      case 'search': {
        const { id, source } = await this.#key(words[0]!, options)
        const expiresAt = this.#instant(Number(options.get('expires') ?? expiresDefault))
        return expect(await this.#store.search(source, id, expiresAt)).toBe(expected)
      }
      default:
        throw new ScenarioError(`there is no step "${verb}"`)
    }
  }

  async #prune(words: readonly string[], expected: string): Promise<void> {
    const options = optionsOf(words)
    for await (const record of this.#store.transfers()) {
      if (record.cursor !== undefined) this.#cursors.set(this.#line(record), record.cursor)
    }
    const reader = options.get('reader')
    const { records, boundBy } = await this.#store.prune({
      before: this.#instant(Number(words[0])),
      ...(reader === undefined ? {} : { readers: [this.#cursors.get(reader)!] }),
      dryRun: words.includes('dry'),
    })
    expect(`${records} ${boundBy}`).toBe(expected)
  }

  async #assertBooks(words: readonly string[]): Promise<void> {
    const options = optionsOf(words)
    const account = options.has('of') ? await this.#account(options.get('of')!) : undefined
    const limit = options.has('limit') ? Number(options.get('limit')) : undefined
    const newestFirst = words.includes('newest')
    const instants = (['from', 'to'] as const).filter((end) => options.has(end))
    const range = Object.fromEntries(instants.map((end) => [end, this.#instant(Number(options.get(end)))]))
    const lines: string[] = []
    for await (const record of this.#store.transfers({
      ...(account === undefined ? {} : { account }),
      ...(limit === undefined ? {} : { limit }),
      ...range,
      newestFirst,
    })) {
      lines.push(record.kind === 'transfer' ? `${this.#line(record)} ${record.state}` : this.#line(record))
    }
    const items = words.join(' ').replace(/^((of \S+|newest|limit \d+|from \d+|to \d+) ?)*/, '')
    expect(lines).toEqual(itemsOf(items))
  }

  async restart(limits: Partial<LedgerLimits> | undefined): Promise<void> {
    if (this.#opened.reopen === undefined) throw new ScenarioError('the store does not survive its process')
    this.#limits = { ...this.#limits, ...limits }
    this.#opened = await this.#opened.reopen(this.#limits)
  }

  async assertBalanced(): Promise<void> {
    let posted = 0n
    let held = 0n
    for await (const account of this.#store.accounts()) {
      posted += account.posted
      held += account.heldOut - account.heldIn
    }
    expect({ posted, held }).toEqual({ posted: 0n, held: 0n })
  }

  async assertProved(): Promise<void> {
    const report = await this.#store.check()
    expect({ ok: report.ok, faults: report.faults, total: report.total }).toEqual({ ok: true, faults: [], total: 0n })
  }

  /** Strangers who have done nothing yet are forgotten by a restart; their connection would open them again. */
  async #account(name: string): Promise<AccountId> {
    if (name === 'shop') return serverAccount
    const account = await this.#store.find(name)
    if (account !== undefined) return account.id
    const open = this.#opens.get(name)
    if (open === undefined || open.kind === 'named') return 999_999 as AccountId
    const { outcomes, expired } = this.#store.apply([{ type: 'open', name, ...open }])
    for (const { id } of await expired) this.#expired.push(this.#nameOf(id))
    return (await outcomes)[0].account.id
  }

  async #key(name: string, options: ReadonlyMap<string, string>) {
    const source = options.get('of') ?? this.#prepares.get(name)?.source ?? 'nobody'
    return { id: this.#transfer(name).id, source: await this.#account(source) }
  }

  #transfer(name: string) {
    const transfer = testTransfer(name)
    this.#ids.set(transfer.id.join(), name)
    return transfer
  }

  #nameOf(id: Uint8Array): string {
    return this.#ids.get(id.join()) ?? '?'
  }

  #line(entry: { readonly kind: string; readonly id?: Uint8Array; readonly reference?: string }): string {
    if (entry.id !== undefined) return this.#nameOf(entry.id)
    return entry.reference === undefined ? entry.kind : `${entry.kind} ${entry.reference}`
  }
}

/** `ledgerLimits` under the short names of scenarios. */
function limitsOf(text: string): Partial<LedgerLimits> {
  const limits: Partial<Record<keyof LedgerLimits, number | bigint>> = {}
  for (const item of itemsOf(text)) {
    const [name = '', value = ''] = item.split(' ')
    const limit = limitNames[name]
    if (limit === undefined) throw new ScenarioError(`there is no limit "${name}"`)
    limits[limit] = typeof ledgerLimits[limit] === 'bigint' ? BigInt(value) : Number(value)
  }
  return limits as Partial<LedgerLimits>
}

function itemsOf(text: string): string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim())
}

/** Pairs of words: `expires 1000 content x`. */
function optionsOf(words: readonly string[]): ReadonlyMap<string, string> {
  const names = [
    'credit',
    'ref',
    'expires',
    'content',
    'of',
    'with',
    'posted',
    'held',
    'in',
    'limit',
    'from',
    'to',
    'reader',
  ]
  return new Map(words.flatMap((word, i) => (names.includes(word) ? [[word, words[i + 1] ?? ''] as const] : [])))
}

export class ScenarioError extends Error {
  override readonly name = 'ScenarioError'
}
