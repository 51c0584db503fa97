/**
 * A shop that starts while an operator's command holds its folder waits for the end of it: a timer that runs
 * `ledger check` at that moment must not keep the shop from starting.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { DataFolderInUseError } from '@millstream/ledger-sqlite'
import * as AdminClient from './admin/client.js'

/** A command over a large ledger takes as long as this, and hardly longer. */
const patienceMs = 10_000
const pollMs = 50

/**
 * @param open - Opens the ledger of the folder; called again while somebody holds it.
 * @param whenWaiting - Called once, before the first wait.
 * @throws {DataFolderInUseError} Another shop has it, or whoever holds it does not let go.
 */
export async function whenFree<T>(folder: string, open: () => Promise<T>, whenWaiting: () => void): Promise<T> {
  const deadline = performance.now() + patienceMs
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await open()
    } catch (error) {
      if (!(error instanceof DataFolderInUseError) || performance.now() >= deadline) throw error
      if (await isShop(folder)) throw error
    }
    if (isFirst) whenWaiting()
    await delay(pollMs)
  }
}

/** A shop answers its operator; a command that holds the folder does not. */
async function isShop(folder: string): Promise<boolean> {
  const operator = await AdminClient.open(folder).catch(() => undefined)
  await operator?.close()
  return operator !== undefined
}
