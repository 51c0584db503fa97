/**
 * Disks that fill up under load, at moments that a seed decides: the shop's, the payer's, that of the logs, and that of
 * the content. Whoever cannot write stops, says so, and owes nothing that it did not say; once there is room again
 * everything goes on.
 *
 * | setting             | means                                                   | default |
 * | ------------------- | ------------------------------------------------------- | ------- |
 * | `MILLSTREAM_DISKS`  | how many rounds                                         | 24      |
 * | `MILLSTREAM_SEED`   | the seed, as a failure prints it                        | random  |
 *
 * Files are limited in size (`ulimit -f`: writing beyond it fails, as Node ignores the signal), or the disk is a small
 * one that is filled from outside, where the system lets anybody mount one.
 */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import * as Child from '../processes/child.js'
import * as Millstream from '../processes/millstream.js'
import * as Audit from './audit.js'
import * as Books from './books.js'
import * as Random from './random.js'
import * as SmallDisk from './small-disk.js'
import { World } from './world.js'

const rounds = Number(process.env.MILLSTREAM_DISKS ?? 24)
const seed = Number(process.env.MILLSTREAM_SEED ?? randomInt(2 ** 31))
const settings = `MILLSTREAM_SEED=${seed} MILLSTREAM_DISKS=${rounds}`
const roundMsMax = 60_000
/** Enough for all rounds of a shop; what else is written is small. */
const diskMegabytes = { data: 24, other: 1 }
/** A payer that meets no full disk ends after so many. */
const lettersMax = 8_000

/** One round. @returns One sentence for each thing that is wrong. */
type RunRound = (stage: Stage, random: Random.Random) => Promise<readonly string[]>

interface Stage {
  readonly world: World
  readonly auditor: Audit.Auditor
  /** Undefined where files are only limited. */
  readonly disk: SmallDisk.SmallDisk | undefined
}

let probe: SmallDisk.SmallDisk | string = 'not tried'

beforeAll(async () => {
  probe = await SmallDisk.create(join(await Millstream.temporaryFolder(), 'probe'), 1)
  if (typeof probe !== 'string') probe.close()
})
afterAll(Millstream.cleanUp)

describe.skipIf(process.platform === 'win32')(`a disk that fills up (${settings})`, () => {
  const share = Math.ceil(rounds / 6)
  const timeout = { timeout: roundMsMax * rounds }

  it.concurrent('stops a shop whose files cannot grow, and loses nothing', timeout, () => play(2 * share, shopLimited))
  it.concurrent('stops a shop whose disk is full, and loses nothing', timeout, (context) =>
    onDisk(context, () => play(share, shopFull, 'data')),
  )
  it.concurrent('stops a payer whose disk is full, with its book right', timeout, (context) =>
    onDisk(context, () => play(share, payerFull, 'home')),
  )
  it.concurrent('stops a payer whose content cannot be written', timeout, (context) =>
    onDisk(context, () => play(share, contentFull)),
  )
  it.concurrent('lets a shop and a payer go on whose logs cannot be written', timeout, (context) =>
    onDisk(context, () => play(share, logsFull)),
  )
})

async function onDisk(context: TestContext, body: () => Promise<void>): Promise<void> {
  if (typeof probe === 'string') {
    if (process.env.CI) throw new Error(`No small disk can be mounted: ${probe}`)
    context.skip(`no small disk can be mounted here: ${probe}`)
  }
  await body()
}

async function play(count: number, round: RunRound, moved?: 'data' | 'home'): Promise<void> {
  const random = Random.create(seed + count)
  const world = await World.create()
  let disk: SmallDisk.SmallDisk | undefined
  try {
    if (round !== shopLimited) {
      const made = await SmallDisk.create(join(world.folder, 'disk'), diskMegabytes[moved === 'data' ? moved : 'other'])
      if (typeof made === 'string') throw new Error(made)
      disk = made
      if (moved !== undefined) await world.move(moved, below(disk, moved))
    }
    const stage: Stage = { world, auditor: Audit.create(), disk }
    if (round !== shopLimited) await world.startShop()
    for (let i = 0; i < count; i++) {
      const faults = await round(stage, random)
      expect(faults, `round ${i}, ${settings}`).toEqual([])
    }
    await world.killShop()
    await world.startShop()
    expect(await Books.settle(world), settings).toEqual([])
  } finally {
    await world.close()
    disk?.close()
  }
}

function below(disk: SmallDisk.SmallDisk, name: string): SmallDisk.Place {
  return { path: join(disk.path, name), outsidePath: join(disk.outsidePath, name), inside: disk.inside }
}

/** Size limits are given in blocks of 512 bytes. */
async function shopLimited({ world, auditor }: Stage, random: Random.Random): Promise<readonly string[]> {
  const blocks = random.pick([random.below(200), 100 + random.below(3_000), 100 + random.below(3_000)])
  const what = `a shop whose files hold ${blocks} blocks`
  const risk = random.pick([1, 16, 256, 4096])
  await world.killShop()
  let shop: Millstream.Shop
  try {
    shop = await world.startShop(['sh', '-c', 'ulimit -f "$0" && exec "$@"', `${blocks}`])
  } catch (error) {
    if (!(error instanceof Child.EndedEarlyError)) throw error
    // Too little to begin with.
    const faults = [...endedForDisk(what, error.ended), ...(await auditor.audit(await world.dataFolder()))]
    return faults
  }
  return shopStops(stageOf(world, auditor), shop, what, risk)
}

async function shopFull({ world, auditor, disk }: Stage, random: Random.Random): Promise<readonly string[]> {
  const risk = random.pick([1, 16, 256, 4096])
  const letters = 1 + random.below(risk === 1 ? 100 : 4_000)
  const room = random.pick([0, 0, random.below(65_536), random.below(524_288)])
  const what = `a shop whose disk was full but for ${room} bytes after ${letters} letters`
  return shopStops({ world, auditor, disk, letters, room }, world.shop, what, risk)
}

interface Stopping {
  readonly world: World
  readonly auditor: Audit.Auditor
  readonly disk?: SmallDisk.SmallDisk | undefined
  readonly letters?: number
  readonly room?: number
}

function stageOf(world: World, auditor: Audit.Auditor): Stopping {
  return { world, auditor }
}

/** The shop is paid until it cannot write; then there is room again. */
async function shopStops(
  stopping: Stopping,
  shop: Millstream.Shop,
  what: string,
  risk: number,
): Promise<readonly string[]> {
  const { world, auditor, disk, letters = 0, room = 0 } = stopping
  const faults: string[] = []
  const before = await world.paid()
  const payer = world.startPayer('--risk', `${risk}`, '--pieces', `${lettersMax}`)
  if (disk !== undefined) {
    await payer.until(({ stdoutBytes }) => stdoutBytes >= letters)
    await disk.fill(room)
  }
  const stopped = await Promise.race([shop.child.ended, payer.ended.then(() => undefined)])
  if (stopped === undefined) await world.killShop()
  else faults.push(...endedForDisk(what, stopped))
  faults.push(...(await auditor.audit(await world.dataFolder())).map((fault) => `${what}, unchanged: ${fault}`))
  await disk?.makeRoom()
  await world.startShop()
  const ended = await payer.ended
  const code = stopped === undefined ? 0 : 7
  if (ended.code !== code) faults.push(`${what}: the payer ended with ${ended.code}.\n${ended.stderr}`)
  const delivered = ended.stdout.length
  const compared = await Books.compare(world, { what, risk, before, payer: ended, delivered, isKilled: false })
  return [...faults, ...compared.faults]
}

/**
 * It is the folder that cannot be used, says the exit code; and the last line says what became of the money and what to
 * do, in a field of its own or, in the words of a store, at the end of its message.
 */
function endedForDisk(what: string, { code, signal, stderr }: Child.Ended): readonly string[] {
  const said = stderr.trimEnd().split('\n').at(-1) ?? ''
  const isClear = code === 9 && /promised|Nothing was/.test(said) && /"next":|See that /.test(said)
  return isClear ? [] : [`${what}: the shop ended with ${code ?? signal}: ${said}`]
}

async function payerFull({ world, disk }: Stage, random: Random.Random): Promise<readonly string[]> {
  const risk = random.pick([16, 256, 4096])
  const letters = random.below(3_000)
  const what = `a payer whose disk was full after ${letters} letters`
  const before = await world.paid()
  if (letters === 0) await disk!.fill(0)
  const payer = world.startPayer('--risk', `${risk}`)
  let isOver = false
  payer.ended.then(() => {
    isOver = true
  })
  // A book is written beside the one before, and the room of that one is free again when it goes.
  for (let reached = letters; !isOver; reached += 500) {
    await payer.until(({ stdoutBytes }) => stdoutBytes >= reached).catch(unlessEnded)
    await disk!.fill(0)
  }
  const ended = await payer.ended
  await disk!.makeRoom()
  const faults: string[] = []
  if (ended.code !== 9) {
    faults.push(`${what}: it ended with ${ended.code}.\n${ended.stderr}`)
  }
  const delivered = ended.stdout.length
  const compared = await Books.compare(world, { what, risk, before, payer: ended, delivered, isKilled: false })
  return [...faults, ...compared.faults]
}

async function contentFull({ world, disk }: Stage, random: Random.Random): Promise<readonly string[]> {
  const risk = random.pick([16, 256, 4096])
  const room = random.below(4_000)
  const what = `a payer with room for about ${room} letters`
  const before = await world.paid()
  await disk!.fill(room)
  const file = join(disk!.path, 'content')
  const payer = world.startPayerInside(
    [...disk!.inside, 'sh', '-c', 'exec "$@" >"$0"', file],
    '--risk',
    `${risk}`,
    '--pieces',
    `${lettersMax}`,
  )
  const ended = await payer.ended
  await disk!.makeRoom()
  const { size } = await stat(join(disk!.outsidePath, 'content'))
  const faults: string[] = []
  const { error, lost, paid } = Millstream.summary(ended)
  if (ended.code !== 7 || error !== 'PAY_OUTPUT_FAILED') {
    faults.push(`${what}: it ended with ${ended.code}.\n${ended.stderr}`)
  }
  // What arrived and could not be written is lost to the reader, and not by the shop.
  const arrived = Number(paid) - Number(lost)
  if (size > arrived) faults.push(`${what}: ${size} letters were written, ${arrived} arrived.`)
  const compared = await Books.compare(world, { what, risk, before, payer: ended, delivered: arrived, isKilled: false })
  return [...faults, ...compared.faults]
}

async function logsFull({ world, disk }: Stage, random: Random.Random): Promise<readonly string[]> {
  const what = 'a shop and a payer without room for logs'
  const toLog = (name: string) => [...disk!.inside, 'sh', '-c', 'exec "$@" 2>>"$0"', join(disk!.path, name)]
  await world.killShop()
  await disk!.fill(random.below(4_096))
  const shop = await world.startShop(toLog('shop.log'), '--log-level', 'debug')
  const before = await world.paid()
  const letters = 1 + random.below(2_000)
  const payer = world.startPayerInside(toLog('payer.log'), '--log-level', 'debug', '--pieces', `${letters}`)
  const ended = await payer.ended
  const paid = (await world.paid()) - before
  const faults: string[] = []
  if (ended.code !== 0) faults.push(`${what}: the payer ended with ${ended.code}.`)
  if (paid !== BigInt(letters) || ended.stdout.length !== letters) {
    faults.push(`${what}: ${paid} paid and ${ended.stdout.length} delivered of ${letters}.`)
  }
  shop.child.kill('SIGTERM')
  const [code] = await once(shop.child.process, 'exit')
  if (code !== 0) faults.push(`${what}: the shop ended with ${code}.`)
  await disk!.makeRoom()
  await world.startShop()
  return faults
}

function unlessEnded(error: unknown): void {
  if (!(error instanceof Child.EndedEarlyError)) throw error
}
