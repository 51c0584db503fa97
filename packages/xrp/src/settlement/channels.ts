/**
 * Payment channels to the shop, and the claims on them.
 *
 * ```
 * claim ─▶ verified ─▶ kept, if larger ─▶ credited: in the ledger, by channel and total
 * kept ─▶ redeemed on the XRP Ledger: at a threshold, before the channel ends, and at close
 * ```
 *
 * A claim is a total. The ledger is credited with what it is above the one before, so credit that was used up is free
 * again, and the ledger's own rule refuses who has not settled. A claim counts once it is on the disk: the credit comes
 * after. What is not redeemed yet is in the books as good as the channel is, so a channel must leave time enough, and
 * is redeemed as soon as its source asks for an end.
 */
import { SettlementRefusedError } from '@millstream/trustline'
import * as EngineResult from '../engine-result.js'
import { feeFactors } from '../fees.js'
import type { Batch } from '../internal/batch.js'
import type { LedgerTransaction } from '../ledger-transaction.js'
import * as RippleTime from '../ripple-time.js'
import type { XrpServer } from '../server.js'
import type { SubmissionOutcome } from '../submitter.js'
import { type Claim, type Verifier, verifierOf } from './claim.js'
import type { SettlementContext } from './context.js'
import { createFinished } from './finished.js'
import * as PayChannel from './pay-channel.js'
import { createRates } from './rates.js'
import * as Reference from './reference.js'
import type { Sources } from './sources.js'
import type { ChannelAnswer } from './wire.js'

export interface Channels {
  restore(entries: ReadonlyMap<string, string>): void
  resume(): void
  /** Looks a channel up and takes claims on it from now on; asked again, it tells. */
  register(name: string, id: string, proof: string): ChannelAnswer
  /** Takes a claim if it is good and larger. Never throws. */
  take(name: string, claim: Claim): ClaimVerdict
  /** @throws {SettlementRefusedError} It is not a channel of this account. */
  close(name: string, id: string): ChannelAnswer
  of(name: string): readonly ChannelAnswer[]
  saw(transaction: LedgerTransaction, batch: Batch): void
  /** Looks all channels up: at a start, and after ledgers that could not be read. */
  lookAgain(): void
  ended(key: string, outcome: SubmissionOutcome): void
  /** Redeems what has to be. */
  stepped(closedAt: RippleTime.RippleTime, batch: Batch): void
}

export type ClaimVerdict =
  | 'kept'
  | 'not_larger'
  | 'unknown_channel'
  | 'ended'
  | 'exceeds_channel'
  | 'too_many'
  | 'wrong_signature'

export interface KeptChannel {
  readonly id: string
  readonly name: string
  readonly source: string
  readonly publicKey: string
  readonly settleDelaySeconds: number
  drops: string
  /** The largest claim; `0` before the first. */
  claimed: string
  signature: string
  /** What of it is in the ledger, and what is on its way there. */
  credited: string
  crediting: string
  redeemed: string
  expiration: number | null
  cancelAfter: number | null
  state: 'open' | 'closing' | 'closed'
}

interface Channel extends KeptChannel {
  readonly verifier: Verifier
  isCrediting: boolean
  /** A claim that failed in a ledger is not sent again before. */
  pausedUntil: number
}

/** Of submissions. */
export const redeemKind = 'redeem'
export const channelPrefix = 'channel/'

const tfClose = 0x0002_0000
const pauseMs = 60_000
/** A channel that the server does not have has ended, unless one of so many more ledgers tells how. */
const ledgersUntilGone = 3

export function createChannels(
  context: SettlementContext,
  server: XrpServer,
  sources: Sources,
  addressOf: (name: string) => string,
): Channels {
  const { account, ledger, limits, observe, totals, clock } = context
  const channels = new Map<string, Channel>()
  const byName = new Map<string, Channel[]>()
  /** What is being looked up, and what was wrong with what was: by name and channel. */
  const lookUps = new Map<string, string | undefined>()
  let lookingUp = 0
  /** What is to be looked up again, and since which ledger the server has it no more. */
  const unsure = new Map<string, number | undefined>()
  let isLookingAgain = false
  const finished = createFinished(limits.finishedMax)
  const rates = createRates(limits.claimsBurst, limits.claimsPerSecond, clock)

  return {
    restore(entries) {
      for (const [key, text] of entries) {
        if (!key.startsWith(channelPrefix)) continue
        const kept = JSON.parse(text) as KeptChannel
        enter({ ...kept, verifier: verifierOf(kept.publicKey)!, isCrediting: false, pausedUntil: 0 })
        if (kept.state === 'closed') finished.add(kept.id)
      }
    },
    resume() {
      for (const channel of channels.values()) {
        if (channel.crediting === channel.credited) continue
        channel.isCrediting = true
        credit(channel)
      }
    },
    register,
    take,
    close(name, id) {
      const channel = channels.get(id)
      if (channel?.name !== name) throw notYours()
      if (channel.state === 'open') {
        channel.state = 'closing'
        account.commit((batch) => {
          keep(channel, batch)
          batch.after(() => redeem(channel))
        })
      }
      return answerOf(channel)
    },
    of: (name) => (byName.get(name) ?? []).map(answerOf),
    saw,
    lookAgain() {
      for (const { id, state } of channels.values()) if (state !== 'closed') unsure.set(id, undefined)
      startLookingAgain()
    },
    ended(key, outcome) {
      const channel = channels.get(key)
      const reason = outcome.status === 'validated' ? outcome.transaction.result : outcome.reason
      if (channel === undefined || EngineResult.named(reason) === 'success') return
      channel.pausedUntil = clock() + pauseMs
      observe({ name: 'xrp.redeem_failed', level: 'warn', channel: key, reason })
    },
    stepped(closedAt, batch) {
      startLookingAgain()
      for (const channel of channels.values()) if (isDue(channel, closedAt)) redeem(channel)
      for (const id of finished.takeBeyond()) forget(id, batch)
    },
  }

  function register(name: string, id: string, proof: string): ChannelAnswer {
    const known = channels.get(id)
    if (known !== undefined) {
      if (known.name !== name) throw notYours()
      return answerOf(known)
    }
    const key = `${name} ${id}`
    if (lookUps.has(key)) {
      const reason = lookUps.get(key)
      if (reason === undefined) return { channel: id, status: 'checking' }
      lookUps.delete(key)
      return { channel: id, status: 'refused', reason }
    }
    const open = (byName.get(name) ?? []).filter(({ state }) => state !== 'closed')
    if (open.length >= limits.channelsPerAccountMax || channels.size >= limits.channelsMax) {
      throw refused('There are too many channels already. Close one first.')
    }
    if (lookingUp >= limits.lookUpsMax || !rates.take(name)) {
      throw new SettlementRefusedError('UnreachableError', 'Too many channels are being looked up. Try again later.')
    }
    lookUps.set(key, undefined)
    lookingUp++
    context.run(() => lookUp(name, id, proof, key))
    return { channel: id, status: 'checking' }
  }

  async function lookUp(name: string, id: string, proof: string, key: string): Promise<void> {
    let reason: string | undefined
    try {
      const found = await PayChannel.ask(server, id)
      reason = found === undefined ? 'The ledger has no such channel.' : objection(found)
      const verifier = verifierOf(found?.publicKey)
      if (found !== undefined && verifier !== undefined && reason === undefined) {
        if (!verifier.isProof(id, addressOf(name), proof)) reason = 'The proof is not signed by the key of the channel.'
        else if (!channels.has(id)) open(name, found, verifier)
      }
    } catch {
      reason = 'The XRP Ledger cannot be asked at this moment. Try again later.'
    }
    lookingUp--
    if (reason === undefined) lookUps.delete(key)
    else remember(key, reason)
  }

  function startLookingAgain(): void {
    if (unsure.size === 0 || isLookingAgain) return
    isLookingAgain = true
    context.run(async () => {
      try {
        for (const [id, goneSince] of [...unsure]) await lookOnceMore(id, goneSince)
      } catch {
        // The next ledger brings another try.
      }
      isLookingAgain = false
    })
  }

  async function lookOnceMore(id: string, goneSince: number | undefined): Promise<void> {
    const found = await PayChannel.ask(server, id)
    const channel = channels.get(id)
    const index = account.readLedger()?.index ?? 0
    if (channel === undefined || channel.state === 'closed') unsure.delete(id)
    else if (found !== undefined) {
      unsure.delete(id)
      account.commit((batch) => changed(channel, found, batch))
    } else if (goneSince === undefined) unsure.set(id, index)
    else if (index >= goneSince + ledgersUntilGone) {
      unsure.delete(id)
      account.commit((batch) => closed(channel, batch))
    }
  }

  /** Why nothing is asked again is told once; who never asks leaves nothing behind. */
  function remember(key: string, reason: string): void {
    lookUps.set(key, reason)
    if (lookUps.size <= limits.channelsMax) return
    for (const oldest of lookUps.keys()) {
      if (lookUps.get(oldest) === undefined) continue
      lookUps.delete(oldest)
      return
    }
  }

  /** Why a channel is not worth what is claimed on it. */
  function objection(channel: PayChannel.PayChannel): string | undefined {
    const { destination, drops, redeemed, settleDelaySeconds, expiration, cancelAfter } = channel
    if (destination !== account.address) return 'The channel pays somebody else.'
    if (verifierOf(channel.publicKey) === undefined) return 'The key of the channel is not of ed25519.'
    if (drops - redeemed < limits.channelDropsMin) return `The channel holds less than ${limits.channelDropsMin} drops.`
    if (settleDelaySeconds < limits.settleDelaySecondsMin) {
      return `The settle delay of the channel is below ${limits.settleDelaySecondsMin} seconds.`
    }
    if (expiration !== undefined) return 'The channel is about to be closed.'
    if (cancelAfter !== undefined && isSoon(cancelAfter, limits.redeemBeforeMs * 2)) return 'The channel ends too soon.'
    return undefined
  }

  function open(name: string, found: PayChannel.PayChannel, verifier: Verifier): void {
    const { id, source, publicKey, settleDelaySeconds, redeemed } = found
    // What was redeemed before is none of this account's.
    const before = String(redeemed)
    const channel: Channel = {
      ...{ id, name, source, publicKey, settleDelaySeconds, verifier },
      ...{ claimed: before, credited: before, crediting: before, redeemed: before },
      ...{ signature: '', state: 'open', isCrediting: false, pausedUntil: 0 },
      drops: String(found.drops),
      expiration: found.expiration ?? null,
      cancelAfter: found.cancelAfter ?? null,
    }
    enter(channel)
    account.commit((batch) => keep(channel, batch))
    observe({ name: 'xrp.channel_opened', level: 'info', account: name, channel: id, drops: found.drops })
  }

  function enter(channel: Channel): void {
    channels.set(channel.id, channel)
    const all = byName.get(channel.name) ?? []
    all.push(channel)
    byName.set(channel.name, all)
  }

  function forget(id: string, batch: Batch): void {
    const { name } = channels.get(id)!
    channels.delete(id)
    batch.remove(channelPrefix + id)
    const left = byName.get(name)!.filter((channel) => channel.id !== id)
    if (left.length === 0) byName.delete(name)
    else byName.set(name, left)
  }

  function take(name: string, claim: Claim): ClaimVerdict {
    const channel = channels.get(claim.channel)
    if (channel?.name !== name) return 'unknown_channel'
    if (channel.state !== 'open' || channel.expiration !== null) return 'ended'
    if (channel.cancelAfter !== null && isSoon(RippleTime.from(channel.cancelAfter), limits.redeemBeforeMs)) {
      return 'ended'
    }
    if (claim.drops <= BigInt(channel.claimed)) return 'not_larger'
    if (claim.drops > BigInt(channel.drops)) return 'exceeds_channel'
    // A signature costs time: who sends bad ones is not listened to for a while. A later claim covers what is missed.
    if (!rates.take(name)) return 'too_many'
    if (!channel.verifier.isSigned(claim)) {
      rates.charge(name, limits.claimWrongCost)
      return 'wrong_signature'
    }
    channel.claimed = String(claim.drops)
    channel.signature = claim.signature
    const isFree = !channel.isCrediting
    if (isFree) {
      channel.isCrediting = true
      channel.crediting = channel.claimed
    }
    account.commit((batch) => {
      keep(channel, batch)
      if (isFree) batch.after(() => credit(channel))
    })
    return 'kept'
  }

  /**
   * One at a time for each channel. What is on its way is durable before, so that after a crash the very same is made
   * again.
   */
  function credit(channel: Channel): void {
    const { id, name, source } = channel
    const total = BigInt(channel.crediting)
    const drops = total - BigInt(channel.credited)
    context.run(async () => {
      const status = await ledger.deposit(name, drops, Reference.ofClaim(id, total))
      if (status !== 'deposited' && status !== 'exists') {
        channel.isCrediting = false
        observe({ name: 'xrp.claim_not_credited', level: 'error', account: name, channel: id, drops, reason: status })
        return
      }
      account.commit((batch) => {
        channel.credited = String(total)
        channel.crediting = channel.claimed
        channel.isCrediting = channel.crediting !== channel.credited
        totals.add('claimed', drops, batch)
        sources.add(name, { address: source, tag: undefined }, drops, batch)
        keep(channel, batch)
        observe({ name: 'xrp.claimed', level: 'debug', account: name, channel: id, drops })
        if (channel.isCrediting) batch.after(() => credit(channel))
      })
    })
  }

  function isDue(channel: Channel, closedAt: RippleTime.RippleTime): boolean {
    if (channel.state === 'closed') return false
    if (channel.state === 'closing') return true
    const unredeemed = BigInt(channel.claimed) - BigInt(channel.redeemed)
    if (channel.expiration !== null) return true
    if (unredeemed >= limits.redeemDropsMin) return true
    if (channel.cancelAfter === null) return false
    return channel.cancelAfter - closedAt < limits.redeemBeforeMs / 1000
  }

  function redeem(channel: Channel): void {
    const { id, claimed, signature, publicKey } = channel
    const purpose = { kind: redeemKind, key: id }
    if (channel.state === 'closed' || clock() < channel.pausedUntil || account.isSubmitting(purpose)) return
    const isLarger = BigInt(claimed) > BigInt(channel.redeemed) && signature !== ''
    const isLast =
      channel.state === 'closing' ||
      channel.expiration !== null ||
      (channel.cancelAfter !== null && isSoon(RippleTime.from(channel.cancelAfter), limits.redeemBeforeMs))
    if (!isLarger && !isLast) return
    if (isLast && channel.state === 'open') {
      // What is claimed from here on would not be paid, even if the source takes its wish for an end back meanwhile.
      channel.state = 'closing'
      account.commit((batch) => keep(channel, batch))
    }
    try {
      account.submit({
        purpose,
        fields: {
          TransactionType: 'PaymentChannelClaim',
          Channel: id,
          ...(isLarger ? { Balance: claimed, Amount: claimed, Signature: signature, PublicKey: publicKey } : undefined),
          // The rest goes back to the source in the same transaction.
          ...(isLast ? { Flags: tfClose } : undefined),
        },
        feeFactor: feeFactors.plain,
        drops: 0n,
        ownsObject: false,
      })
    } catch (error) {
      // The next ledger brings another try.
      const reason = error instanceof Error ? error.name : 'error'
      observe({ name: 'xrp.redeem_failed', level: 'warn', channel: id, reason })
    }
  }

  function saw({ result, nodes, hash }: LedgerTransaction, batch: Batch): void {
    if (result !== 'tesSUCCESS') return
    for (const { channel: seen, isEnded } of PayChannel.inNodes(nodes)) {
      const channel = channels.get(seen.id)
      if (channel === undefined || channel.state === 'closed') continue
      changed(channel, seen, batch, hash)
      if (isEnded) closed(channel, batch)
    }
  }

  function changed(channel: Channel, seen: PayChannel.PayChannel, batch: Batch, hash?: string): void {
    const redeemed = seen.redeemed - BigInt(channel.redeemed)
    // Neither ever falls: what was looked up may be younger than the transaction that is read after it.
    if (redeemed > 0n) channel.redeemed = String(seen.redeemed)
    if (seen.drops > BigInt(channel.drops)) channel.drops = String(seen.drops)
    channel.expiration = seen.expiration ?? null
    keep(channel, batch)
    batch.after(() => {
      const facts = { account: channel.name, channel: channel.id, drops: redeemed }
      if (redeemed > 0n && hash !== undefined) observe({ name: 'xrp.redeemed', level: 'info', ...facts, hash })
      if (channel.expiration !== null) redeem(channel)
    })
  }

  function closed(channel: Channel, batch: Batch): void {
    channel.state = 'closed'
    finished.add(channel.id)
    keep(channel, batch)
    batch.after(() => {
      const facts = { account: channel.name, channel: channel.id }
      const lost = BigInt(channel.claimed) - BigInt(channel.redeemed)
      if (lost > 0n) observe({ name: 'xrp.claim_worthless', level: 'error', ...facts, drops: lost })
      else observe({ name: 'xrp.channel_closed', level: 'info', ...facts })
    })
  }

  function isSoon(time: RippleTime.RippleTime, withinMs: number): boolean {
    return RippleTime.toInstant(time) - account.now() < withinMs
  }

  function keep(channel: Channel, batch: Batch): void {
    const { verifier: _verifier, isCrediting: _isCrediting, pausedUntil: _pausedUntil, ...kept } = channel
    batch.put(channelPrefix + channel.id, kept satisfies KeptChannel)
  }
}

function answerOf(channel: Channel): ChannelAnswer {
  const { id, state, source, drops, claimed, redeemed, signature, expiration } = channel
  return {
    channel: id,
    status: state === 'open' && expiration !== null ? 'closing' : state,
    source,
    drops: BigInt(drops),
    claimed: BigInt(claimed),
    redeemed: BigInt(redeemed),
    ...(signature === '' ? undefined : { signature }),
  }
}

function notYours(): SettlementRefusedError {
  return refused('This is not a channel of this account.')
}

function refused(message: string): SettlementRefusedError {
  return new SettlementRefusedError('NotAcceptedError', message)
}
