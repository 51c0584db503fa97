/**
 * Payments of customers to the host: judged, held, handed to the payee, settled and answered. The tick calls the steps in
 * their order; each is one pass over what arrived together, without a promise, timer or closure per payment unless the
 * payee makes it wait.
 */
import type { BtpFrame } from '@millstream/codec'
import type {
  Command,
  Cursor,
  FulfillOutcome,
  Hold,
  LookUpOutcome,
  Outcome,
  PrepareOutcome,
  RejectOutcome,
  SearchOutcome,
} from '@millstream/ledger'
import type { Payee, Rejection, SettledOutcome } from '@millstream/plugin'
import type { Condition, Instant } from '@millstream/units'
import type { AccountTable } from './account-table.js'
import type { Deliveries } from './deliveries.js'
import { describeExceeding } from './exceeding.js'
import type { Connection, HostAccount } from './host-account.js'
import type { HostContext } from './host-context.js'
import { createLookedFor } from './looked-for.js'
import { createOutdated } from './outdated.js'
import { answerCommand, fromFrame, type Payment } from './payment.js'
import * as Refusals from './refusals.js'
import { encodeExpired, encodeRejection } from './reject-packet.js'
import { createSearches } from './searches.js'
import { sendReject } from './send-reject.js'
import type { TickReport } from './tick-report.js'
import { hasToken, takeToken } from './token-bucket.js'
import { transferKey } from './transfer-key.js'

export interface Incoming {
  /** Payments that are held and wait for the payee. */
  readonly held: number
  receive(payee: Payee): void
  /** Takes over a payment that was held when the host started. */
  restore(payment: Payment): void
  /** Nobody has registered as a payee: what was restored is rejected, since it would wait in vain. */
  giveUpRestored(): void
  /** From now on nothing new is held. */
  drain(): void
  arrive(frame: BtpFrame.PrepareFrame, connection: Connection): void
  /** Step 1: takes what may be decided in this tick. Returns the accounts that have to be opened for it. */
  judge(): readonly HostAccount[]
  /** Step 2: the commands of the first batch. */
  collect(commands: Command[], report: TickReport): void
  /** Step 3: their outcomes, which start at 0. */
  decide(outcomes: readonly Outcome[], report: TickReport): void
  /** Step 4: asks the payee. Returns the commands of the second batch. */
  ask(): readonly Command[]
  /** Step 5: their outcomes. */
  decideAsked(outcomes: readonly Outcome[], report: TickReport): void
  /** A hold that the ledger found dead while it decided a batch. */
  expire(hold: Hold, report: TickReport): void
  /** Finds the words for those who asked for more than they can spend. */
  describeExceeding(report: TickReport): Promise<void>
  /** Ends what is dead and was not reported so: somebody else's batch had found it. */
  sweep(now: Instant.Instant): void
  /** Step 6, once all of it is durable. */
  tell(report: TickReport): void
}

/** PREPAREs of all accounts in one tick, shared evenly among those that sent some. */
const framesPerTickOfAll = 8_192
const fulfillmentBytes = 32

export function createIncoming(context: HostContext, accounts: AccountTable, deliveries: Deliveries): Incoming {
  const { clock, limits, counters, observe } = context
  const searches = createSearches(context, searched)
  const lookedFor = createLookedFor(context, comeAgain)
  const outdated = createOutdated(limits.refusedBurst)
  let payee: Payee | undefined
  let isDraining = false
  let held = 0
  let lastCursor = 0 as Cursor

  /** Accounts with PREPAREs that wait for a tick. */
  let active: HostAccount[] = []
  /** Held payments whose payee has answered since the last tick, or has to be asked in the next. */
  let answered: Payment[] = []
  let toAsk: Payment[] = []
  /** Payments that come into the next tick once more. */
  let again: Payment[] = []
  /** Of the tick under way: what was judged, in the order of its commands; what was answered; what was just held. */
  let judged: Payment[] = []
  let answering: Payment[] = []
  let prepared: Payment[] = []

  return {
    get held() {
      return held
    },
    receive(newPayee) {
      payee = newPayee
      for (const account of accounts.all()) {
        for (const payment of account.held.values()) if (payment.asked !== newPayee) toAsk.push(payment)
      }
      if (toAsk.length > 0) context.wake()
    },
    restore,
    giveUpRestored() {
      if (payee !== undefined || held === 0) return
      for (const account of accounts.all()) {
        for (const payment of account.held.values()) answer(payment, Refusals.noPayee)
      }
      context.wake()
    },
    drain() {
      isDraining = true
    },
    arrive(frame, connection) {
      const { account } = connection
      if (account.frames.length === 0) active.push(account)
      account.frames.push(frame)
      account.framesFrom.push(connection)
      context.wake()
    },
    judge,
    collect,
    decide,
    ask,
    decideAsked: decideAnswers,
    expire(hold, report) {
      const payment = accounts.byId(hold.source)?.held.get(transferKey(hold.id))
      if (payment !== undefined) settle(payment, 'expired', lastCursor, report)
    },
    describeExceeding: (report) => describeExceeding(context, report),
    sweep(now) {
      for (const account of accounts.all()) {
        for (const payment of account.held.values()) if (payment.expiresAt <= now) answer(payment, Refusals.tooLate)
      }
    },
    tell,
  }

  function judge(): readonly HostAccount[] {
    const now = clock()
    const accountsNow = active
    active = []
    judged = []
    const opening = new Set<HostAccount>()
    const returned = again
    again = []
    for (const payment of returned) {
      const { account, connection } = payment
      if (connection?.session.isOpen) judgeOne(payment, now, opening)
      else if (account.connections.length === 0) accounts.released(account)
    }
    const share = Math.max(1, Math.min(limits.framesPerTickMax, Math.floor(framesPerTickOfAll / accountsNow.length)))
    for (const account of accountsNow) {
      const { frames, framesFrom } = account
      const count = Math.min(share, frames.length)
      for (let i = 0; i < count; i++) {
        const connection = framesFrom[i]!
        // Whoever has gone was not answered and sends the same transfer again, if it comes back.
        if (!connection.session.isOpen) continue
        const payment = fromFrame(frames[i]!, connection)
        if (!lookedFor.isWaiting(payment, payee, now)) judgeOne(payment, now, opening)
      }
      if (count < frames.length) {
        active.push(account)
        account.frames = frames.slice(count)
        account.framesFrom = framesFrom.slice(count)
        context.wake()
      } else {
        frames.length = 0
        framesFrom.length = 0
        if (account.connections.length === 0) accounts.released(account)
      }
    }
    return [...opening]
  }

  function comeAgain(payment: Payment): void {
    again.push(payment)
    context.wake()
  }

  function judgeOne(payment: Payment, now: Instant.Instant, opening: Set<HostAccount>): void {
    const { account } = payment
    payment.rejection = objection(payment, now)
    if (account.mustOpen && payment.rejection === undefined) opening.add(account)
    judged.push(payment)
  }

  /** Why nothing may be held for a payment, if the ledger does not know it already. */
  function objection(payment: Payment, now: Instant.Instant): Rejection | undefined {
    const { account } = payment
    if (isDraining) return Refusals.shuttingDown
    if (outdated.has(payment)) return Refusals.outdated
    if (!hasToken(account.refused, now)) {
      if (!account.isLimited) {
        account.isLimited = true
        observe({ name: 'trustline.refusals_limited', level: 'warn', account: account.name })
      }
      return Refusals.tooManyRefused
    }
    if (payee === undefined) return Refusals.noPayee
    if (payment.rejection !== undefined) return payment.rejection
    try {
      return payee.check(payment.incoming)
    } catch (error) {
      observe({ name: 'trustline.payee_failed', level: 'error', call: 'check', account: account.name, error })
      return Refusals.payeeFailed
    }
  }

  function collect(commands: Command[], report: TickReport): void {
    answering = answered.filter((payment) => payment.state === 'held')
    answered = []
    for (const payment of answering) commands.push(answerCommand(payment))

    let kept = 0
    for (const payment of judged) {
      const source = payment.account.id
      if (source === undefined) {
        refuseWithoutAccount(payment, report)
        continue
      }
      payment.source = source
      // What may not be held is looked up all the same: a repeat is answered from the ledger, whatever we think of it now.
      const { id, contentHash, expiresAt } = payment
      commands.push(payment.rejection === undefined ? payment : { type: 'look_up', source, id, contentHash, expiresAt })
      judged[kept++] = payment
    }
    judged.length = kept
  }

  /** A stranger that the ledger has never seen: there is nothing to look up. */
  function refuseWithoutAccount(payment: Payment, report: TickReport): void {
    countRefusal(payment)
    if (payment.rejection !== undefined) {
      report.rejections.push(payment)
    } else if (payment.account.openingRefused) {
      payment.rejection = Refusals.tooManyOpenings
      report.rejections.push(payment)
    } else {
      report.exceeding.push(payment)
    }
  }

  function decide(outcomes: readonly Outcome[], report: TickReport): void {
    const first = answering.length
    decideAnswers(outcomes, report)
    for (let i = 0; i < judged.length; i++) {
      decideJudged(judged[i]!, outcomes[first + i] as PrepareOutcome | LookUpOutcome, report)
    }
    judged = []
  }

  function decideJudged(payment: Payment, outcome: PrepareOutcome | LookUpOutcome, report: TickReport): void {
    switch (outcome.status) {
      case 'prepared':
        payment.state = 'held'
        held++
        counters.prepared++
        prepared.push(payment)
        report.responses.push(payment)
        return
      case 'exists':
        report.responses.push(payment)
        if (outcome.elsewhere) takeOver(payment)
        return
      case 'exists_fulfilled':
        payment.fulfillment = 'fulfillment' in outcome ? outcome.fulfillment : undefined
        payment.refusal = Refusals.alreadyFulfilled
        report.errors.push(payment)
        return
      case 'exists_rejected':
      case 'exists_expired':
        payment.refusal = Refusals.alreadyRolledBack
        report.errors.push(payment)
        return
      case 'not_found':
        countRefusal(payment)
        report.rejections.push(payment)
        return
      case 'expired':
        countRefusal(payment)
        // Its id may have left memory at its expiry, and it may have been paid: only the records know.
        searches.add(payment)
        return
      case 'exceeds_holds':
      case 'exceeds_ids':
        countRefusal(payment)
        payment.rejection = outcome.status === 'exceeds_holds' ? Refusals.tooManyHolds : Refusals.tooManyIds
        report.rejections.push(payment)
        return
      case 'exceeds_balance':
        countRefusal(payment)
        report.exceeding.push(payment)
        return
      case 'account_not_found':
        accounts.lost(payment.account)
        if (payment.isSecondTry) refuse(payment, outcome.status, report)
        else comeAgain(payment)
        payment.isSecondTry = true
        return
      default:
        refuse(payment, outcome.status, report)
    }
  }

  function refuse(payment: Payment, status: Parameters<typeof Refusals.ofStatus>[0], report: TickReport): void {
    countRefusal(payment)
    payment.refusal = Refusals.ofStatus(status)
    report.errors.push(payment)
  }

  /**
   * A payment that another host has held comes again, because its payer has lost that host: whoever is paid here answers
   * for it. Should the other host be alive, the ledger takes whichever answer comes first.
   */
  function takeOver(payment: Payment): void {
    payment.rejection = undefined
    restore(payment)
  }

  /** Takes charge of a payment that the ledger holds already, once. */
  function restore(payment: Payment): void {
    if (payment.account.held.has(transferKey(payment.id))) return
    payment.state = 'held'
    held++
    wait(payment)
    if (payee !== undefined) toAsk.push(payment)
  }

  /** Repeats of known transfers count for nothing: a customer that comes back asks about all that it had open. */
  function countRefusal(payment: Payment): void {
    counters.refused++
    takeToken(payment.account.refused, clock())
    outdated.refused(payment)
  }

  function searched(payment: Payment, outcome: SearchOutcome): void {
    const { connection, requestId } = payment
    connection?.session.refuse(requestId, Refusals.ofSearch(outcome))
    if (outcome === 'fulfilled') deliveries.sendKnown(payment.account, payment.id)
  }

  function ask(): readonly Command[] {
    const asking = toAsk.length === 0 ? prepared : toAsk.filter((payment) => payment.state === 'held').concat(prepared)
    toAsk = []
    prepared = []
    const commands: Command[] = []
    for (const payment of asking) {
      const asked = payee!
      payment.asked = asked
      let value: Answer | Promise<Answer>
      try {
        value = asked.fulfill(payment.incoming)
      } catch (error) {
        value = failed(payment, error)
      }
      if (value instanceof Promise) {
        wait(payment)
        value.then(
          (later) => answerLater(payment, asked, later),
          (error: unknown) => answerLater(payment, asked, failed(payment, error)),
        )
      } else {
        take(payment, value)
        answering.push(payment)
        commands.push(answerCommand(payment))
      }
    }
    return commands
  }

  function wait(payment: Payment): void {
    payment.key ??= transferKey(payment.id)
    payment.account.held.set(payment.key, payment)
  }

  function failed(payment: Payment, error: unknown): Rejection {
    observe({ name: 'trustline.payee_failed', level: 'error', call: 'fulfill', account: payment.account.name, error })
    return Refusals.payeeFailed
  }

  function answerLater(payment: Payment, asked: Payee, value: Answer): void {
    if (payment.state !== 'held' || payment.asked !== asked) return
    answer(payment, value)
    context.wake()
  }

  function answer(payment: Payment, value: Answer): void {
    take(payment, value)
    answered.push(payment)
  }

  function take(payment: Payment, value: Answer): void {
    if (!(value instanceof Uint8Array)) payment.rejection = value
    else if (value.length === fulfillmentBytes) payment.fulfillment = value
    else payment.rejection = Refusals.wrongFulfillment
  }

  function decideAnswers(outcomes: readonly Outcome[], report: TickReport): void {
    const answers = answering
    answering = []
    for (let i = 0; i < answers.length; i++) {
      const payment = answers[i]!
      const outcome = outcomes[i] as FulfillOutcome | RejectOutcome
      switch (outcome.status) {
        case 'fulfilled':
          lastCursor = outcome.cursor
          settle(payment, 'fulfilled', lastCursor, report)
          break
        case 'wrong_fulfillment':
          failed(payment, new Error('The fulfillment is not that of the condition.'))
          payment.fulfillment = undefined
          wait(payment)
          answer(payment, Refusals.wrongFulfillment)
          context.wake()
          break
        // Ended meanwhile, by the clock as a rule; `expire` may have told so already.
        case 'exists_fulfilled':
          settle(payment, 'fulfilled', lastCursor, report)
          break
        case 'exists_expired':
          settle(payment, 'expired', lastCursor, report)
          break
        default:
          settle(payment, 'rejected', lastCursor, report)
      }
    }
  }

  function settle(payment: Payment, state: Exclude<SettledOutcome, 'lost'>, cursor: Cursor, report: TickReport): void {
    if (payment.state !== 'held') return
    payment.state = state
    payment.cursor = cursor
    held--
    counters[state]++
    payment.account.untold++
    if (payment.key !== undefined) payment.account.held.delete(payment.key)
    report.settlements.push(payment)
  }

  function tell(report: TickReport): void {
    const { settlements, responses, rejections, errors } = report
    for (let i = 0; i < settlements.length; i++) tellPayee(settlements[i]!)
    for (let i = 0; i < responses.length; i++) responses[i]!.connection?.session.respond(responses[i]!.requestId)
    for (const payment of rejections) {
      payment.connection?.session.respond(payment.requestId)
      sendReject(payment, encodeRejection(payment.rejection!, context.address, clock()))
    }
    for (const payment of errors) tellError(payment)
    for (let i = 0; i < settlements.length; i++) {
      const payment = settlements[i]!
      if (payment.state === 'fulfilled') fulfill(payment)
      else if (payment.state === 'expired') sendReject(payment, encodeExpired(context.address, clock()))
      else sendReject(payment, encodeRejection(payment.rejection ?? Refusals.payeeFailed, context.address, clock()))
      const { account } = payment
      account.untold--
      if (account.connections.length === 0) accounts.released(account)
    }
  }

  function tellPayee(payment: Payment): void {
    const { asked, account } = payment
    if (asked === undefined) return
    try {
      asked.settled(payment.incoming, payment.state as SettledOutcome, payment.cursor)
    } catch (error) {
      observe({ name: 'trustline.payee_failed', level: 'error', call: 'settled', account: account.name, error })
    }
  }

  function tellError(payment: Payment): void {
    const { connection, refusal } = payment
    connection?.session.refuse(payment.requestId, refusal!)
    if (refusal !== Refusals.alreadyFulfilled) return
    // Whoever asks about a paid transfer has missed its FULFILL.
    fulfill(payment)
  }

  function fulfill(payment: Payment): void {
    if (payment.fulfillment === undefined) deliveries.sendKnown(payment.account, payment.id)
    else deliveries.send(payment)
  }
}

type Answer = Condition.Fulfillment | Rejection
