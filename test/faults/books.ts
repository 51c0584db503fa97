/** What both books must say of a payer that has ended, once the shop runs again and nothing is held. */
import type * as Child from '../processes/child.js'
import * as Millstream from '../processes/millstream.js'
import type { World } from './world.js'

export interface Round {
  /** What happened, for the sentences about it. */
  readonly what: string
  readonly risk: number
  /** What the account had paid before. */
  readonly before: bigint
  readonly payer: Child.Ended
  /** Letters that came to whoever reads them. */
  readonly delivered: number
  /** A payer that was killed has nothing to say. */
  readonly isKilled: boolean
}

export interface Compared {
  /** By the shop's book, in this round. */
  readonly paid: bigint
  /** One sentence for each thing that is wrong. */
  readonly faults: readonly string[]
}

export async function compare(world: World, round: Round): Promise<Compared> {
  const { what, before, payer, isKilled } = round
  const faults: string[] = []
  const claim = (holds: boolean, words: string) => {
    if (!holds) faults.push(`${what}: ${words}`)
  }
  const total = await world.paid()
  const paid = total - before
  const delivered = BigInt(round.delivered)
  const risk = BigInt(round.risk)
  claim(delivered <= paid, `${delivered} letters were delivered for ${paid}.`)
  if (isKilled) {
    // Letters that the payer had taken in when it died, and what it risked for more.
    claim(paid - delivered <= 2n * risk, `${paid} were paid and ${delivered} letters delivered.`)
  } else {
    const { paid: said, unknown, held, lost } = Millstream.summary(payer)
    claim(said === String(paid), `the payer says that it paid ${said}, the shop says ${paid}.`)
    claim(unknown === '0' && held === '0', `${unknown} are unknown and ${held} held after reconnecting.`)
    claim(BigInt(String(lost)) === paid - delivered, `${lost} lost, ${paid} paid, ${delivered} delivered.`)
    claim(BigInt(String(lost)) <= risk, `${lost} were lost.`)
  }
  const book = await world.payerBook()
  claim(
    book.spent <= total && total <= book.spent + book.unresolved,
    `the payer's book has ${book.spent} and ${book.unresolved} in doubt, the shop's has ${total}.`,
  )
  return { paid, faults }
}

/** Nobody is hurt any more: the books come to say the same. @returns One sentence for each thing that is wrong. */
export async function settle(world: World): Promise<readonly string[]> {
  const payer = await world.startPayer('--pieces', '10').ended
  if (payer.code !== 0) return [`In peace, the payer ended with ${payer.code}.\n${payer.stderr}`]
  const paid = await world.paid()
  // Once all that could be held has expired, nothing is left in doubt.
  const { verdict, spent, unresolved } = await world.payerBook(-paid, 60_000)
  if (verdict === 'agrees' && spent === paid && unresolved === 0n) return []
  return [`In peace, the payer's book ${verdict}: ${spent} and ${unresolved} in doubt, the shop's has ${paid}.`]
}
