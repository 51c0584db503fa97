/**
 * The options of the plugin's constructor, checked once: option names and meanings of
 * ilp-plugin-payment-channel-framework 1.3.5, values in the forms that the rest of the module uses.
 */
import { Octets } from '@millstream/units'
import * as LedgerError from './errors.js'
import { type LedgerInfo, ledgerInfoFrom } from './ledger-info.js'

/** The program's own storage. Each method may return a promise or a plain value; `null` is an absent value too. */
export interface ProgramStore {
  get(key: string): unknown
  put(key: string, value: string): unknown
  del(key: string): unknown
}

export type AuthCheck = (username: string, token: string) => unknown

/** As a program writes them. */
export interface PluginOptions {
  /** Where to connect: `btp+ws://user:token@host:port/path` or `btp+wss://…`. */
  readonly server?: string
  /** Where to listen; `cert`, `key` and `ca` are names of files and switch TLS on. */
  readonly listener?: { port?: number; cert?: string; key?: string; ca?: string }
  /** The token that a peer with an empty user name must give. The README of 1.3.5 calls it `token`. */
  readonly incomingSecret?: string
  readonly token?: string
  /** Decides instead of `incomingSecret`; may return a promise. */
  readonly authCheck?: AuthCheck
  /** Highest balance, in base units: what the peer may owe. Required with `_store`. */
  readonly maxBalance?: string
  /** Lowest balance, in base units: below 0 is what this side may owe. */
  readonly minBalance?: string
  /** Ledger prefix, ends with a dot. Required with `info` when there is no `server`. */
  readonly prefix?: string
  readonly info?: object
  /** Keeps the ledger: with it the plugin is the side that keeps the book. */
  readonly _store?: ProgramStore
  readonly _backend?: unknown
  /** Accepts incoming transfers of amount 0, which the plugin of 2017 refused. */
  readonly acceptZeroAmounts?: boolean
  /** Writes the BTP error codes of 1.3.5, which are shifted by one from F02 on, instead of those of IL-RFC-23. */
  readonly compatibleErrorCodes?: boolean
}

/** As the module uses them. */
export interface Settings {
  readonly server: string | undefined
  readonly listener: ListenerSettings | undefined
  readonly authCheck: AuthCheck
  /** Only the empty user name is let in, or nobody: whoever comes back is who was here before. */
  readonly hasOneUser: boolean
  /** Highest balance of this side, in base units. `undefined`: no bound. */
  readonly balanceMax: bigint | undefined
  /** Lowest balance of this side, in base units. `undefined`: no bound. */
  readonly balanceMin: bigint | undefined
  readonly prefix: string | undefined
  readonly info: LedgerInfo | undefined
  readonly store: ProgramStore | undefined
  readonly acceptsZeroAmounts: boolean
  readonly compatibleErrorCodes: boolean
}

export interface ListenerSettings {
  readonly port: number
  readonly tls: { readonly certFile: string; readonly keyFile: string; readonly caFile: string | undefined } | undefined
}

/** The port of a listener that names none, as in 1.3.5. */
export const portDefault = 4195

/**
 * @throws {InvalidFieldsError} An option is missing or malformed.
 * @throws {NotSupportedError} `_backend`: storage is handed in as `_store`.
 */
export function parse(options: PluginOptions): Settings {
  if (typeof options !== 'object' || options === null) throw invalid('options', options)
  if (options._backend !== undefined && options._backend !== null) {
    throw new LedgerError.NotSupportedError(
      'The option "_backend" is not supported: hand storage in as "_store", an object with get, put and del.',
    )
  }
  const store = parseStore(options._store)
  if (options.server !== undefined && typeof options.server !== 'string') throw invalid('server', options.server)
  if (options.authCheck !== undefined && typeof options.authCheck !== 'function') {
    throw invalid('authCheck', options.authCheck)
  }
  if (options.prefix !== undefined && !isPrefix(options.prefix)) throw invalid('prefix', options.prefix)
  const info =
    options.info === undefined || options.info === null ? undefined : ledgerInfoFrom(options.info, options.prefix)
  if (!options.server && !(options.prefix && info !== undefined)) {
    throw new LedgerError.InvalidFieldsError('Without "server" the options "prefix" and "info" are required.')
  }
  if (options.prefix !== undefined && info !== undefined && info.prefix !== options.prefix) {
    throw invalid('info.prefix', `${info.prefix}, but "prefix" is ${options.prefix}`)
  }
  return {
    server: options.server || undefined,
    listener: parseListener(options.listener),
    authCheck: options.authCheck ?? checkSecret(options.incomingSecret ?? options.token),
    hasOneUser: options.authCheck === undefined,
    balanceMax: store === undefined ? undefined : parseMaximum(options.maxBalance),
    balanceMin: store === undefined || !options.minBalance ? undefined : parseMinimum(options.minBalance),
    prefix: options.prefix,
    info,
    store,
    acceptsZeroAmounts: options.acceptZeroAmounts === true,
    compatibleErrorCodes: options.compatibleErrorCodes === true,
  }
}

/** The side that others connect to: its book is the one that counts. */
export function keepsBookForBoth(settings: Settings): boolean {
  return settings.listener !== undefined || (settings.store !== undefined && settings.server === undefined)
}

/** A ledger prefix: an ILP address that ends with a dot. */
export function isPrefix(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 1023 && /^[a-zA-Z0-9_~-]+(\.[a-zA-Z0-9_~-]+)*\.$/.test(value)
}

function parseStore(store: ProgramStore | undefined | null): ProgramStore | undefined {
  if (store === undefined || store === null) return undefined
  for (const method of ['get', 'put', 'del'] as const) {
    if (typeof store[method] !== 'function') throw invalid(`_store.${method}`, store[method])
  }
  return store
}

function parseListener(listener: PluginOptions['listener'] | null): ListenerSettings | undefined {
  if (listener === undefined || listener === null) return undefined
  if (typeof listener !== 'object') throw invalid('listener', listener)
  const { port = portDefault, cert, key, ca } = listener
  if (!Number.isInteger(Number(port)) || Number(port) < 0 || Number(port) > 65535) throw invalid('listener.port', port)
  if (cert === undefined) return { port: Number(port), tls: undefined }
  if (typeof cert !== 'string') throw invalid('listener.cert', cert)
  if (typeof key !== 'string') throw invalid('listener.key', key)
  if (ca !== undefined && typeof ca !== 'string') throw invalid('listener.ca', ca)
  return { port: Number(port), tls: { certFile: cert, keyFile: key, caFile: ca } }
}

/** An integer in base units, 0 or more; `Infinity` is no bound. */
function parseMaximum(value: unknown): bigint | undefined {
  if (value === 'Infinity') return undefined
  if (typeof value !== 'string' || !/^[0-9]{1,60}$/.test(value)) throw invalid('maxBalance', value)
  return BigInt(value)
}

/** An integer in base units, 0 or less; `-Infinity` is no bound. */
function parseMinimum(value: unknown): bigint | undefined {
  if (value === '-Infinity') return undefined
  if (typeof value !== 'string' || !/^(0|-[0-9]{1,60})$/.test(value)) throw invalid('minBalance', value)
  return BigInt(value)
}

/** An empty user name and the one secret. Without a secret nobody passes. */
function checkSecret(secret: string | undefined): AuthCheck {
  if (secret !== undefined && typeof secret !== 'string') throw invalid('incomingSecret', typeof secret)
  const encoder = new TextEncoder()
  const expected = secret === undefined ? undefined : encoder.encode(secret)
  return (username, token) =>
    username === '' && expected !== undefined && Octets.equalConstantTime(encoder.encode(token), expected)
}

function invalid(field: string, value: unknown): LedgerError.InvalidFieldsError {
  return new LedgerError.InvalidFieldsError(`invalid "${field}"; got ${String(value)}`)
}
