/**
 * The ledger in PostgreSQL, as the commands open it: the driver is loaded only then. What all shops of a fleet must agree
 * on is compared before anything is served.
 *
 * | fact     | is                                              |
 * | -------- | ----------------------------------------------- |
 * | `prefix` | of the ledger's addresses                       |
 * | `asset`  | code and scale of what it counts: `XRP:9`       |
 * | `key`    | fingerprint of the key that all shops have      |
 */
import { hashes, randomBytes } from '@millstream/hashes'
import type { LedgerLimits, StoreFailedError } from '@millstream/ledger'
import type { Migrated, OpenedPostgres } from '@millstream/ledger-postgres'
import { type Asset, MillstreamError, type Observer } from '@millstream/units'
import type { ShopFacts } from './data-folder.js'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import * as KeyFile from './key-file.js'
import type { Database } from './store-choice.js'

export interface OpenOptions {
  /** Names this process among those that share the ledger; one for this start only when left out. */
  readonly host?: string
  readonly limits?: Partial<LedgerLimits>
  readonly observer?: Observer
  /** Brings the schema to the version of this program. */
  readonly migrate: boolean
  readonly onFailure?: (failure: StoreFailedError) => void
}

/** @throws {MillstreamError} With a code of the store: it cannot be reached, lets nobody in, is of another version. */
export async function open(database: Database, options: OpenOptions): Promise<OpenedPostgres> {
  const { openPostgres } = await import('@millstream/ledger-postgres')
  return openPostgres({ url: database.url(), hashes, randomBytes, ...options })
}

export async function migrate(database: Database, observer: Observer): Promise<Migrated> {
  const { migrate } = await import('@millstream/ledger-postgres')
  return migrate({ url: database.url(), observer })
}

/** @throws {Failure} The ledger is another one. */
export async function pinFacts({ facts }: OpenedPostgres, { prefix, asset }: ShopFacts): Promise<void> {
  const pinned = [await facts.pin('prefix', prefix), await facts.pin('asset', wordsOf(asset))]
  const given = [prefix, wordsOf(asset)]
  if (pinned.every((fact, i) => fact === given[i])) return
  throw new Failure({
    code: 'LEDGER_FACTS_DIFFER',
    exit: exitCodes.database,
    message: `The ledger in this database is ${pinned.join(', ')}, not ${given.join(', ')}. Nothing was started.`,
    next: `give --prefix ${pinned[0]}, or name another database with --store`,
  })
}

/** @throws {Failure} No shop has used the database yet. */
export async function readFacts({ facts }: OpenedPostgres): Promise<ShopFacts> {
  const prefix = await facts.read('prefix')
  const [code, scale] = (await facts.read('asset'))?.split(':') ?? []
  if (prefix !== undefined && code !== undefined && scale !== undefined) {
    return { prefix, asset: { code, scale: Number(scale) } }
  }
  throw new Failure({
    code: 'LEDGER_FACTS_MISSING',
    exit: exitCodes.database,
    message: 'There are no books in this database yet. Nothing was done.',
    next: 'start a shop on it with `millstream shop --store`, or check the URL',
  })
}

/**
 * The key that all shops of the ledger have. The first shop makes it; the others are given a copy of the file.
 *
 * @throws {Failure} The file is not there although there is such a key, or it holds another one.
 */
export async function sharedKey(
  { facts }: OpenedPostgres,
  path: string,
  made: (path: string) => void,
): Promise<Uint8Array> {
  const found = await KeyFile.read(path)
  if (found === undefined && (await facts.read('key')) !== undefined) throw missing(path)
  const key = found ?? (await KeyFile.create(path, randomBytes))
  const fingerprint = KeyFile.fingerprint(key, hashes)
  if ((await facts.pin('key', fingerprint)) !== fingerprint) throw different(path, found === undefined)
  if (found === undefined) made(path)
  return key
}

/** What a store says that has failed while the shop ran. */
export function failureOf(cause: unknown): Failure | undefined {
  if (!(cause instanceof MillstreamError) || !databaseCodes.includes(cause.code)) return undefined
  return new Failure({
    code: cause.code,
    exit: exitCodes.database,
    message: `${cause.message} The shop has stopped.`,
    next:
      cause.code === 'LEDGER_HOST_REPLACED'
        ? 'give every shop of the fleet its own --node'
        : 'customers go on at other shops; nothing was told to anybody that is not stored',
    cause,
  })
}

const databaseCodes: readonly string[] = ['LEDGER_DATABASE_FAILED', 'LEDGER_HOST_REPLACED']

function wordsOf({ code, scale }: Asset): string {
  return `${code}:${scale}`
}

function missing(path: string): Failure {
  return new Failure({
    code: 'KEY_FILE_MISSING',
    exit: exitCodes.folder,
    message: `The shops of this ledger have a key, and there is none in ${path}. Nothing was started.`,
    next: 'copy the key file of another shop of the fleet there, or name its copy with --key-file',
  })
}

function different(path: string, isNew: boolean): Failure {
  return new Failure({
    code: 'KEY_FILE_DIFFERS',
    exit: exitCodes.folder,
    message: `The key in ${path} is not that of the other shops of this ledger${
      isNew ? '; it was made just now, and another shop was first' : ''
    }. Nothing was started.`,
    next: 'put a copy of their key file in its place: every shop of a fleet has the same key',
  })
}
