/** A shop that is paid by escrows on the XRP Ledger: what is under way is kept in the folder `xrp-escrow` of its data folder. */
import { join } from 'node:path'
import { hashes } from '@millstream/hashes'
import type { Asset, Instant, ObservedEvent, Observer } from '@millstream/units'
import { createXrpPlugin, openFolderStore, prefixDefault, type XrpPlugin } from '@millstream/xrp'
import * as XrpLedger from './xrp-ledger.js'
import type { XrpPlace } from './xrp-place.js'
import * as XrpSeed from './xrp-seed.js'

export { prefixDefault }

/** Drops. */
export const asset: Asset = { code: 'XRP', scale: 6 }

export interface XrpShopOptions {
  readonly place: XrpPlace
  readonly data: string
  /** Whether what is under way shall survive the process. */
  readonly isKept: boolean
  readonly prefix: string
  readonly clock: Instant.Clock
  readonly observer: Observer<ObservedEvent>
}

/**
 * Connects, and reads what happened while the shop was away.
 *
 * @throws {Failure} The ledger cannot be used, or not by this account.
 */
export async function open({ place, data, isKept, prefix, clock, observer }: XrpShopOptions): Promise<XrpPlugin> {
  const { signer } = await XrpSeed.read(place)
  const store = isKept ? { store: await openFolderStore(join(data, 'xrp-escrow')) } : {}
  const plugin = createXrpPlugin({ server: place.xrp, ...{ signer, prefix, clock, hashes, observer }, ...store })
  await XrpLedger.connected(plugin, place.xrp, signer.address)
  return plugin
}
