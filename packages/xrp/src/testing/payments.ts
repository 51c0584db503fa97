/** Payments for tests, payees that record, and a way to keep transactions from the ledger. */
import { hashes } from '@millstream/hashes'
import type { Cursor, IncomingTransfer, OutgoingTransfer, Payee, Rejection, SettledOutcome } from '@millstream/plugin'
import { encodePayment } from '@millstream/plugin/testing'
import { Condition, Instant, TransferId } from '@millstream/units'
import { decode } from 'xrpl'
import type { JsonObject } from '../internal/json.js'
import type { XrpServer } from '../server.js'
import type { Signer } from '../signer.js'

export interface TestPayment {
  readonly transfer: OutgoingTransfer
  readonly fulfillment: Condition.Fulfillment
}

let made = 0

/** Unlike all others of this process. */
export function payment(account: string, now: Instant.Instant, change: Partial<OutgoingTransfer> = {}): TestPayment {
  made++
  const fulfillment = Condition.fulfillmentFrom(hashes.sha256(Uint8Array.of(7, made >> 8, made & 0xff)))
  const amount = change.amount ?? 5n
  const transfer: OutgoingTransfer = {
    id: TransferId.from(hashes.sha256(Uint8Array.of(8, made >> 8, made & 0xff)).slice(0, 16)),
    amount,
    condition: Condition.from(hashes.sha256(fulfillment)),
    expiresAt: Instant.after(now, 120_000),
    packet: encodePayment(amount, `${account}.user.${made}`),
    ...change,
  }
  return { transfer, fulfillment }
}

export interface RecordingPayee extends Payee {
  readonly checked: IncomingTransfer[]
  readonly held: IncomingTransfer[]
  readonly settlements: { readonly transfer: IncomingTransfer; readonly outcome: SettledOutcome; readonly at: Cursor }[]
}

export type Answer = Condition.Fulfillment | Rejection

/** Knows the fulfillments of these payments, or never answers. */
export function payeeOf(payments: readonly TestPayment[] | 'silent', refusal?: Rejection): RecordingPayee {
  const payee: RecordingPayee = {
    checked: [],
    held: [],
    settlements: [],
    check(transfer) {
      payee.checked.push(transfer)
      return refusal
    },
    fulfill(transfer): Answer | Promise<Answer> {
      payee.held.push(transfer)
      if (payments === 'silent') return new Promise(() => {})
      const known = payments.find((one) => Buffer.compare(one.transfer.id, transfer.id) === 0)
      return known?.fulfillment ?? { code: 'F06', message: 'Not one of these.' }
    },
    settled(transfer, outcome, at) {
      payee.settlements.push({ transfer, outcome, at })
    },
  }
  return payee
}

/** A server that takes some transactions and does nothing with them: they are neither answered nor sent on. */
export function withhold(server: XrpServer, isWithheld: (transaction: JsonObject) => boolean): XrpServer {
  return {
    name: server.name,
    get isConnected() {
      return server.isConnected
    },
    open: (events) => server.open(events),
    close: () => server.close(),
    request(request) {
      const isHeldBack = request.command === 'submit' && isWithheld(decode(String(request.tx_blob)) as JsonObject)
      return isHeldBack ? new Promise(() => {}) : server.request(request)
    },
  }
}

/** Sends transactions of an account as any program would. */
export function rawClient(server: XrpServer, signer: Signer) {
  return {
    address: signer.address,
    async open() {
      const ignore = () => {}
      await server.open({ connected: ignore, disconnected: ignore, ledgerClosed: ignore, transaction: ignore })
    },
    async submit(fields: JsonObject): Promise<{ readonly result: unknown; readonly sequence: number }> {
      const info = await server.request({ command: 'account_info', account: signer.address, ledger_index: 'current' })
      const { Sequence: sequence } = info.account_data as { Sequence: number }
      const { blob } = signer.sign({ Fee: '1000', ...fields, Account: signer.address, Sequence: sequence })
      const { engine_result: result } = await server.request({ command: 'submit', tx_blob: blob })
      return { result, sequence }
    },
    close: () => server.close(),
  }
}
