/** Every number that was paid is refused, however often it is asked for again, and costs nothing. */
import type { World } from './world.js'

/** A shop refuses so many payments of one account at once, and then, for a while, judges none. */
const refusedAtOnce = 4_096

/**
 * Pays numbers of a stream again that were paid before. Where the shop will judge no more of them it is killed and
 * started again, which has it forget how much it refused, and nothing else.
 *
 * @returns One sentence for each thing that is wrong.
 */
export async function tryAgain(world: World, pay: string, numbers: readonly number[]): Promise<readonly string[]> {
  const faults: string[] = []
  let left = numbers
  while (left.length > 0) {
    const batch = left.slice(0, refusedAtOnce)
    const outcomes = await world.payAgain(
      pay,
      batch.map((number) => ({ number })),
    )
    const notJudged: number[] = []
    for (const [i, outcome] of outcomes.entries()) {
      const number = batch[i]!
      if (outcome.status !== 'rejected') faults.push(`Number ${number} was taken again: ${outcome.status}.`)
      else if (outcome.code === 'T05') notJudged.push(number)
      else if (outcome.message !== 'number was used') {
        faults.push(`Number ${number} was refused with ${outcome.code}: ${outcome.message}.`)
      }
    }
    if (notJudged.length === batch.length) return [...faults, `None of ${batch.length} numbers was judged.`]
    left = [...notJudged, ...left.slice(batch.length)]
    if (left.length > 0) {
      await world.killShop()
      await world.startShop()
    }
  }
  return faults
}
