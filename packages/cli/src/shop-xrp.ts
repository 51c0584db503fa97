/** The money behind a shop's trustline: its account on the XRP Ledger, kept in the folder `xrp` of its data folder. */
import { join } from 'node:path'
import type { Store } from '@millstream/ledger'
import { type Strangers, strangersCredit } from '@millstream/trustline'
import type { Asset, Instant, ObservedEvent, Observer } from '@millstream/units'
import {
  checkSettlement,
  connectXrpl,
  createXrpAccount,
  createXrpSettlement,
  openFolderStore,
  type SettlementReport,
  type XrpSettlement,
} from '@millstream/xrp'
import type { XrpPlace } from './xrp-place.js'
import * as XrpSeed from './xrp-seed.js'

export interface ShopXrp {
  readonly settlement: XrpSettlement
  check(): Promise<SettlementReport>
  close(): Promise<void>
}

export interface ShopXrpOptions {
  readonly place: XrpPlace
  readonly data: string
  readonly store: Store
  readonly prefix: string
  readonly asset: Asset
  readonly strangers: Strangers
  readonly clock: Instant.Clock
  readonly observer: Observer<ObservedEvent>
  readonly onFailure: (error: unknown) => void
}

export function folderOf(data: string): string {
  return join(data, 'xrp')
}

/** Connects, and reads what was paid while the shop was away. */
export async function open(options: ShopXrpOptions): Promise<ShopXrp> {
  const { place, data, store, prefix, asset, strangers, clock, observer, onFailure } = options
  const signer = (await XrpSeed.read(place)).signer
  const kept = await openFolderStore(folderOf(data))
  const server = connectXrpl({ url: place.xrp })
  const settlement = createXrpSettlement({
    ledger: store,
    ...{ prefix, clock, server, observer, onFailure },
    scale: asset.scale,
    creditLimit: strangersCredit(strangers),
    account: (user) => createXrpAccount({ server, signer, store: kept, clock, timers, observer }, user),
  })
  try {
    await settlement.open()
  } catch (error) {
    await settlement.close()
    throw error
  }
  return {
    settlement,
    async check() {
      for (let attempt = 1; ; attempt++) {
        await settlement.settled()
        const before = await kept.load()
        const report = await checkSettlement(store, before, asset.scale)
        // Money that moves while both books are read is no fault.
        if (report.ok || attempt === attemptsMax || isSame(before, await kept.load())) return report
      }
    },
    close: () => settlement.close(),
  }
}

const attemptsMax = 5

function isSame(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): boolean {
  const keys = [...after.keys()].filter((key) => key !== 'read')
  return keys.every((key) => before.get(key) === after.get(key))
}

const timers = {
  setTimeout: (callback: () => void, ms: number) => setTimeout(callback, ms),
  clearTimeout: (timer: unknown) => clearTimeout(timer as NodeJS.Timeout),
}
