/**
 * Claims on a payment channel: a signature over how much of it belongs to its destination, all in all.
 *
 * | part    | shape                | bytes |
 * | ------- | -------------------- | ----- |
 * | `CLM\0` | 43 4C 4D 00          | 4     |
 * | channel | id                   | 32    |
 * | drops   | uint64, big-endian   | 8     |
 *
 * Keys are ed25519: a claim is made and verified with some fifty microseconds of `node:crypto`.
 *
 * @see https://xrpl.org/docs/concepts/payment-types/payment-channels
 */
import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { Hex } from '@millstream/units'

export interface Claim {
  /** Id of the channel: 64 digits, upper case. */
  readonly channel: string
  /** The total. */
  readonly drops: bigint
  /** 128 digits. */
  readonly signature: string
}

export interface ClaimSigner {
  /** As a channel names it: `ED` and 64 digits. */
  readonly publicKey: string
  sign(channel: string, drops: bigint): Claim
  /** Proves to a host that the channel may stand for an account there. */
  prove(channel: string, account: string): string
}

const messageBytes = 44
const claimPrefix = 0x434c4d00
const spkiPrefix = Hex.toBytes('302a300506032b6570032100')
const pkcs8Prefix = Hex.toBytes('302e020100300506032b657004220420')
const keyLabel = 'millstream claim key'
const proofLabel = 'millstream channel'
const keyPattern = /^ED[0-9A-F]{64}$/
const signaturePattern = /^[0-9A-F]{128}$/
const idPattern = /^[0-9A-F]{64}$/

export function isChannelId(value: unknown): value is string {
  return typeof value === 'string' && idPattern.test(value)
}

export function isSignature(value: unknown): value is string {
  return typeof value === 'string' && signaturePattern.test(value)
}

/**
 * The key for claims that belongs to a seed: always the same, so that there is nothing more to keep. Seeds of secp256k1
 * have one too: a channel's key need not be that of its account.
 */
export function signerFromSeed(seed: string): ClaimSigner {
  const secret = createHmac('sha256', seed.trim()).update(keyLabel).digest()
  const key = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, secret]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  const publicKey = `ED${hex(spki.subarray(spkiPrefix.length))}`
  return {
    publicKey,
    sign: (channel, drops) => ({ channel, drops, signature: hex(sign(null, message(channel, drops), key)) }),
    prove: (channel, account) => hex(sign(null, proof(channel, account), key)),
  }
}

/** @returns `undefined` for keys of another kind. */
export function verifierOf(publicKey: unknown): Verifier | undefined {
  if (typeof publicKey !== 'string' || !keyPattern.test(publicKey)) return undefined
  const raw = Hex.toBytes(publicKey.slice(2).toLowerCase())
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.concat([spkiPrefix, raw]), format: 'der', type: 'spki' })
  } catch {
    return undefined
  }
  return {
    isSigned: ({ channel, drops, signature }) => verify(null, message(channel, drops), key, bytesOf(signature)),
    isProof: (channel, account, signature) => verify(null, proof(channel, account), key, bytesOf(signature)),
  }
}

export interface Verifier {
  isSigned(claim: Claim): boolean
  isProof(channel: string, account: string, signature: string): boolean
}

function message(channel: string, drops: bigint): Buffer {
  const bytes = Buffer.alloc(messageBytes)
  bytes.writeUInt32BE(claimPrefix, 0)
  bytes.write(channel, 4, 'hex')
  bytes.writeBigUInt64BE(drops, 36)
  return bytes
}

/** Of another beginning than a claim, so that neither can stand for the other. */
function proof(channel: string, account: string): Buffer {
  return Buffer.from([proofLabel, channel, account].join('\0'))
}

function bytesOf(signature: string): Buffer {
  return Buffer.from(signature, 'hex')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex').toUpperCase()
}
