/** Where the money goes through: a plugin, opened for the endpoint that a shop names. */
import type { Plugin } from '@millstream/plugin'
import type { Book } from './book.js'
import type { PayerSettings } from './payer-settings.js'

/** Where an account can be opened: from `Pay-Endpoint`, checked, or from the user. */
export interface Endpoint {
  /** `btp+ws://host:port/` or `btp+wss://host:port/`, without credentials. */
  readonly uri: string
  /** `btp+ws://host:port`: names the ledger for tokens and books. */
  readonly origin: string
  readonly secure: boolean
}

export interface Rail {
  /** Connected: `info()` answers. */
  readonly plugin: Plugin
  /** Where it leads: a shop that names another address of the same ledger is paid there. */
  readonly endpoint?: Endpoint
  /** Id of the payer's account there, for an operator who is asked to fund it. */
  readonly account?: string
  /** Where payments are written down ahead; one in memory when left out, which a crash forgets. */
  readonly book?: Book
  /** What this rail takes longer for, or less, than the payer's own settings say. */
  readonly settings?: Partial<PayerSettings>
  /** Calls back whenever the connection has come back: the host's balance is compared with the book then. */
  onReconnect?(listener: () => void): void
  /** Called by `payer.close()`, once nothing is in flight. */
  close?(): void | Promise<void>
}

/**
 * Connects, with the same account at every address of one origin: the nodes of a fleet have one ledger. What it throws is passed on
 * to the caller of `fetch`; nothing was paid then.
 */
export type OpenPlugin = (endpoint: Endpoint) => Promise<Rail>

/** A ledger that needs no endpoint, since everybody can reach it: the XRP Ledger, for example. */
export interface OpenLedger {
  /** The ledger prefix of an address that is paid here; `undefined` for addresses elsewhere. */
  prefixOf(address: string): string | undefined
  /** What it throws is passed on to the caller of `fetch`; nothing was paid then. */
  open(prefix: string): Promise<Rail>
}
