/**
 * kill -9 of either process in mid-stream, at moments that a seed decides, again and again.
 *
 * | setting             | means                                                   | default |
 * | ------------------- | ------------------------------------------------------- | ------- |
 * | `MILLSTREAM_KILLS`  | how many rounds                                         | 200     |
 * | `MILLSTREAM_SEED`   | the seed, as a failure prints it                        | random  |
 */
import { randomInt } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import * as Millstream from '../processes/millstream.js'
import * as Audit from './audit.js'
import * as Books from './books.js'
import * as Random from './random.js'
import { tryAgain } from './try-again.js'
import { World } from './world.js'

const rounds = Number(process.env.MILLSTREAM_KILLS ?? 200)
const seed = Number(process.env.MILLSTREAM_SEED ?? randomInt(2 ** 31))
/** A new shop and a new payer after so many rounds, so that the books stay small enough to be read each time. */
const roundsPerWorld = 20
const roundMsMax = 60_000
/** A window of thousands is full long before, and each number is tried again. */
const lettersMax = 5_000

const victims = ['shop', 'shop', 'shop twice', 'payer', 'payer', 'both'] as const

afterAll(Millstream.cleanUp)

describe(`kill -9 in mid-stream (MILLSTREAM_SEED=${seed} MILLSTREAM_KILLS=${rounds})`, () => {
  const starts = Array.from({ length: Math.ceil(rounds / roundsPerWorld) }, (_, i) => i * roundsPerWorld)
  it.concurrent.each(starts)(
    'leaves both books right, from round %i on',
    async (first) => {
      const random = Random.create(seed + first)
      const world = await World.create()
      try {
        const auditor = Audit.create()
        await world.startShop()
        for (let round = first; round < Math.min(first + roundsPerWorld, rounds); round++) {
          await expectNoFaults(`round ${round}`, () => kill(world, auditor, random))
        }
        await expectNoFaults('the end', () => Books.settle(world))
      } finally {
        await world.close()
      }
    },
    roundMsMax * roundsPerWorld,
  )
})

async function expectNoFaults(where: string, body: () => Promise<readonly string[]>): Promise<void> {
  let faults: readonly string[]
  try {
    faults = await body()
  } catch (error) {
    throw new Error(`${where}, MILLSTREAM_SEED=${seed} MILLSTREAM_KILLS=${rounds}: ${error}`, { cause: error })
  }
  expect(faults, `${where}, MILLSTREAM_SEED=${seed} MILLSTREAM_KILLS=${rounds}`).toEqual([])
}

/** One round. @returns one sentence for each thing that is wrong. */
async function kill(world: World, auditor: Audit.Auditor, random: Random.Random): Promise<readonly string[]> {
  const faults: string[] = []
  const claim = (holds: boolean, words: string) => {
    if (!holds) faults.push(words)
  }
  const victim = random.pick(victims)
  const risk = random.pick([1, 16, 256, 4096])
  // Mostly in mid-stream; now and then at the very first letter.
  const many = 1 + random.below(Math.min(4 * risk, lettersMax))
  const letters = random.pick([1, 1 + random.below(20), many, many])
  const before = await world.paid()
  const streams = world.relay.streams.length

  // A payer that dies leaves its stream open as long as somebody reads it.
  if (victim === 'payer') world.relay.readOn()
  const payer = world.startPayer('--risk', `${risk}`)
  await payer.until(({ stdoutBytes }) => stdoutBytes >= letters)
  if (victim === 'payer' || victim === 'both') payer.kill('SIGKILL')
  if (victim !== 'payer') {
    await world.killShop()
    faults.push(...(await auditor.audit(await world.dataFolder())))
    await world.startShop()
  }
  if (victim === 'shop twice') {
    await world.killShop()
    await world.startShop()
  }
  const ended = await payer.ended
  const what = `${victim} killed after ${letters} letters at risk ${risk}`
  const isKilled = victim === 'payer' || victim === 'both'
  claim(isKilled || ended.code === 7, `${what}: the payer ended with ${ended.code}.\n${ended.stderr}`)
  const delivered = ended.stdout.length
  const compared = await Books.compare(world, { what, risk, before, payer: ended, delivered, isKilled })
  const { paid } = compared
  faults.push(...compared.faults)

  const numbers = await world.lastNumbers(Number(paid))
  for (const stream of world.relay.streams.slice(streams)) {
    const used = numbers.get(userIdOf(stream.pay)) ?? []
    if (victim === 'payer') {
      await stream.until(used.length)
      claim(stream.bytes === used.length, `${what}: ${stream.bytes} letters were delivered for ${used.length}.`)
      const isOpen = await world.isOpen(stream.pay, Math.max(0, ...used) + 1)
      claim(isOpen, `${what}: the stream ended although somebody reads it.`)
    }
    faults.push(...(await tryAgain(world, stream.pay, used)).map((fault) => `${what}: ${fault}`))
  }
  world.relay.leave()
  const after = await world.paid()
  claim(after === before + paid, `${what}: ${after - before - paid} were paid for numbers that were used before.`)
  return faults
}

function userIdOf(pay: string): string {
  return pay.split(' ')[1]!.split('.').at(-1)!
}
