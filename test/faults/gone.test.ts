/** A shop that is gone for good while it is paid, and what its payer knows then. */
import { afterEach, expect, it } from 'vitest'
import * as Millstream from '../processes/millstream.js'
import { World } from './world.js'

let world: World | undefined

afterEach(async () => {
  world?.close()
  await Millstream.cleanUp()
})

// Payments live for 30 seconds, and nobody may be sure of them before.
it(
  'leaves the payer waiting until payments are dead, then counts them as spent, until the shop is back',
  async () => {
    world = await World.create()
    await world.startShop()
    const payer = world.startPayer('--risk', '256')
    await payer.until(({ stdoutBytes }) => stdoutBytes > 1000)
    await world.killShop()
    const ended = await payer.ended
    const { paid, unknown, error } = Millstream.summary(ended)

    expect(ended.code).toBe(8)
    expect(error).toBe('PAY_CONTENT_BROKEN')
    expect(Number(unknown)).toBeGreaterThan(0)
    expect(Number(unknown)).toBeLessThanOrEqual(256)
    await world.startShop()
    const total = await world.paid()
    expect(total).toBeGreaterThanOrEqual(BigInt(String(paid)))
    expect(total).toBeLessThanOrEqual(BigInt(String(paid)) + BigInt(String(unknown)))

    const next = await world.startPayer('--pieces', '5').ended
    expect(next.code).toBe(0)
    expect(await world.payerBook(-(await world.paid()), 60_000)).toEqual({
      verdict: 'agrees',
      spent: total + 5n,
      unresolved: 0n,
    })
  },
  Millstream.timeoutMs,
)
