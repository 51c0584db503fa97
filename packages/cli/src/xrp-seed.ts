/** The seed of an XRP account: out of a file or the environment, never out of an argument, and never into a log. */
import { stat } from 'node:fs/promises'
import { Claim, readSeed, type Signer, signerFromSeed } from '@millstream/xrp'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import { seedVariable, type XrpPlace } from './xrp-place.js'

export interface Keys {
  readonly signer: Signer
  /** For claims on payment channels. */
  readonly claims: Claim.ClaimSigner
}

/**
 * @throws {SeedError} There is none, or it is none.
 * @throws {Failure} Others may read it.
 */
export async function read({ seedFile }: Pick<XrpPlace, 'seedFile'>): Promise<Keys> {
  if (seedFile !== undefined) await assertPrivate(seedFile)
  const seed = await readSeed(seedFile === undefined ? { variable: seedVariable } : { file: seedFile })
  return { signer: signerFromSeed(seed), claims: Claim.signerFromSeed(seed) }
}

async function assertPrivate(path: string): Promise<void> {
  if (process.platform === 'win32') return
  // What cannot be looked at cannot be read either, and the reader says so.
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || !found.isFile() || (found.mode & 0o077) === 0) return
  throw new Failure({
    code: 'XRP_SEED_EXPOSED',
    exit: exitCodes.usage,
    message: `Others than its owner may read the seed in ${path}, and whoever has it can spend from the account.`,
    next: `chmod 600 ${path}; if somebody has read it, move the money to another account. Nothing was sent`,
  })
}
