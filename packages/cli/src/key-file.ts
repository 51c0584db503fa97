/**
 * The file with a shop's key: 32 random bytes as base64url, for its owner alone. All shops of a fleet have the same key;
 * a fingerprint of it, which tells nothing about it, is in the ledger that they share.
 */
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Base64Url, type Hashes, type RandomBytes } from '@millstream/units'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'

const keyBytes = 32
const fingerprintBytes = 12
const fingerprintLabel = new TextEncoder().encode('millstream shop key fingerprint')

/**
 * @returns The key, or `undefined` where there is no such file.
 * @throws {Failure} Others may read it, it cannot be read, or it holds something else: it is left as it is.
 */
export async function read(path: string): Promise<Uint8Array | undefined> {
  let text: string
  try {
    const { mode } = await stat(path)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw exposed(path)
    text = await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause instanceof Failure ? cause : unusable(path, cause)
  }
  try {
    const key = Base64Url.toBytes(text.trim())
    if (key.length === keyBytes) return key
  } catch {
    // Said below: whatever is not 32 bytes is the same damage.
  }
  throw damaged(path)
}

/**
 * Makes a key and writes it down, so that it survives a power cut. Of two processes that make one at the same time in the
 * same place, both get the key of the first.
 *
 * @throws {Failure} The disk refuses.
 */
export async function create(path: string, randomBytes: RandomBytes): Promise<Uint8Array> {
  const folder = dirname(resolve(path))
  const aside = join(folder, `.shop-key.${Base64Url.fromBytes(randomBytes(9))}`)
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const file = await open(aside, 'wx', 0o600)
    try {
      await file.writeFile(`${Base64Url.fromBytes(randomBytes(keyBytes))}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(aside, path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EEXIST') throw cause
    })
    await rm(aside)
    if (process.platform !== 'win32') {
      const directory = await open(folder, 'r')
      await directory.sync().finally(() => directory.close())
    }
  } catch (cause) {
    await rm(aside, { force: true }).catch(() => {})
    throw unusable(path, cause)
  }
  const key = await read(path)
  if (key === undefined) throw unusable(path, 'it has gone')
  return key
}

/** Tells keys apart and says nothing about them. */
export function fingerprint(key: Uint8Array, hashes: Hashes): string {
  return Base64Url.fromBytes(hashes.hmac(key)(fingerprintLabel).subarray(0, fingerprintBytes))
}

function exposed(path: string): Failure {
  return new Failure({
    code: 'KEY_FILE_EXPOSED',
    exit: exitCodes.folder,
    message: `Others than its owner may read the shop's key in ${path}. Nothing was started.`,
    next: `chmod 600 ${path}; if somebody has read it, whoever it was can pay for streams that are open without paying`,
  })
}

function damaged(path: string): Failure {
  return new Failure({
    code: 'KEY_FILE_DAMAGED',
    exit: exitCodes.folder,
    message: `${path} does not hold a shop's key. It was left as it is, and nothing was started.`,
    next: 'copy the key file of another shop of the fleet, or restore it from a backup',
  })
}

function unusable(path: string, cause: unknown): Failure {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
  return new Failure({
    code: 'KEY_FILE_UNUSABLE',
    exit: exitCodes.folder,
    message: `The key file ${path} cannot be used (${reason}). Nothing was started.`,
    next: 'check its folder and your rights to it, or name another with --key-file',
    cause,
  })
}
