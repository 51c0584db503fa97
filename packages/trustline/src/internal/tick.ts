/**
 * The beat of a host: what arrived in one run of the event loop is decided together.
 *
 * frames → check → ONE batch (prepare, look up, late answers) → payee → ONE batch (fulfill, reject) → durable → payee told
 * → answers, in one write per connection.
 *
 * Nobody waits on a timer, and a disk that is slow makes batches larger, not queues longer. Ticks follow each other
 * without waiting for the disk; what they have to tell is told in their order. A tick whose store decides by promise
 * (PostgreSQL) ends before the next begins.
 */
import {
  type Batch,
  type Command,
  type Hold,
  type MaybePromise,
  type Outcome,
  type Store,
  serverAccount,
} from '@millstream/ledger'
import type { AccountTable } from './account-table.js'
import type { Incoming } from './incoming.js'
import type { Outgoing } from './outgoing.js'
import type { Requests } from './requests.js'
import { createReport, type TickReport } from './tick-report.js'

export interface TickParts {
  readonly accounts: AccountTable
  readonly incoming: Incoming
  readonly outgoing: Outgoing
  readonly requests: Requests
}

export interface Ticker {
  /** Asks for a tick. */
  wake(): void
  /** Decides commands of which nobody outside is told. */
  apply(commands: readonly Command[]): MaybePromise<readonly Outcome[]>
  /** Resolves when everything that was asked for so far is decided, stored and told, or the ticker has stopped. */
  settled(): Promise<void>
  /** No more ticks; what is not told yet never will be. */
  stop(): void
}

interface Told {
  readonly report: TickReport
  isDurable: boolean
}

export function createTicker(store: Store, parts: () => TickParts, fail: (error: unknown) => void): Ticker {
  let isScheduled = false
  let isTicking = false
  let isWanted = false
  let isStopped = false
  /** Holds that ended in batches of which nobody is told. */
  let dead: Hold[] = []
  /** Ticks whose batches are on their way to the disk. */
  const telling: Told[] = []
  let waiters: (() => void)[] = []

  return { wake, apply, settled, stop }

  function wake(): void {
    isWanted = true
    if (isScheduled || isTicking || isStopped) return
    isScheduled = true
    setImmediate(run)
  }

  function run(): void {
    isScheduled = false
    if (!isStopped) void tick()
  }

  async function tick(): Promise<void> {
    isTicking = true
    isWanted = false
    try {
      await decide()
    } catch (error) {
      fail(error)
    }
    isTicking = false
    if (isWanted) wake()
    answerWaiters()
  }

  async function decide(): Promise<void> {
    const { accounts, incoming, outgoing, requests } = parts()
    const report = createReport()
    const opening = incoming.judge()
    if (opening.length > 0) await accounts.open(opening, 'to pay')
    if (outgoing.hasArrivals) await accounts.open(await outgoing.resolve(), 'to be paid')
    if (accounts.hasDeparted) await accounts.mergeDeparted()

    const commands: Command[] = []
    incoming.collect(commands, report)
    const firstOfOutgoing = commands.length
    outgoing.collect(commands)
    let batch = store.apply(commands)
    const outcomes = batch.outcomes instanceof Promise ? await batch.outcomes : batch.outcomes
    if (batch.expired instanceof Promise || batch.expired.length > 0 || dead.length > 0) await expire(batch, report)
    incoming.decide(outcomes, report)
    outgoing.decide(outcomes, firstOfOutgoing, report)

    const answers = incoming.ask()
    if (answers.length > 0) {
      const first = batch
      batch = store.apply(answers)
      if (first.durable !== batch.durable) first.durable.catch(fail)
      const answered = batch.outcomes instanceof Promise ? await batch.outcomes : batch.outcomes
      if (batch.expired instanceof Promise || batch.expired.length > 0 || dead.length > 0) await expire(batch, report)
      incoming.decideAsked(answered, report)
    }
    if (requests.hasWork) await requests.answer(report)
    if (report.exceeding.length > 0) await incoming.describeExceeding(report)

    const told: Told = { report, isDurable: false }
    telling.push(told)
    batch.durable.then(() => {
      told.isDurable = true
      tellWhatIsDurable()
    }, fail)
  }

  async function expire(batch: Batch, report: TickReport): Promise<void> {
    const { incoming, outgoing } = parts()
    const holds = batch.expired instanceof Promise ? await batch.expired : batch.expired
    const deadNow = dead.length === 0 ? holds : [...dead, ...holds]
    dead = []
    for (const hold of deadNow) {
      if (hold.source === serverAccount) outgoing.expire(hold, report)
      else incoming.expire(hold, report)
    }
  }

  function tellWhatIsDurable(): void {
    const { incoming } = parts()
    while (telling[0]?.isDurable && !isStopped) {
      const { report } = telling.shift()!
      incoming.tell(report)
      for (const job of report.jobs) job()
    }
    answerWaiters()
  }

  function apply(commands: readonly Command[]): MaybePromise<readonly Outcome[]> {
    const batch = store.apply(commands)
    batch.durable.catch(fail)
    const keep = (holds: readonly Hold[]) => {
      if (holds.length === 0) return
      dead.push(...holds)
      wake()
    }
    if (batch.expired instanceof Promise) batch.expired.then(keep, fail)
    else keep(batch.expired)
    return batch.outcomes
  }

  function settled(): Promise<void> {
    return new Promise((resolve) => {
      waiters.push(resolve)
      answerWaiters()
    })
  }

  function answerWaiters(): void {
    const isBusy = isScheduled || isTicking || isWanted || telling.length > 0
    if (isBusy && !isStopped) return
    const answered = waiters
    waiters = []
    for (const resolve of answered) resolve()
  }

  function stop(): void {
    isStopped = true
    answerWaiters()
  }
}
