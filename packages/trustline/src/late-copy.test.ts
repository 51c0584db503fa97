import { expect, it } from 'vitest'
import { openTestHost, payment, quickPayee } from './testing/test-host.js'

it('takes no late copy of a payment on an older connection that it has refused on a newer one', async () => {
  let isOpen = false
  const payee = quickPayee(() => (isOpen ? undefined : { code: 'T05', message: 'Not now.' }))
  const test = openTestHost({ payee })
  const old = await test.connect()
  const { frame, id } = payment(1, 10n, test.timers.clock())
  // The copy on the old connection is on its way; the customer has given that connection up and asks again.
  const newer = await test.connect()
  newer.send({ ...frame, requestId: 7 })
  await test.settle()
  expect(newer.endsOf(id)).toMatchObject([{ type: 'reject' }])
  isOpen = true
  old.send(frame)
  await test.settle()
  expect(old.endsOf(id)).toMatchObject([{ type: 'reject' }])
  expect(await test.balance()).toBe(0n)
  // Another payment of the old connection is as good as any, and so is the same one where it was refused.
  const other = payment(2, 10n, test.timers.clock())
  old.send(other.frame)
  newer.send({ ...frame, requestId: 8 })
  await test.settle()
  expect(old.endsOf(other.id)).toMatchObject([{ type: 'fulfill' }])
  expect(newer.endsOf(id)).toMatchObject([{ type: 'reject' }, { type: 'fulfill' }])
  expect(await test.balance()).toBe(20n)
})
