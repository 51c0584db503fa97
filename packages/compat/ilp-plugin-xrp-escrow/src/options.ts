/** The options of the plugin's constructor: names and meanings of ilp-plugin-xrp-escrow 1.0.7. */
import { prefixDefault, type Signer, signerFromSeed } from '@millstream/xrp'
import { InvalidFieldsError } from './errors.js'

/** As a program writes them. */
export interface PluginOptions {
  /** Seed of the account. */
  readonly secret: string
  /** `wss://…` or `ws://…`. */
  readonly server: string
  /** Ledger prefix, ends with a dot; `g.crypto.ripple.escrow.` when left out. */
  readonly prefix?: string
  /** The account of the seed; when given, it must be that. The tutorial calls it `account`. */
  readonly address?: string
  readonly account?: string
  /**
   * Not of 2017: a folder in which transactions on their way are kept, so that a program that is started again neither
   * loses nor repeats one. One folder for each account.
   */
  readonly folder?: string
}

/** As the module uses them. */
export interface Settings {
  readonly signer: Signer
  readonly server: string
  readonly prefix: string
  readonly folder: string | undefined
}

/** @throws {InvalidFieldsError} An option is missing or malformed; it never quotes the secret. */
export function parse(options: PluginOptions): Settings {
  if (typeof options !== 'object' || options === null) throw new InvalidFieldsError('The plugin needs options.')
  const { secret, server, prefix = prefixDefault, folder } = options
  if (typeof secret !== 'string' || secret === '') throw new InvalidFieldsError('The option "secret" is missing.')
  if (typeof server !== 'string' || !/^wss?:\/\//.test(server)) {
    throw new InvalidFieldsError('The option "server" must be a WebSocket URL, such as wss://host:port.')
  }
  if (typeof prefix !== 'string' || !/^[A-Za-z0-9._~-]+\.$/.test(prefix)) {
    throw new InvalidFieldsError('The option "prefix" must be an ILP prefix, which ends with a dot.')
  }
  if (folder !== undefined && (typeof folder !== 'string' || folder === '')) {
    throw new InvalidFieldsError('The option "folder" must be the name of a folder.')
  }
  const signer = signerFrom(secret)
  for (const name of ['address', 'account'] as const) {
    const given = options[name]
    if (given !== undefined && given !== signer.address) {
      throw new InvalidFieldsError(
        `The option "${name}" is ${String(given).slice(0, 100)}, and the secret is that of ${signer.address}.`,
      )
    }
  }
  return { signer, server, prefix, folder }
}

function signerFrom(secret: string): Signer {
  try {
    return signerFromSeed(secret)
  } catch {
    throw new InvalidFieldsError('The option "secret" is not a seed of the XRP Ledger.')
  }
}
