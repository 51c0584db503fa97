/** Makes the faults of a plan happen. */
import type { AccountId } from '@millstream/ledger'
import type { Link } from './network.js'
import type { Fault } from './plan.js'
import type { Machine, Process } from './process.js'
import type { World } from './world.js'

type Crash = Extract<Fault, { kind: 'crash' }>

/** What a process will die of when its fuse has burnt down. */
const dooms = new WeakMap<Process, Crash>()

export function strike(world: World, fault: Fault): void {
  if (world.isMended) return
  world.tell('world', `fault: ${words(fault)}`)
  const { timeline, network } = world
  const until = (ms: number) => timeline.now + ms
  switch (fault.kind) {
    case 'cut':
      for (const link of linksOf(world, fault)) link.cut()
      return
    case 'freeze':
      for (const link of linksOf(world, fault)) {
        link.freeze(fault.ways === 'both' ? [0, 1] : fault.ways === 'up' ? [0] : [1])
      }
      return
    case 'delay':
      for (const { delayMs } of linksOf(world, fault)) {
        if (fault.ways !== 'down') delayMs[0] = fault.ms
        if (fault.ways !== 'up') delayMs[1] = fault.ms
      }
      return
    case 'cut_off':
      for (const what of ['btp', 'http'] as const) {
        for (const link of linksOf(world, { ...fault, what })) link.freeze([0, 1])
      }
      world.cutOff.set(`payer${fault.payer}`, until(fault.forMs))
      return
    case 'lag':
      network.lag = { until: until(fault.forMs), ms: fault.ms }
      return
    case 'crash':
      crash(world, fault)
      return
    case 'restart':
      // In its own time, as a signal is.
      if (world.shop !== undefined) timeline.after(0, world.shop.process, () => void world.shop?.stop().catch(() => {}))
      return
    case 'fail_write':
      machineOf(world, fault.who).failingWrite = { in: fault.in, how: fault.how }
      return
    case 'slow_disk':
      machineOf(world, fault.who).slowDisk = { until: until(fault.forMs), ms: fault.ms }
      return
    case 'clock':
      machineOf(world, fault.who).clockErrorMs += fault.byMs
      // A host whose clock goes back lets holds live longer, a payer whose clock goes ahead believes that they are dead.
      if ((fault.who === 'shop') === fault.byMs < 0) world.clocksAreTrue = false
      return
    case 'stall': {
      const process = processOf(world, fault.who)
      if (process !== undefined) process.stalledUntil = until(fault.ms)
      return
    }
    case 'deposit':
    case 'limit':
      operate(world, fault)
  }
}

/** A process has come to the output before which it dies. */
export function burntDown(world: World, process: Process): void {
  const doom = dooms.get(process)
  if (doom !== undefined) die(world, process, doom)
}

function crash(world: World, fault: Crash): void {
  const process = processOf(world, fault.who)
  if (process?.isAlive !== true) return
  if (fault.outputs === undefined) {
    die(world, process, fault)
    return
  }
  process.fuse = fault.outputs
  dooms.set(process, fault)
}

function die(world: World, process: Process, { who, death, downMs }: Crash): void {
  const why = death === 'power' ? 'loses its power' : 'is killed'
  if (who === 'shop') world.endShop(process, death, why, downMs)
  else world.endPayer(world.payers[who]!, death, why, downMs)
}

function operate(world: World, fault: Extract<Fault, { kind: 'deposit' | 'limit' }>): void {
  const { shop, payers, ledgerRules, timeline } = world
  const { account: name } = payers[fault.payer]!
  if (shop?.process.isAlive !== true || name === undefined) return
  const id = ledgerRules.byName.get(name)?.id as AccountId | undefined
  if (id === undefined) return
  const { amount } = fault
  timeline.after(0, shop.process, () => {
    // What the operator gives hides what was spent: no balance tells the two apart.
    if (fault.kind === 'deposit') payers[fault.payer]!.isFunded = true
    const batch =
      fault.kind === 'limit'
        ? shop.store.apply([{ type: 'limit', account: id, creditLimit: amount }])
        : shop.store.apply([{ type: 'deposit', account: id, amount, reference: `${timeline.steps}` }])
    batch.durable.catch(() => world.endShop(shop.process, 'kill', 'its ledger failed under the operator', 1_000))
  })
}

function linksOf({ network }: World, fault: { readonly payer: number; readonly what: 'btp' | 'http' }): Link[] {
  const name = `payer${fault.payer}`
  return [...network.links].filter(({ kind, ends }) => kind === fault.what && ends[0].process.name === name)
}

function processOf(world: World, who: 'shop' | number): Process | undefined {
  return who === 'shop' ? world.shopProcess : world.payers[who]?.running?.process
}

function machineOf(world: World, who: 'shop' | number): Machine {
  return who === 'shop' ? world.shopMachine : world.payers[who]!.machine
}

/** A fault in words. */
export function words({ atMs: _, kind, ...rest }: Fault): string {
  const parts = Object.entries(rest).map(([name, value]) => `${name} ${value}`)
  return [kind.replace('_', ' '), ...parts].join(', ')
}
