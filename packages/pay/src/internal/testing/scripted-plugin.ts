/** A rail on which nothing happens but what the test says. */
import { IlpPacket } from '@millstream/codec'
import type { LedgerInfo, OutgoingTransfer, Plugin, SendOutcome } from '@millstream/plugin'
import type { Condition } from '@millstream/units'

export interface Sent {
  readonly number: number
  readonly transfer: OutgoingTransfer
  outcome: SendOutcome | undefined
  end(outcome: SendOutcome): void
}

export interface ScriptedPlugin extends Plugin {
  readonly sent: Sent[]
  /** Sent and without an outcome, the oldest first. */
  open(): Sent[]
  fulfill(...numbers: number[]): void
  end(outcome: SendOutcome, ...numbers: number[]): void
}

export const info: LedgerInfo = {
  prefix: 'g.letter-shop.mytrustline.',
  asset: { code: 'XRP', scale: 9 },
  account: 'g.letter-shop.mytrustline.alice',
  direct: true,
}

export const fulfilled: SendOutcome = { status: 'fulfilled', fulfillment: new Uint8Array(32) as Condition.Fulfillment }

export function refusedBy(by: 'payee' | 'ledger', code: string, message = 'no'): SendOutcome {
  return { status: 'rejected', by, code, message }
}

export function createScriptedPlugin(ledger: LedgerInfo = info): ScriptedPlugin {
  const sent: Sent[] = []
  const plugin: ScriptedPlugin = {
    sent,
    info: () => ledger,
    balance: () => Promise.resolve(0n),
    receive() {},
    send(transfer) {
      const { account } = IlpPacket.decodePayment(transfer.packet)
      const number = Number(account.slice(account.lastIndexOf('.') + 1))
      return new Promise((resolve) => {
        const one: Sent = {
          number,
          transfer,
          outcome: undefined,
          end(outcome) {
            one.outcome = outcome
            resolve(outcome)
          },
        }
        sent.push(one)
      })
    },
    open: () => sent.filter(({ outcome }) => outcome === undefined),
    fulfill: (...numbers) => plugin.end(fulfilled, ...numbers),
    end(outcome, ...numbers) {
      for (const number of numbers) {
        const one = plugin.open().find((candidate) => candidate.number === number)
        if (one === undefined) throw new Error(`Payment ${number} is not open.`)
        one.end(outcome)
      }
    },
  }
  return plugin
}
