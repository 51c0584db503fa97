/** Random batches, clock jumps and restarts: the store and the plain model must agree after every step. */
import { Instant } from '@millstream/units'
import fc from 'fast-check'
import { expect } from 'vitest'
import type { AccountId } from '../account.js'
import type { Command } from '../command.js'
import { type LedgerLimits, ledgerLimits, type Store } from '../store.js'
import { LedgerModel, type ModelCommand, modelHash } from './ledger-model.js'
import type { OpenedStore, OpenStore } from './scenario.js'
import { testContentHash, testEpoch, testHashes, testTransfer } from './test-hashes.js'

type Step =
  | { readonly type: 'batch'; readonly commands: readonly ModelCommand[] }
  /** The last prepare of this id and source again, and a question about it. */
  | { readonly type: 'repeat'; readonly id: string; readonly source: string }
  | { readonly type: 'clock'; readonly ms: number }
  | { readonly type: 'restart' }
  /** Removes what ended before so many milliseconds ago. */
  | { readonly type: 'prune'; readonly agoMs: number }

const strangers = ['s0', 's1'] as const
const passing = ['p0', 'p1', 'p2'] as const
const names = ['n0', 'n1', ...strangers, ...passing, 'server', 'suspense'] as const

const limits: LedgerLimits = {
  ...ledgerLimits,
  holdsPerAccountMax: 3,
  idsPerAccountMax: 4,
  expiresInMsMax: 6_000,
  strangersCreditMax: 60n,
  balanceMax: 200n,
}

// The clock of a run is known only when the run is under way, so expiries are relative until then.
const expiresIn = fc.oneof(fc.integer({ min: -1, max: 6_001 }), fc.constantFrom(0, 1, 999, 1_000, 6_000, 6_001))
const amount = fc.oneof(
  { weight: 8, arbitrary: fc.bigInt({ min: 0n, max: 40n }) },
  { weight: 1, arbitrary: fc.constantFrom(0n, 200n, 2n ** 64n - 1n) },
)
const name = fc.constantFrom(...names)
/** Most of the time an id belongs to one account and a reference to one deposit, so that commands meet. */
const owners = {
  a: 'n0',
  b: 'n0',
  c: 'n0',
  d: 'n0',
  e: 'n0',
  f: 's0',
  g: 's0',
  h: 's1',
  i: 'p0',
  j: 'p1',
  k: 'server',
} as const
const letter = fc.constantFrom(...(Object.keys(owners) as (keyof typeof owners)[]))
const key = fc
  .tuple(letter, name, fc.nat(9))
  .map(([id, other, n]) => ({ id, source: n > 0 ? owners[id] : other }) as const)
const movement = fc
  .tuple(fc.constantFrom(0, 1, 2, 3), name, amount, fc.nat(3))
  .map(([n, other, amount, usual]) =>
    usual > 0
      ? { name: names[n]!, amount: BigInt(10 * n), reference: `r${n}` }
      : { name: other, amount, reference: `r${n}` },
  )
const credit = fc.constantFrom(0n, 10n, 50n, 100n)

const command: fc.Arbitrary<ModelCommand> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({
        type: fc.constant('open' as const),
        name: fc.constantFrom('n0', 'n1'),
        kind: fc.constant('named' as const),
        credit,
      }),
      fc.record({
        type: fc.constant('open' as const),
        name: fc.constantFrom(...strangers),
        kind: fc.constantFrom('stranger' as const, 'stranger' as const, 'stranger' as const, 'named' as const),
        credit,
      }),
      fc.record({
        type: fc.constant('open' as const),
        name: fc.constantFrom(...passing),
        kind: fc.constant('passing' as const),
        credit,
      }),
    ),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('limit' as const), name, credit }) },
  {
    weight: 8,
    arbitrary: fc
      .tuple(key, fc.oneof({ weight: 2, arbitrary: fc.constant('server' as const) }, { weight: 1, arbitrary: name }))
      .chain(([key, target]) =>
        fc
          .record({ type: fc.constant('prepare' as const), target: fc.constant(target), amount, expiresAt: expiresIn })
          .map((command) => ({ ...key, ...command })),
      ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(key, fc.nat(9)).map(([key, n]) => ({ type: 'fulfill' as const, ...key, right: n > 0 })),
  },
  { weight: 3, arbitrary: key.map((key) => ({ type: 'reject' as const, ...key })) },
  { weight: 1, arbitrary: key.map((key) => ({ type: 'look_up' as const, ...key, hash: 'x' })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('deposit' as const, 'withdraw' as const), movement)
      .map(([type, movement]) => ({ type, ...movement })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('merge' as const), from: name, into: name }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('write_off' as const), name }) },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ type: fc.constant('batch' as const), commands: fc.array(command, { maxLength: 6 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('clock' as const),
      ms: fc.oneof(
        fc.nat(20),
        fc.nat(2_000),
        fc.integer({ min: -3_000, max: 0 }),
        fc.constantFrom(5_999, 6_000, 20_000),
      ),
    }),
  },
  { weight: 2, arbitrary: key.map((key) => ({ type: 'repeat' as const, ...key })) },
  { weight: 1, arbitrary: fc.constant({ type: 'restart' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('prune' as const), agoMs: fc.oneof(fc.nat(8_000), fc.constant(0)) }),
  },
)

/** Everybody is there from the start most of the time, so that there is something to do. */
const opening: Step = {
  type: 'batch',
  commands: [
    { type: 'open', name: 'n0', kind: 'named', credit: 100n },
    { type: 'open', name: 'n1', kind: 'named', credit: 0n },
    ...strangers.map((name) => ({ type: 'open', name, kind: 'stranger', credit: 50n }) as const),
    ...passing.map((name) => ({ type: 'open', name, kind: 'passing', credit: 30n }) as const),
    { type: 'deposit', name: 'n1', amount: 40n, reference: 'opening' },
  ],
}

export async function assertLikeModel(open: OpenStore, runs: number): Promise<void> {
  const steps = fc.array(step, { minLength: 1, maxLength: 60, size: 'max' })
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (steps, opened) => {
      await run(open, opened ? [opening, ...steps] : steps)
    }),
    { numRuns: runs },
  )
}

async function run(open: OpenStore, steps: readonly Step[]): Promise<void> {
  let clock = 0
  const now = () => Instant.from(testEpoch + clock)
  const model = new LedgerModel(limits)
  const prepared = new Map<string, ModelCommand & { readonly type: 'prepare' }>()
  let opened: OpenedStore = await open({ clock: now, hashes: testHashes, limits })
  try {
    for (const step of steps) {
      if (step.type === 'clock') clock = Math.max(0, clock + step.ms)
      else if (step.type === 'restart') {
        if (opened.reopen === undefined) continue
        // How far ledger time comes back is a store's own affair as long as no record is later: here the clock is right.
        clock = Math.max(clock, model.now - testEpoch)
        opened = await opened.reopen(limits)
        model.restart()
        await applyBoth(opened.store, model, [], now())
      } else if (step.type === 'prune') {
        await assertPrunes(opened.store, now(), step.agoMs)
      } else if (step.type === 'repeat') {
        const command = prepared.get(`${step.source} ${step.id}`)
        if (command === undefined) continue
        const { id, source } = command
        await applyBoth(
          opened.store,
          model,
          [command, { type: 'look_up', id, source, hash: modelHash(command) }],
          now(),
        )
      } else {
        const commands = step.commands.map((command) =>
          command.type === 'prepare'
            ? { ...command, expiresAt: Math.max(0, testEpoch + clock + command.expiresAt) }
            : command,
        )
        for (const command of commands) {
          if (command.type === 'prepare') prepared.set(`${command.source} ${command.id}`, command)
        }
        await applyBoth(opened.store, model, commands, now())
      }
      await assertSame(opened.store, model)
    }
    const report = await opened.store.check()
    expect(report.faults).toEqual([])
  } finally {
    await opened.close()
  }
}

/** No balance of any day that is still known changes, and the books prove before and after. */
async function assertPrunes(store: Store, now: Instant.Instant, agoMs: number): Promise<void> {
  const before = Instant.after(now, -agoMs)
  const foretold = await store.prune({ before, dryRun: true })
  const balances = async (at: Instant.Instant) => {
    const found = []
    for await (const { account, posted } of store.balancesAt(at)) found.push([account, posted] as const)
    return found
  }
  const days = [foretold.history.at, before, now].filter((at) => at !== undefined && at >= (foretold.history.at ?? 0))
  const expected = await Promise.all(days.map((at) => balances(at!)))
  const done = await store.prune({ before })
  expect(done).toEqual(foretold)
  expect(await store.history()).toEqual(done.history)
  expect(await Promise.all(days.map((at) => balances(at!)))).toEqual(expected)
  expect((await store.check()).faults).toEqual([])
}

async function applyBoth(store: Store, model: LedgerModel, commands: readonly ModelCommand[], now: number) {
  // Accounts opened within a batch are known by name only afterwards; the model's commands are by name, the store's by id.
  const parts: ModelCommand[][] = [[]]
  for (const command of commands) {
    if (command.type === 'open' || command.type === 'merge') parts.push([command], [])
    else parts.at(-1)!.push(command)
  }
  for (const part of parts) {
    if (part.length === 0 && parts.length > 1) continue
    const expected = model.apply(part, now)
    const real = await Promise.all(part.map((command) => toCommand(store, command)))
    const batch = store.apply(real)
    const outcomes = await batch.outcomes
    const expired = await batch.expired
    await batch.durable
    expect(outcomes.map((outcome) => outcome.status)).toEqual(expected.statuses)
    expect(expired.map((hold) => hold.id.join())).toEqual(expected.expired.map((id) => testTransfer(id).id.join()))
  }
}

async function toCommand(store: Store, command: ModelCommand): Promise<Command> {
  const account = async (name: string) => (await store.find(name))?.id ?? (999_999 as AccountId)
  switch (command.type) {
    case 'open':
      return { type: 'open', name: command.name, kind: command.kind, creditLimit: command.credit }
    case 'limit':
      return { type: 'limit', account: await account(command.name), creditLimit: command.credit }
    case 'prepare': {
      const { id, condition } = testTransfer(command.id)
      return {
        type: 'prepare',
        id,
        source: await account(command.source),
        target: await account(command.target),
        amount: command.amount,
        condition,
        expiresAt: Instant.from(command.expiresAt),
        destination: `test.${command.target}`,
        contentHash: testContentHash(modelHash(command)),
      }
    }
    case 'fulfill': {
      const { id, fulfillment } = testTransfer(command.id)
      const wrong = testTransfer(`not ${command.id}`).fulfillment
      return {
        type: 'fulfill',
        id,
        source: await account(command.source),
        fulfillment: command.right ? fulfillment : wrong,
      }
    }
    case 'reject':
      return { type: 'reject', id: testTransfer(command.id).id, source: await account(command.source) }
    case 'look_up':
      return {
        type: 'look_up',
        id: testTransfer(command.id).id,
        source: await account(command.source),
        contentHash: testContentHash(command.hash),
      }
    case 'deposit':
    case 'withdraw': {
      const { type, amount, reference } = command
      return { type, account: await account(command.name), amount, reference }
    }
    case 'merge':
      return { type: 'merge', from: await account(command.from), into: await account(command.into) }
    case 'write_off':
      return { type: 'write_off', account: await account(command.name) }
  }
}

async function assertSame(store: Store, model: LedgerModel): Promise<void> {
  const found = []
  let total = 0n
  for await (const { name, kind, posted, heldOut, heldIn, creditLimit } of store.accounts()) {
    found.push({ name, kind, posted, heldOut, heldIn, credit: creditLimit })
    total += posted
  }
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
  expect(found.sort(byName)).toEqual(model.accounts.sort(byName))
  expect(total).toBe(0n)
}
