/** A shop that is gone for good while it is paid, and what its payer knows then. */
import { afterEach, expect, it } from 'vitest'
import * as Millstream from '../processes/millstream.js'
import { World } from './world.js'

let world: World | undefined

afterEach(async () => {
  await world?.close()
  await Millstream.cleanUp()
})

// Payments live for 30 seconds, and nobody may be sure of them before.
it(
  'leaves the payer waiting until payments are dead, then counts them as spent, until the shop is back',
  async () => {
    world = await World.create()
    await world.startShop()
    let paidBefore = 0n
    let total = 0n
    for (let isInDoubt = false; !isInDoubt; ) {
      const payer = world.startPayer('--risk', '256')
      await payer.until(({ stdoutBytes }) => stdoutBytes > 1000)
      await world.killShop()
      const ended = await payer.ended
      const { paid, unknown, error } = Millstream.summary(ended)

      // Now and then the shop has just answered everything: then nothing is in doubt, and it is killed once more.
      isInDoubt = Number(unknown) > 0
      expect(ended.code).toBe(isInDoubt ? 8 : 7)
      expect(error).toBe('PAY_CONTENT_BROKEN')
      expect(Number(unknown)).toBeLessThanOrEqual(256)
      await world.startShop()
      total = await world.paid()
      expect(total).toBeGreaterThanOrEqual(paidBefore + BigInt(String(paid)))
      expect(total).toBeLessThanOrEqual(paidBefore + BigInt(String(paid)) + BigInt(String(unknown)))
      paidBefore = total
    }

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
