/** What the server says about itself: `server_info`, `server_state`, `fee`, `ping`, and which ledgers it has. */
import type { Chain } from '../ledger/chain.js'
import type { JsonObject } from '../ledger/entry.js'
import * as RippleTime from '../ledger/ripple-time.js'
import type { Control, Method } from './method.js'

/** The server whose behaviour the sandbox follows. */
export const buildVersion = '3.1.1'
const loadBase = 256
const dropsPerXrp = 1_000_000

export const serverInfo: Method = (_request, { chain, control }) => {
  const ledger = chain.closedLedger
  return {
    info: {
      ...common(chain, control),
      last_close: { converge_time_s: 0.1, proposers: 0 },
      load_factor: 1,
      ...(chain.networkId === 0 ? {} : { network_id: chain.networkId }),
      validated_ledger: {
        age: Math.max(0, RippleTime.fromUnixMs(control.nowMs()) - ledger.closeTime),
        base_fee_xrp: Number(chain.fees.base) / dropsPerXrp,
        hash: ledger.hash,
        reserve_base_xrp: Number(chain.fees.reserveBase) / dropsPerXrp,
        reserve_inc_xrp: Number(chain.fees.reserveIncrement) / dropsPerXrp,
        seq: ledger.index,
      },
    },
  }
}

export const serverState: Method = (_request, { chain, control }) => {
  const ledger = chain.closedLedger
  return {
    state: {
      ...common(chain, control),
      last_close: { converge_time: 100, proposers: 0 },
      load_base: loadBase,
      load_factor: loadBase,
      load_factor_fee_escalation: loadBase,
      load_factor_fee_queue: loadBase,
      load_factor_fee_reference: loadBase,
      load_factor_server: loadBase,
      ...(chain.networkId === 0 ? {} : { network_id: chain.networkId }),
      validated_ledger: {
        base_fee: Number(chain.fees.base),
        close_time: ledger.closeTime,
        hash: ledger.hash,
        reserve_base: Number(chain.fees.reserveBase),
        reserve_inc: Number(chain.fees.reserveIncrement),
        seq: ledger.index,
      },
    },
  }
}

export const fee: Method = (_request, { chain }) => {
  const base = String(chain.fees.base)
  return {
    current_ledger_size: String(chain.openSize),
    current_queue_size: '0',
    drops: {
      base_fee: base,
      median_fee: String(chain.fees.base * 500n),
      minimum_fee: base,
      open_ledger_fee: base,
    },
    expected_ledger_size: '1000',
    ledger_current_index: chain.openIndex,
    levels: {
      median_level: '128000',
      minimum_level: '256',
      open_ledger_level: '256',
      reference_level: '256',
    },
    max_queue_size: '20000',
  }
}

export const ping: Method = () => ({ role: 'admin', unlimited: true })

export const version: Method = (_request, context) => ({
  version: context.version === 1 ? { first: '1.0.0', good: '1.0.0', last: '1.0.0' } : { first: 1, last: 2 },
})

export const ledgerClosed: Method = (_request, { chain }) => ({
  ledger_hash: chain.closedLedger.hash,
  ledger_index: chain.closedLedger.index,
})

export const ledgerCurrent: Method = (_request, { chain }) => ({ ledger_current_index: chain.openIndex })

/** What the stream of ledgers and the answer to subscribing to it have in common. */
export function ledgerFields(chain: Chain): JsonObject {
  const ledger = chain.closedLedger
  return {
    fee_base: Number(chain.fees.base),
    ledger_hash: ledger.hash,
    ledger_index: ledger.index,
    ledger_time: ledger.closeTime,
    network_id: chain.networkId,
    reserve_base: Number(chain.fees.reserveBase),
    reserve_inc: Number(chain.fees.reserveIncrement),
  }
}

/** `2-41` */
export function completeLedgers(chain: Chain): string {
  const { oldest, newest } = chain.history.range()
  return oldest === newest ? String(newest) : `${oldest}-${newest}`
}

function common(chain: Chain, control: Control): JsonObject {
  const nowMs = control.nowMs()
  const uptimeMs = Math.max(0, nowMs - control.startedAtMs)
  return {
    build_version: buildVersion,
    complete_ledgers: completeLedgers(chain),
    hostid: 'sandbox',
    io_latency_ms: 1,
    jq_trans_overflow: '0',
    peer_disconnects: '0',
    peer_disconnects_resources: '0',
    peers: 0,
    ports: [{ port: String(control.port), protocol: ['http', 'ws'] }],
    pubkey_validator: 'none',
    server_state: 'full',
    server_state_duration_us: String(uptimeMs * 1000),
    time: RippleTime.toHuman(
      RippleTime.fromUnixMs(nowMs),
      String(nowMs % 1000)
        .padStart(3, '0')
        .padEnd(6, '0'),
    ),
    uptime: Math.floor(uptimeMs / 1000),
    validation_quorum: 0,
  }
}
