/**
 * The customer's side of settlement: asks the host of its trustline where to pay to, pays, and waits until it is in the
 * book; opens a channel for claims; withdraws.
 */
import { BtpFrame } from '@millstream/codec'
import { Hex, MillstreamError, type RandomBytes } from '@millstream/units'
import * as Drops from '../drops.js'
import type { LedgerTransaction } from '../ledger-transaction.js'
import { type ClaimSigner, verifierOf } from './claim.js'
import * as PayChannel from './pay-channel.js'
import type { XrpWallet } from './wallet.js'
import * as Wire from './wire.js'

export interface XrpCustomerOptions {
  /** Asks the host: `TrustlineClient.message`. */
  readonly ask: (protocolData: BtpFrame.ProtocolData) => Promise<BtpFrame.ProtocolData>
  /** `<prefix><account>`, as the host calls this customer. */
  readonly account: string
  readonly randomBytes: RandomBytes
  /** Between two questions about the same. */
  readonly pause: () => Promise<void>
}

export interface XrpCustomer {
  state(): Promise<Wire.AccountAnswer>
  /**
   * Pays into the account and resolves when the host has credited it.
   *
   * @throws What `XrpWallet.send` throws.
   */
  deposit(wallet: XrpWallet, drops: bigint): Promise<{ readonly hash: string; readonly tag: number }>
  /** Opens a channel to the host and has it take claims. */
  openChannel(wallet: XrpWallet, signer: ClaimSigner, drops: bigint): Promise<Wire.ChannelAnswer>
  /** Has the host take claims on a channel that is there. */
  registerChannel(signer: ClaimSigner, channel: string): Promise<Wire.ChannelAnswer>
  /**
   * Signs for what is owed by the host's book, in whole drops, if a channel has room for it.
   *
   * @returns What is settled now, in drops.
   */
  settle(signer: ClaimSigner): Promise<bigint>
  /** Closes the channels and gets back what they hold. */
  closeChannels(): Promise<readonly Wire.ChannelAnswer[]>
  /**
   * Gets XRP out of the account, all of it if no amount is named, and resolves when that has ended.
   *
   * @param id - Of an earlier call whose end is not known: it is the same withdrawal.
   */
  withdraw(address: string, drops: bigint | undefined, id?: string): Promise<Wire.WithdrawalAnswer>
}

export function createXrpCustomer(options: XrpCustomerOptions): XrpCustomer {
  const { account, pause, randomBytes } = options

  return {
    state,
    async deposit(wallet, drops) {
      const { address, tag } = await ask({ ask: 'deposit' }, Wire.parseDeposit)
      const { hash } = await wallet.send(
        { TransactionType: 'Payment', Destination: address, DestinationTag: tag, Amount: String(drops) },
        drops,
      )
      for (;;) {
        const { status } = await ask({ ask: 'deposited', hash }, Wire.parseDeposited)
        if (status === 'credited') return { hash, tag }
        await pause()
      }
    },
    async openChannel(wallet, signer, drops) {
      const { address, settleDelaySecondsMin } = await state()
      const made = await wallet.send(
        {
          TransactionType: 'PaymentChannelCreate',
          Destination: address,
          Amount: String(drops),
          SettleDelay: settleDelaySecondsMin,
          PublicKey: signer.publicKey,
        },
        drops,
        true,
      )
      return register(signer, createdChannel(made))
    },
    registerChannel: register,
    async settle(signer) {
      const { balance, scale, channels } = await state()
      // The fraction of a drop stays owed.
      const owed = balance < 0n ? Drops.floorFromUnits(-balance, scale) : 0n
      const channel = channels.find((one) => one.status === 'open')
      if (owed === 0n || channel === undefined) return 0n
      const claimed = claimedBy(signer, channel)
      const room = (channel.drops ?? 0n) - claimed
      const drops = owed < room ? owed : room
      if (drops <= 0n) return 0n
      await ask({ ask: 'claim', claim: signer.sign(channel.channel, claimed + drops) }, Wire.parseChannel)
      return drops
    },
    async closeChannels() {
      const { channels } = await state()
      const closing = channels.filter(({ status }) => status === 'open' || status === 'closing')
      for (const { channel } of closing) await ask({ ask: 'close', channel }, Wire.parseChannel)
      for (;;) {
        const now = (await state()).channels.filter(({ channel }) => closing.some((one) => one.channel === channel))
        if (now.every(({ status }) => status === 'closed')) return now
        await pause()
      }
    },
    async withdraw(address, drops, id = Hex.fromBytes(randomBytes(16))) {
      let answer = await ask({ ask: 'withdraw', id, address, drops }, Wire.parseWithdrawal)
      while (answer.status === 'waiting' || answer.status === 'sent') {
        await pause()
        answer = await ask({ ask: 'withdrawal', id }, Wire.parseWithdrawal)
      }
      return answer
    },
  }

  function state(): Promise<Wire.AccountAnswer> {
    return ask({ ask: 'account' }, Wire.parseAccount)
  }

  async function register(signer: ClaimSigner, channel: string): Promise<Wire.ChannelAnswer> {
    for (;;) {
      const proof = signer.prove(channel, account)
      const answer = await ask({ ask: 'channel', channel, proof }, Wire.parseChannel)
      if (answer.status === 'refused') throw new ChannelRefusedError(channel, answer.reason ?? 'it does not say why')
      if (answer.status !== 'checking') return answer
      await pause()
    }
  }

  async function ask<Answer>(
    question: Wire.Question,
    parse: (value: ReturnType<typeof Wire.parseJson>) => Answer | undefined,
  ): Promise<Answer> {
    const entry = BtpFrame.entry(await options.ask([Wire.question(question)]), Wire.protocol)
    const answer = entry === undefined ? undefined : parse(Wire.parseJson(entry.data))
    if (answer === undefined) throw new BadSettlementAnswerError(question.ask)
    return answer
  }
}

/**
 * What this key has signed for, by a host's word that only a signature makes good: so nothing need be remembered here,
 * and nobody is believed who says that less was signed, or more.
 */
export function claimedBy(signer: ClaimSigner, answer: Wire.ChannelAnswer): bigint {
  const { channel, claimed = 0n, signature, redeemed = 0n } = answer
  if (claimed === 0n || (signature === undefined && claimed === redeemed)) return claimed
  const isOurs =
    signature !== undefined && verifierOf(signer.publicKey)!.isSigned({ channel, drops: claimed, signature })
  if (!isOurs) throw new ForeignClaimError(channel)
  return claimed
}

function createdChannel({ nodes }: LedgerTransaction): string {
  for (const { type, change, id, fields } of nodes) {
    if (type === 'PayChannel' && change === 'created' && PayChannel.fromFields(id, fields) !== undefined) return id
  }
  throw new BadSettlementAnswerError('channel')
}

export class BadSettlementAnswerError extends MillstreamError {
  override readonly name = 'XrpCustomer.BadSettlementAnswerError'
  readonly code = 'XRP_SETTLEMENT_ANSWER'
  constructor(asked: string) {
    super(`The host's answer about XRP ("${asked}") cannot be read. What was sent before stays as it is.`)
  }
}

export class ChannelRefusedError extends MillstreamError {
  override readonly name = 'XrpCustomer.ChannelRefusedError'
  readonly code = 'XRP_CHANNEL_REFUSED'
  constructor(channel: string, reason: string) {
    super(
      `The host takes no claims on the channel ${channel}; in its words: "${reason}". What is in the channel is yours: ` +
        'it can be closed.',
    )
  }
}

export class ForeignClaimError extends MillstreamError {
  override readonly name = 'XrpCustomer.ForeignClaimError'
  readonly code = 'XRP_FOREIGN_CLAIM'
  constructor(channel: string) {
    super(
      `The host says that more was claimed on the channel ${channel} than this key has signed for. Nothing more was ` +
        'signed. Use the seed that the channel was opened with.',
    )
  }
}
