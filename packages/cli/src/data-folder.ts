/**
 * What a shop keeps in its data folder beside the ledger: its key, and the facts that must not change while there is a
 * ledger. The folder is made for its owner only; the store that is opened in it keeps other processes out.
 *
 * | file        | holds                                                          |
 * | ----------- | -------------------------------------------------------------- |
 * | `shop-key`  | 32 random bytes as base64url: the secrets of all streams come from it |
 * | `shop.json` | format, prefix and asset of the ledger                          |
 */
import { constants } from 'node:fs'
import { lstat, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Asset, Base64Url, type RandomBytes } from '@millstream/units'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'

export const keyFile = 'shop-key'
/** What the settlement in XRP keeps. */
export const xrpFolder = 'xrp'
const factsFile = 'shop.json'
/** As the store names it. */
const ledgerFile = 'ledger.sqlite'
/** Folders in which a restore works: one that is there was cut short. */
export const restoringPrefix = '.restoring-'
const keyBytes = 32
const format = 1

export interface ShopFacts {
  readonly prefix: string
  readonly asset: Asset
}

/**
 * Makes the folder if there is none.
 *
 * @returns Whether others than its owner may look into it: worth a warning.
 * @throws {Failure} It cannot be made, is not a folder, or has lost its ledger.
 */
export async function ensure(folder: string): Promise<{ readonly open: boolean }> {
  const open = await makeFolder(folder)
  if ((await readFacts(folder)) !== undefined) await assertLedger(folder)
  else await assertNotRestoring(folder)
  return { open }
}

async function assertNotRestoring(folder: string): Promise<void> {
  const names = await readdir(folder)
  if (!names.some((name) => name.startsWith(restoringPrefix))) return
  throw new Failure({
    code: 'FOLDER_DAMAGED',
    exit: exitCodes.folder,
    message: `A backup was being restored to ${folder}, and that was cut short. Nothing was started.`,
    next: 'run `millstream ledger restore` again',
  })
}

/**
 * Before a backup is restored: no ledger may be there, nor anything that belongs to one.
 *
 * @throws {Failure} There is.
 */
export async function assertWithoutLedger(folder: string): Promise<void> {
  for (const name of [ledgerFile, `${ledgerFile}-wal`, `${ledgerFile}-journal`, `${ledgerFile}-shm`]) {
    const stats = await lstat(join(folder, name)).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      throw unusable(join(folder, name), cause)
    })
    if (stats === undefined) continue
    throw new Failure({
      code: 'FOLDER_HAS_LEDGER',
      exit: exitCodes.folder,
      message: `There is a ledger in ${folder} (${name}), or a part of one. It was left as it is, and nothing was restored.`,
      next: 'name a new folder with --data, or move the whole old one away and keep it',
    })
  }
}

/**
 * Writes what a folder had beside its ledger when a backup was made. A folder that has lost its ledger alone may have it
 * still: then it must be the same.
 *
 * @throws {Failure} It is of another ledger, or cannot be written.
 */
export async function restoreFacts(folder: string, facts: ShopFacts, key: string | undefined): Promise<void> {
  const { prefix, asset } = facts
  const found = await readText(folder, keyFile)
  if (found !== undefined && key !== undefined && found.trim() !== key) {
    throw new Failure({
      code: 'FOLDER_FACTS_DIFFER',
      exit: exitCodes.folder,
      message: `The ${keyFile} in ${folder} is not that of the backup. Nothing was restored.`,
      next: 'name a new folder with --data',
    })
  }
  if (found === undefined && key !== undefined) await writeWhole(folder, keyFile, `${key}\n`)
  await pinFacts(folder, { prefix, asset })
}

async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const stats = await stat(folder)
    return process.platform !== 'win32' && (stats.mode & 0o077) !== 0
  } catch (cause) {
    throw unusable(folder, cause)
  }
}

/**
 * The facts are written when the ledger is there. If it is not any more, new books would forget what everybody owes,
 * and every sum in them would hold.
 */
async function assertLedger(folder: string): Promise<void> {
  const path = join(folder, ledgerFile)
  const stats = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw unusable(path, cause)
  })
  if (stats !== undefined && stats.size > 0) return
  throw new Failure({
    code: 'FOLDER_DAMAGED',
    exit: exitCodes.folder,
    message: `The ledger of ${folder} is gone: ${path} is ${stats === undefined ? 'missing' : 'empty'}. Nothing was done.`,
    next: 'restore the whole folder from a backup; to begin with empty books, name a new folder with --data',
  })
}

/** @throws {Failure} There is no ledger in the folder, or there is none any more. */
export async function assertExists(folder: string): Promise<void> {
  const stats = await stat(folder).catch(() => undefined)
  if (stats?.isDirectory() !== true || (await readFacts(folder)) === undefined) {
    throw new Failure({
      code: 'FOLDER_NOT_FOUND',
      exit: exitCodes.folder,
      message: `There is no ledger in ${folder}. Nothing was done.`,
      next: 'name the data folder of the shop with --data; `millstream shop` makes one',
    })
  }
  await assertLedger(folder)
}

/**
 * Reads the shop's key, or makes one. Only the process that holds the folder may call it.
 *
 * @throws {Failure} The file is there and holds something else: it is left as it is.
 */
export async function shopKey(folder: string, randomBytes: RandomBytes): Promise<Uint8Array> {
  const text = await readKey(folder)
  if (text !== undefined) return Base64Url.toBytes(text)
  const key = randomBytes(keyBytes)
  await writeWhole(folder, keyFile, `${Base64Url.fromBytes(key)}\n`)
  return key
}

/**
 * @returns The shop's key as it stands in its file; `undefined` where there is none.
 * @throws {Failure} The file cannot be read, or holds something else.
 */
export async function readKey(folder: string): Promise<string | undefined> {
  const text = (await readText(folder, keyFile))?.trim()
  if (text === undefined) return undefined
  try {
    if (Base64Url.toBytes(text).length === keyBytes) return text
  } catch {
    // Said below: whatever is not 32 bytes is the same damage.
  }
  throw damaged(folder, keyFile, 'restore it from a backup; without it, streams that were begun cannot go on')
}

/**
 * Compares the facts with those that the folder was made with, or writes them down.
 *
 * @throws {Failure} They differ: addresses that customers were told would no longer lead here.
 */
export async function pinFacts(folder: string, facts: ShopFacts): Promise<void> {
  const pinned = await readFacts(folder)
  if (pinned === undefined) {
    await writeWhole(folder, factsFile, `${JSON.stringify({ format, ...facts })}\n`)
    return
  }
  const same = (a: ShopFacts, b: ShopFacts) =>
    a.prefix === b.prefix && a.asset.code === b.asset.code && a.asset.scale === b.asset.scale
  if (same(pinned, facts)) return
  const words = ({ prefix, asset }: ShopFacts) => `${prefix} (${asset.code}, scale ${asset.scale})`
  throw new Failure({
    code: 'FOLDER_FACTS_DIFFER',
    exit: exitCodes.folder,
    message: `The ledger in ${folder} is ${words(pinned)}, not ${words(facts)}. Nothing was started.`,
    next: `give --prefix ${pinned.prefix}, or another folder with --data`,
  })
}

/** @throws {Failure} The file is damaged or was written by a newer version. */
export async function readFacts(folder: string): Promise<ShopFacts | undefined> {
  const text = await readText(folder, factsFile)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw damaged(folder, factsFile, 'restore it from a backup')
  }
  const {
    format: found,
    prefix,
    asset,
  } = (value ?? {}) as { format?: unknown; prefix?: unknown; asset?: Partial<Asset> }
  if (typeof found === 'number' && found > format) {
    throw new Failure({
      code: 'FOLDER_NEWER',
      exit: exitCodes.folder,
      message: `The data folder ${folder} was written by a newer version of millstream. It was left as it is.`,
      next: 'use that version or a later one',
    })
  }
  if (typeof prefix !== 'string' || typeof asset?.code !== 'string' || !Number.isInteger(asset.scale)) {
    throw damaged(folder, factsFile, 'restore it from a backup')
  }
  return { prefix, asset: { code: asset.code, scale: asset.scale! } }
}

async function readText(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name), 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unusable(join(folder, name), cause)
  }
}

/** All or nothing, whenever the power goes: written aside, flushed, renamed, and the name flushed as well. */
async function writeWhole(folder: string, name: string, text: string): Promise<void> {
  const aside = join(folder, `.${name}.new`)
  try {
    await rm(aside, { force: true })
    const file = await open(aside, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(aside, join(folder, name))
    if (process.platform === 'win32') return
    const directory = await open(folder, constants.O_RDONLY)
    await directory.sync().finally(() => directory.close())
  } catch (cause) {
    throw unusable(join(folder, name), cause)
  }
}

function damaged(folder: string, name: string, next: string): Failure {
  return new Failure({
    code: 'FOLDER_DAMAGED',
    exit: exitCodes.folder,
    message: `${join(folder, name)} is damaged. It was left as it is, and nothing was started.`,
    next,
  })
}

function unusable(path: string, cause: unknown): Failure {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
  return new Failure({
    code: 'FOLDER_UNUSABLE',
    exit: exitCodes.folder,
    message: `${path} cannot be used (${reason}). Nothing was started.`,
    next: 'check that it is a folder of yours, with room on its disk, or choose another with --data',
    cause,
  })
}
