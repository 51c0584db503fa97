/**
 * The rails that a payer has open, each with its book. The host's balance is compared with the book when a rail is
 * opened, whenever its connection has come back, and on demand. Rails to several addresses of one ledger, as the nodes of
 * a fleet have, pay from one account: they have one book.
 */
import type { Plugin } from '@millstream/plugin'
import type { Instant, Observer } from '@millstream/units'
import { type Book, createBook } from './book.js'
import { EndpointRefusedError } from './endpoint.js'
import type { PayEvent } from './pay-event.js'
import type { PayerSettings } from './payer-settings.js'
import type { Endpoint, Rail } from './rail.js'

/** A rail with the book of the account that pays over it. */
export interface OpenRail {
  readonly plugin: Plugin
  readonly account: string | undefined
  readonly settings: Partial<PayerSettings>
  /** Another one once the account has ended with its connection. */
  readonly book: Book
}

export interface OpenRails {
  /**
   * The rail to an address; `open` makes it when there is none.
   *
   * @throws {EndpointRefusedError} The ledger has more addresses than are opened.
   */
  get(address: RailAddress, open: () => Promise<Rail>): Promise<OpenRail>
  /** Asks the host of each for the balance, and compares. */
  reconcile(): Promise<void>
  close(): Promise<void>
}

/** Of an `Endpoint`, or empty for a rail that leads nobody knows where. */
export type RailAddress = Pick<Endpoint, 'uri' | 'origin'>

/** Addresses of one ledger. */
export const addressesPerLedgerMax = 64

export interface OpenRailsOptions {
  readonly clock: Instant.Clock
  readonly observer: Observer<PayEvent>
  /** What was handed in is closed by whoever made it. */
  readonly handedIn: Rail | undefined
  /** The account that paid over this rail has ended: so do the streams that it paid. */
  readonly accountEnded: (rail: OpenRail) => void
}

interface Entry extends OpenRail {
  book: Book
  forget(): void
  close(): Promise<void>
}

export function createOpenRails(options: OpenRailsOptions): OpenRails {
  const { clock, observer, handedIn, accountEnded } = options
  const rails = new Map<string, Promise<Entry>>()
  const addresses = new Map<string, number>()
  const books = new Map<string, Book>()

  return {
    get({ uri, origin }, open) {
      const known = rails.get(uri)
      if (known !== undefined) return known
      const others = addresses.get(origin) ?? 0
      if (others >= addressesPerLedgerMax) throw tooManyAddresses(origin)
      addresses.set(origin, others + 1)
      const rail = open().then((opened) => enter(opened, origin))
      rails.set(uri, rail)
      rail.catch(() => {
        rails.delete(uri)
        addresses.set(origin, addresses.get(origin)! - 1)
      })
      return rail
    },

    async reconcile() {
      for (const rail of rails.values()) await reconcile(await rail)
    },

    async close() {
      const open = await Promise.allSettled(rails.values())
      rails.clear()
      addresses.clear()
      for (const rail of open) if (rail.status === 'fulfilled') await rail.value.close()
    },
  }

  function bookOf({ book, account }: Rail, origin: string): Book {
    if (book !== undefined) return book
    // An account without a name is one of its own for each connection.
    if (account === undefined) return createBook({ clock })
    const key = `${origin} ${account}`
    const known = books.get(key) ?? createBook({ clock })
    books.set(key, known)
    return known
  }

  async function enter(rail: Rail, origin: string): Promise<Entry> {
    const { plugin } = rail
    const entry: Entry = {
      plugin,
      account: rail.account,
      settings: rail.settings ?? {},
      book: bookOf(rail, origin),
      forget: () => {},
      async close() {
        entry.forget()
        if (rail !== handedIn) await rail.close?.()
      },
    }
    try {
      await reconcile(entry)
    } catch (error) {
      await entry.close()
      throw error
    }
    // One that fails has been reported; the next one may not.
    rail.onReconnect?.(() => void reconcile(entry).catch(() => {}))
    const forget = plugin.onAccountEnded?.(() => {
      // What comes next is paid by another account, of which the old book knows nothing.
      entry.book = createBook({ clock })
      accountEnded(entry)
    })
    if (forget !== undefined) entry.forget = forget
    return entry
  }

  async function reconcile(rail: OpenRail, tries = 3): Promise<void> {
    const { plugin, book } = rail
    let balance: bigint
    const spent = book.spent()
    try {
      balance = await plugin.balance()
    } catch (error) {
      observer({ name: 'pay.balance_unavailable', level: 'info', reason: String(error) })
      return
    }
    if (rail.book !== book) return
    // What was posted since it was asked for may or may not be in it, so it is asked for again.
    if (book.spent() !== spent) return tries > 1 ? reconcile(rail, tries - 1) : undefined
    const verdict = await book.reconcile(balance)
    if (verdict.settled !== undefined) observer({ name: 'pay.doubt_settled', level: 'info', ...verdict.settled })
    if (verdict.status === 'credited') {
      observer({ name: 'pay.balance_credited', level: 'info', amount: verdict.amount })
    } else if (verdict.status === 'unexplained') {
      const { amount, expectedMin } = verdict
      observer({ name: 'pay.balance_unexplained', level: 'warn', amount, expectedMin, balance })
    }
  }
}

function tooManyAddresses(origin: string): EndpointRefusedError {
  const why = `has more than the ${addressesPerLedgerMax} addresses that this payer opens`
  return new EndpointRefusedError(origin, why, 'start the payer again')
}
