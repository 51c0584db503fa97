/**
 * The money behind a trustline, in XRP: deposits with a destination tag, claims on payment channels, withdrawals.
 *
 * The ledger decides what an account may spend; this side moves value in and out of it, each movement under a reference
 * of what happened on the XRP Ledger. What is under way is kept in the store of the XRP account, step by step, so that a
 * process that ends anywhere is taken up where it was.
 *
 * @see docs/xrp-settlement.md
 */
import type { BtpFrame } from '@millstream/codec'
import type { Store } from '@millstream/ledger'
import {
  mayHoldDeposits,
  type Settlement,
  type SettlementCustomer,
  SettlementRefusedError,
} from '@millstream/trustline'
import type { Instant } from '@millstream/units'
import type { AccountUser, XrpAccount } from '../account.js'
import * as Drops from '../drops.js'
import type { XrpServer } from '../server.js'
import type { XrpObserver } from '../xrp-event.js'
import { createChannels, redeemKind } from './channels.js'
import { createLedgerPort, createTotals, type SettlementContext } from './context.js'
import { createDeposits } from './deposits.js'
import { type SettlementLimits, settlementLimits } from './limits.js'
import { createSources } from './sources.js'
import { createTags } from './tags.js'
import * as Wire from './wire.js'
import { createWithdrawals, withdrawalKind } from './withdrawals.js'

export interface XrpSettlementOptions {
  /** The ledger of the trustline, and its prefix and scale. The settlement does not close it. */
  readonly ledger: Store
  readonly prefix: string
  readonly scale: number
  /** What an account gets that is opened by its first deposit: what strangers may owe. */
  readonly creditLimit: bigint
  /** Makes the XRP account with the user that it is given: `createXrpAccount`. It is opened and closed here. */
  readonly account: (user: AccountUser) => XrpAccount
  /** Of that account: channels are looked up there. */
  readonly server: XrpServer
  readonly clock: Instant.Clock
  readonly limits?: Partial<SettlementLimits>
  readonly observer?: XrpObserver
  /** Called once when nothing can be stored any more: what is under way is taken up by the next process. */
  readonly onFailure?: (error: unknown) => void
}

export interface XrpSettlement extends Settlement {
  /** The shop's address. */
  readonly address: string
  /**
   * Connects, and reads what happened since the process before.
   *
   * @throws What `XrpAccount.open` throws.
   */
  open(): Promise<void>
  /** Resolves when what has been seen and asked for so far is in the books. */
  settled(): Promise<void>
  close(): Promise<void>
}

export function createXrpSettlement(options: XrpSettlementOptions): XrpSettlement {
  const { ledger: store, prefix, scale, creditLimit, clock, server } = options
  const limits: SettlementLimits = { ...settlementLimits, ...options.limits }
  const observe: XrpObserver = options.observer ?? (() => {})
  const ledger = createLedgerPort(store, scale, creditLimit)
  const totals = createTotals()
  const jobs = new Set<Promise<void>>()
  let isStopped = false
  // Throws for a scale that XRP cannot be counted in.
  Drops.toUnits(1n, scale)

  const user: AccountUser = {
    restore(entries) {
      for (const part of [totals, tags, sources, deposits, channels, withdrawals]) part.restore(entries)
    },
    saw(transaction, batch) {
      deposits.saw(transaction, batch)
      channels.saw(transaction, batch)
    },
    ended({ kind, key }, outcome, batch) {
      if (kind === withdrawalKind) withdrawals.ended(key, outcome, batch)
      else if (kind === redeemKind) channels.ended(key, outcome)
    },
    stepped({ closedAt }, batch) {
      deposits.stepped(batch)
      withdrawals.stepped(batch)
      channels.stepped(closedAt, batch)
    },
    wants: () => false,
    found: () => channels.lookAgain(),
    broken: () => fail(new Error('What is kept of the XRP account cannot be written any more.')),
  }
  const account = options.account(user)
  const context: SettlementContext = { account, ledger, limits, scale, clock, observe, totals, run }
  const tags = createTags(context)
  const sources = createSources(context)
  const deposits = createDeposits(context, tags, sources)
  const withdrawals = createWithdrawals(context, sources)
  const channels = createChannels(context, server, sources, (name) => prefix + name)

  return {
    protocol: Wire.protocol,
    address: account.address,
    async open() {
      await account.open()
      deposits.resume()
      withdrawals.resume()
      channels.resume()
    },
    async answer(question, customer) {
      const asked = Wire.parseQuestion(question.data)
      if (asked === undefined) throw new SettlementRefusedError('InvalidFieldsError', 'This is no question about XRP.')
      if (!mayHoldDeposits(customer.name)) throw weakToken()
      if (isStopped) throw new SettlementRefusedError('UnreachableError', 'The host is stopping. Ask again later.')
      return Wire.entry(Wire.protocol, await answerTo(asked, customer))
    },
    claim(entry: BtpFrame.ProtocolEntry, { name }: SettlementCustomer) {
      if (isStopped) return
      const claim = Wire.parseClaim(entry.data)
      const verdict = claim === undefined ? 'malformed' : channels.take(name, claim)
      // One that is not larger came late, as one may.
      if (verdict === 'kept' || verdict === 'not_larger') return
      observe({ name: 'xrp.claim_refused', level: 'info', account: name, reason: verdict })
    },
    async settled() {
      do {
        await account.settled()
        await Promise.all(jobs)
        await account.settled()
      } while (jobs.size > 0)
    },
    async close() {
      isStopped = true
      await Promise.all(jobs)
      await account.close()
    },
  }

  async function answerTo(asked: Wire.Question, { name }: SettlementCustomer): Promise<object> {
    switch (asked.ask) {
      case 'deposit':
        return { address: account.address, tag: await giveTag(name) } satisfies Wire.DepositAnswer
      case 'deposited':
        return deposits.statusOf(name, asked.hash)
      case 'account':
        return describe(name)
      case 'channel':
        return channels.register(name, asked.channel, asked.proof)
      case 'claim': {
        const verdict = channels.take(name, asked.claim)
        if (verdict !== 'kept' && verdict !== 'not_larger') throw claimRefused(verdict)
        await settledHere()
        return channels.of(name).find(({ channel }) => channel === asked.claim.channel)!
      }
      case 'close':
        return channels.close(name, asked.channel)
      case 'withdraw':
        return withdrawals.start(name, asked.id, asked.address, asked.drops)
      case 'withdrawal':
        return withdrawals.statusOf(name, asked.id)
    }
  }

  /** Told once it is durable: another process must not give it to somebody else. */
  async function giveTag(name: string): Promise<number> {
    let tag: number | undefined
    account.commit((batch) => {
      tag = tags.give(name, batch)
    })
    await account.settled()
    if (tag === undefined || isStopped) {
      throw new SettlementRefusedError(
        'UnreachableError',
        'Too many asked for a tag and paid nothing. Try again later.',
      )
    }
    return tag
  }

  async function describe(name: string): Promise<Wire.AccountAnswer> {
    const found = await ledger.find(name)
    return {
      address: account.address,
      balance: found?.posted ?? 0n,
      limit: found?.creditLimit ?? creditLimit,
      scale,
      withdrawDropsMin: limits.withdrawDropsMin,
      channelDropsMin: limits.channelDropsMin,
      settleDelaySecondsMin: limits.settleDelaySecondsMin,
      sources: sources.of(name).map(({ address }) => address),
      channels: channels.of(name),
    }
  }

  async function settledHere(): Promise<void> {
    await account.settled()
    await Promise.all(jobs)
  }

  function run(job: () => Promise<void>): void {
    if (isStopped) return
    const running: Promise<void> = job()
      .catch(fail)
      .finally(() => jobs.delete(running))
    jobs.add(running)
  }

  function fail(error: unknown): void {
    if (isStopped) return
    isStopped = true
    observe({ name: 'xrp.settlement_failed', level: 'error', error })
    options.onFailure?.(error)
  }
}

function weakToken(): SettlementRefusedError {
  return new SettlementRefusedError(
    'NotAcceptedError',
    'This account may hold no deposit: its token has fewer than 16 bytes and could be guessed. Use another token.',
  )
}

const claimProblems: Readonly<Record<string, string>> = {
  unknown_channel: 'This is not a channel of this account.',
  ended: 'The channel is closing or ends too soon.',
  exceeds_channel: 'The claim is above what the channel holds.',
  too_many: 'Too many claims. Wait a second.',
  wrong_signature: 'The signature is not that of the key of the channel.',
}

function claimRefused(verdict: string): SettlementRefusedError {
  return new SettlementRefusedError(
    'NotAcceptedError',
    `${claimProblems[verdict] ?? 'The claim is no good.'} Not taken.`,
  )
}
