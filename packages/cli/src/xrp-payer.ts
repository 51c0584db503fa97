/**
 * Paying by escrows on the XRP Ledger: nobody has to have an account with the shop. The rail is chosen by the address of
 * the payee, in which an account of the XRP Ledger stands.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { hashes, systemClock } from '@millstream/hashes'
import type { OpenLedger, PayerSettings } from '@millstream/pay'
import type { PayerState } from '@millstream/pay/node'
import { Amount, type ObservedEvent, type Observer } from '@millstream/units'
import { type AccountSummary, createXrpPlugin, openFolderStore, type XrpPlugin } from '@millstream/xrp'
import * as XrpLedger from './xrp-ledger.js'
import type { XrpPlace } from './xrp-place.js'
import * as XrpSeed from './xrp-seed.js'

export interface XrpPayer {
  readonly ledger: OpenLedger
  /** Classic address, once it is known. */
  readonly account: string | undefined
  /** What the account holds and may spend; connects if need be. */
  standing(prefix: string): Promise<AccountSummary>
  /** Brings escrows that have expired back, as far as that takes a moment. */
  close(): Promise<void>
}

export interface XrpPayerOptions {
  readonly place: XrpPlace
  readonly home: string
  readonly state: PayerState
  readonly observer: Observer<ObservedEvent>
  /** Says something to the person who pays. */
  readonly say: (text: string) => void
}

/**
 * An escrow takes some seconds to be there and as long to be finished, of which the shop wants 20 to be left; that it has
 * expired is known when a ledger has closed after its expiry, which may be half a minute later.
 */
const settings: Partial<PayerSettings> = { expiresInMs: 90_000, graceMs: 90_000, leaveMs: 20_000, patienceMs: 30_000 }
const heldMsMax = 180_000
/** How long the end waits for money that comes back. */
const cancelMsMax = 15_000
const pollMs = 100

export function create({ place, home, state, observer, say }: XrpPayerOptions): XrpPayer {
  const open: Array<() => Promise<void>> = []
  let account: string | undefined
  let plugin: XrpPlugin | undefined

  async function connect(prefix: string): Promise<XrpPlugin> {
    if (plugin !== undefined) return plugin
    const { signer } = await XrpSeed.read(place)
    account = signer.address
    const store = await openFolderStore(join(home, 'xrp-escrow', signer.address))
    const fresh = createXrpPlugin({
      server: place.xrp,
      ...{ signer, store, prefix, hashes, observer },
      // The shop says what it takes; this account is not paid.
      dropsMin: 1n,
      clock: systemClock,
    })
    open.push(() => fresh.close())
    await XrpLedger.connected(fresh, place.xrp, signer.address)
    plugin = fresh
    const { openEscrows, held } = fresh.account()
    if (openEscrows > 0) {
      say(
        `An earlier run left ${openEscrows} payments of ${xrp(held)} in escrow: paid, or back when they have expired.\n`,
      )
    }
    return fresh
  }

  return {
    ledger: {
      prefixOf: XrpLedger.prefixOf,
      async open(prefix) {
        const connected = await connect(prefix)
        const { address } = connected.account()
        const book = await state.book(`xrp:${prefix}`, address, heldMsMax)
        open.unshift(() => book.close())
        // Fees and whatever else moves on the account are none of the book's affair: it is told what escrows paid.
        const balance = async () => -connected.account().paid
        return { plugin: { ...connected, balance }, account: address, book, settings }
      },
    },
    get account() {
      return account
    },
    standing: async (prefix) => (await connect(prefix)).account(),
    async close() {
      if (plugin !== undefined) await cancelled(plugin)
      for (const close of open.splice(0).toReversed()) await close()
    },
  }

  /** What has expired is on its way back: it is there with the next ledgers. */
  async function cancelled(connected: XrpPlugin): Promise<void> {
    const deadline = performance.now() + cancelMsMax
    while (connected.account().openEscrows > 0 && connected.isConnected() && performance.now() < deadline) {
      await delay(pollMs)
    }
    const { openEscrows, held } = connected.account()
    if (openEscrows === 0) return
    say(`${xrp(held)} is still in escrow (${openEscrows}). It comes back after its expiry with the next run.\n`)
  }
}

function xrp(drops: bigint): string {
  return `${Amount.format(drops, { code: 'XRP', scale: 6 })}`
}
