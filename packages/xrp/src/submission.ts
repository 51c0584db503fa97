/** A signed transaction on its way: what is known of it, and how it is kept. */
import { arrayOf, integerOf, type JsonObject, objectOf, textOf } from './internal/json.js'

/** What a transaction is for. Kept with it, so that whoever cares is told after a restart too. */
export interface Purpose {
  readonly kind: string
  readonly key: string
}

export interface Submission {
  readonly purpose: Purpose
  readonly sequence: number
  /** Of each set of bytes that was signed for it: they differ in fee, and one at most gets into a ledger. */
  readonly hashes: readonly string[]
  readonly feeDrops: bigint
  readonly drops: bigint
  readonly ownsObject: boolean
}

/** As the submitter has it. */
export interface Entry extends Submission {
  hashes: string[]
  feeDrops: bigint
  blob: string
  readonly fields: JsonObject
  readonly feeFactor: number
  readonly lastLedger: number
  /** Ledgers that nobody can read may have it. */
  mayBeMissed: boolean
  /** Some server may have passed its bytes on: what another one says of them is not the last word. */
  mayBeOut: boolean
  /** Its bytes are durable. */
  isKept: boolean
  isSent: boolean
  /** Newest validated ledger when it was sent. */
  sentAt: number
  /** The last answer was that the open ledger has it. */
  isApplied: boolean
}

export function format(entry: Entry): JsonObject {
  const { purpose, sequence, hashes, feeDrops, drops, ownsObject, blob, fields, feeFactor, lastLedger } = entry
  return {
    ...{ purpose, sequence, hashes, blob, fields, feeFactor, lastLedger, ownsObject },
    ...(entry.mayBeMissed ? { mayBeMissed: true } : undefined),
    feeDrops: String(feeDrops),
    drops: String(drops),
  }
}

export function parse(text: string): Entry | undefined {
  const value = objectOf(JSON.parse(text))
  const purpose = objectOf(value?.purpose)
  const kind = textOf(purpose?.kind)
  const key = textOf(purpose?.key)
  const sequence = integerOf(value?.sequence)
  const lastLedger = integerOf(value?.lastLedger)
  const feeFactor = integerOf(value?.feeFactor)
  const blob = textOf(value?.blob)
  const fields = objectOf(value?.fields)
  const hashes = arrayOf(value?.hashes)?.filter((hash) => typeof hash === 'string')
  if (
    value === undefined ||
    kind === undefined ||
    key === undefined ||
    sequence === undefined ||
    lastLedger === undefined ||
    feeFactor === undefined ||
    blob === undefined ||
    fields === undefined ||
    hashes === undefined
  ) {
    return undefined
  }
  return {
    purpose: { kind, key },
    ...{ sequence, lastLedger, feeFactor, blob, fields, hashes },
    feeDrops: BigInt(textOf(value.feeDrops) ?? 0),
    drops: BigInt(textOf(value.drops) ?? 0),
    ownsObject: value.ownsObject === true,
    mayBeMissed: value.mayBeMissed === true,
    mayBeOut: true,
    isKept: true,
    isSent: false,
    sentAt: 0,
    isApplied: false,
  }
}
