/** The seed of an XRP account: out of a file or the environment, never out of an argument, and never into a log. */
import { Claim, readSeed, type Signer, signerFromSeed } from '@millstream/xrp'
import { seedVariable, type XrpPlace } from './xrp-place.js'

export interface Keys {
  readonly signer: Signer
  /** For claims on payment channels. */
  readonly claims: Claim.ClaimSigner
}

/** @throws {SeedError} There is none, or it is none. */
export async function read({ seedFile }: Pick<XrpPlace, 'seedFile'>): Promise<Keys> {
  const seed = await readSeed(seedFile === undefined ? { variable: seedVariable } : { file: seedFile })
  return { signer: signerFromSeed(seed), claims: Claim.signerFromSeed(seed) }
}
