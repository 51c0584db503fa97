/**
 * Replays what was sent to a real server, and tells every field of the answers and of the messages that differs.
 *
 * A scenario says with which accounts it starts, and when each ledger closed; ledgers that were closed between two
 * steps without being recorded are closed here too, one second apart.
 */
import { readFileSync } from 'node:fs'
import { answer } from '../api/api.js'
import type { Control } from '../api/method.js'
import { type Subscriber, Subscriptions } from '../api/subscriptions.js'
import { Chain } from '../ledger/chain.js'
import { create as createLedger } from '../ledger/closed-ledger.js'
import {
  type AccountRoot,
  type Amendments,
  accountIndex,
  type Entry,
  feeSettingsIndex,
  type JsonObject,
  ledgerHashesIndex,
} from '../ledger/entry.js'
import { none } from '../ledger/faults.js'
import { zero256 } from '../ledger/hash.js'
import { historyLimits } from '../ledger/history.js'
import { emptyState } from '../ledger/state-tree.js'

export interface Scenario {
  readonly scenario: string
  readonly about: string
  readonly start: {
    readonly ledger_index: number
    readonly close_time: number
    readonly accounts: readonly AccountRoot[]
  }
  readonly steps: readonly Step[]
  readonly connections: readonly Connection[]
}

export interface Step {
  readonly label?: string
  readonly note?: string
  readonly request?: JsonObject
  readonly response?: JsonObject
  readonly balances?: { readonly [address: string]: JsonObject | 'actNotFound' }
  readonly validated_ledger?: {
    readonly ledger_index: string
    readonly close_time: number
    readonly ledger_hash: string
  }
  /** Ripple time of the machine when the ledger had closed. */
  readonly wall_clock?: number
}

export interface Connection {
  readonly name: string
  readonly version: 1 | 2
  readonly accounts?: readonly string[]
  readonly subscribe?: JsonObject
  readonly events: readonly JsonObject[]
}

export interface Difference {
  readonly step: string
  /** Where in the answer: `result.info.hostid`; `*` stands for the place in a list. */
  readonly path: string
  readonly real: unknown
  readonly ours: unknown
}

export interface Replayed {
  readonly differences: readonly Difference[]
  /** Answers and messages. */
  readonly compared: number
}

const master = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh'
const fees = { base: 10n, reserveBase: 1_000_000n, reserveIncrement: 200_000n }
const totalCoins = 100_000_000_000_000_000n

export function read(name: string): Scenario {
  const text = readFileSync(new URL(`../../vectors/${name}.jsonl`, import.meta.url), 'utf8')
  const [head, ...lines] = text.trimEnd().split('\n')
  const steps: Step[] = []
  const connections: (Connection & { events: JsonObject[] })[] = []
  for (const line of lines) {
    const { step, connection, event } = JSON.parse(line)
    if (step !== undefined) steps.push(withBlob(step))
    else if (connection !== undefined) connections.push({ ...connection, events: [] })
    else connections.at(-1)!.events.push(event)
  }
  return { ...JSON.parse(head!), steps, connections }
}

/** The answer to `submit` repeats the blob; the vectors do not. */
function withBlob(step: Step): Step {
  const blob = step.request?.tx_blob
  const result = step.response?.result as JsonObject | undefined
  if (blob === undefined || result === undefined || result.tx_blob !== undefined) return step
  return { ...step, response: { ...step.response, result: { ...result, tx_blob: blob } } }
}

/** The chain as the real server started it: its second ledger, with what that stands on. */
export function genesis(closeTime: number): Chain {
  const file = new URL('../../vectors/genesis/amendments.json', import.meta.url)
  const amendments: { index: string; entry: Amendments } = JSON.parse(readFileSync(file, 'utf8'))
  const entries = new Map<string, Entry>([
    [amendments.index, amendments.entry],
    [accountIndex(master), accountOf(master, totalCoins)],
  ])
  let state = emptyState().set(feeSettingsIndex, {
    LedgerEntryType: 'FeeSettings',
    Flags: 0,
    BaseFeeDrops: '10',
    ReserveBaseDrops: '1000000',
    ReserveIncrementDrops: '200000',
  })
  for (const [index, entry] of entries) state = state.set(index, entry)
  const first = createLedger({
    index: 1,
    parentHash: zero256,
    closeTime: 0,
    parentCloseTime: 0,
    totalCoins,
    state,
    transactions: [],
  })
  entries.set(ledgerHashesIndex, {
    LedgerEntryType: 'LedgerHashes',
    Flags: 0,
    Hashes: [first.hash],
    LastLedgerSequence: 1,
  })
  return chainOf(entries, { firstIndex: 2, firstCloseTime: closeTime, firstParent: { hash: first.hash, closeTime: 0 } })
}

/** The chain with the accounts of a scenario; what else there was in the real one is not known. */
export function chainFor({ start }: Scenario): Chain {
  const entries = new Map<string, Entry>()
  let given = 0n
  for (const account of start.accounts) {
    entries.set(accountIndex(account.Account), account)
    given += BigInt(account.Balance)
  }
  if (!entries.has(accountIndex(master))) entries.set(accountIndex(master), accountOf(master, totalCoins - given))
  return chainOf(entries, { firstIndex: start.ledger_index, firstCloseTime: start.close_time })
}

export function replay(scenario: Scenario, chain: Chain): Replayed {
  const subscriptions = new Subscriptions(chain)
  const control: Control = {
    faults: none(),
    port: 6006,
    startedAtMs: 0,
    nowMs: () => (chain.closedLedger.closeTime + 946_684_800) * 1_000,
    close: (closeTime) => {
      chain.close(closeTime)
    },
    advance: () => {},
    fund: () => '',
  }
  const heard = scenario.connections.map((connection) => connect(connection, { chain, control, subscriptions }))
  const differences: Difference[] = []
  let compared = 0
  scenario.steps.forEach((step, number) => {
    const name = `${number} ${step.label ?? step.note ?? ''}`
    for (const [address, real] of Object.entries(step.balances ?? {})) {
      compared += 1
      compare(real, balanceOf(chain, address), { step: name, path: `balances.${address}` }, differences)
    }
    if (step.request === undefined || step.response === undefined) return
    catchUp(chain, step)
    const { request } = step
    const accept = request.command === 'ledger_accept' ? { close_time: step.validated_ledger?.close_time } : {}
    const { subscriber } =
      heard.find(({ subscriber }) => subscriber.version === (request.api_version ?? 1)) ?? heard[0]!
    const outcome = answer(request.command, { ...request, ...accept }, { chain, control, subscriptions, subscriber })
    const ours = outcome.ok
      ? { id: request.id, result: outcome.result, status: 'success', type: 'response' }
      : { id: request.id, ...outcome.error, request, status: 'error', type: 'response' }
    const echoed = request.api_version === undefined ? {} : { api_version: request.api_version }
    compared += 1
    compare(step.response, { ...ours, ...echoed }, { step: name, path: '' }, differences)
    if (step.validated_ledger !== undefined) {
      const { hash } = chain.closedLedger
      compare(step.validated_ledger.ledger_hash, hash, { step: name, path: 'ledger_hash' }, differences)
    }
  })
  for (const [number, { subscriber, events }] of heard.entries()) {
    const { name, events: real } = scenario.connections[number]!
    subscriptions.remove(subscriber)
    compared += real.length
    compare(real.length, events.length, { step: name, path: 'events.length' }, differences)
    real.forEach((event, at) => {
      compare(event, events[at], { step: `${name}, message ${at}`, path: 'event' }, differences)
    })
  }
  return { differences, compared }
}

function connect(
  connection: Connection,
  context: { chain: Chain; control: Control; subscriptions: Subscriptions },
): { subscriber: Subscriber; events: JsonObject[] } {
  const events: JsonObject[] = []
  const subscriber: Subscriber = {
    version: connection.version,
    streams: new Set(),
    accounts: new Set(connection.accounts),
    accountsProposed: new Set(),
    send: (message) => {
      events.push(JSON.parse(JSON.stringify(message)))
    },
  }
  context.subscriptions.add(subscriber)
  if (connection.subscribe !== undefined) answer('subscribe', connection.subscribe, { ...context, subscriber })
  return { subscriber, events }
}

function compare(
  real: unknown,
  ours: unknown,
  at: { readonly step: string; readonly path: string },
  differences: Difference[],
): void {
  if (Array.isArray(real) && Array.isArray(ours) && real.length === ours.length) {
    for (const [index, value] of real.entries()) {
      compare(value, ours[index], { ...at, path: `${at.path}.*` }, differences)
    }
    return
  }
  if (isObject(real) && isObject(ours)) {
    for (const name of new Set([...Object.keys(real), ...Object.keys(ours)])) {
      const path = at.path === '' ? name : `${at.path}.${name}`
      compare(real[name], ours[name], { ...at, path }, differences)
    }
    return
  }
  if (JSON.stringify(real) !== JSON.stringify(ours)) differences.push({ ...at, real, ours })
}

function chainOf(
  entries: ReadonlyMap<string, Entry>,
  first: {
    firstIndex: number
    firstCloseTime: number
    firstParent?: { readonly hash: string; readonly closeTime: number }
  },
): Chain {
  return new Chain({
    fees,
    networkId: 0,
    now: () => first.firstCloseTime,
    faults: none(),
    history: historyLimits,
    ledgerTransactionsMax: 10_000,
    entries,
    ...first,
  })
}

function accountOf(address: string, drops: bigint): AccountRoot {
  return {
    LedgerEntryType: 'AccountRoot',
    Account: address,
    Balance: String(drops),
    Flags: 0,
    OwnerCount: 0,
    PreviousTxnID: zero256,
    PreviousTxnLgrSeq: 0,
    Sequence: 1,
  }
}

function catchUp(chain: Chain, step: Step): void {
  const result = (step.response?.result ?? {}) as JsonObject
  const closedFirst =
    step.validated_ledger !== undefined
      ? Number(step.validated_ledger.ledger_index) - 1
      : typeof result.validated_ledger_index === 'number'
        ? result.validated_ledger_index
        : chain.closedLedger.index
  while (chain.closedLedger.index < closedFirst) chain.close(chain.closedLedger.closeTime + 1)
}

function balanceOf(chain: Chain, address: string): JsonObject | 'actNotFound' {
  const account = chain.closedLedger.state.get(accountIndex(address)) as AccountRoot | undefined
  if (account === undefined) return 'actNotFound'
  const { Balance, OwnerCount, Sequence, Flags } = account
  return { Balance, OwnerCount, Sequence, Flags }
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
