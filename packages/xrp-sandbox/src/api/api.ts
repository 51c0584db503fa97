/** The API: a request in, an answer out. Whatever comes in, there is an answer, and the ledger is unharmed. */
import type { JsonObject } from '../ledger/entry.js'
import { accountChannels, accountInfo, accountLines, accountObjects } from './account-methods.js'
import { ledgerAccept, sandboxAdvance, sandboxFaults, sandboxFund } from './admin-methods.js'
import { ApiError } from './api-error.js'
import { channelVerify } from './channel-methods.js'
import { ledger, ledgerData, ledgerEntry } from './ledger-methods.js'
import type { ApiVersion, Method, MethodContext } from './method.js'
import { fee, ledgerClosed, ledgerCurrent, ping, serverInfo, serverState, version } from './server-methods.js'
import { simulate } from './simulate.js'
import { subscribe, unsubscribe } from './subscriptions.js'
import { accountTx, submit, transactionEntry, tx } from './transaction-methods.js'

const submitMultisigned: Method = () => {
  throw new ApiError('notSupported')
}

const methods = new Map<string, Method>([
  ['account_channels', accountChannels],
  ['account_info', accountInfo],
  ['account_lines', accountLines],
  ['account_objects', accountObjects],
  ['account_tx', accountTx],
  ['channel_verify', channelVerify],
  ['fee', fee],
  ['ledger', ledger],
  ['ledger_accept', ledgerAccept],
  ['ledger_closed', ledgerClosed],
  ['ledger_current', ledgerCurrent],
  ['ledger_data', ledgerData],
  ['ledger_entry', ledgerEntry],
  ['ping', ping],
  ['sandbox_advance', sandboxAdvance],
  ['sandbox_faults', sandboxFaults],
  ['sandbox_fund', sandboxFund],
  ['server_info', serverInfo],
  ['server_state', serverState],
  ['simulate', simulate],
  ['submit', submit],
  ['submit_multisigned', submitMultisigned],
  ['subscribe', subscribe],
  ['transaction_entry', transactionEntry],
  ['tx', tx],
  ['unsubscribe', unsubscribe],
  ['version', version],
])

export type Answer =
  | { readonly ok: true; readonly result: JsonObject }
  | { readonly ok: false; readonly error: JsonObject }

export function answer(command: unknown, request: JsonObject, context: Omit<MethodContext, 'version'>): Answer {
  try {
    if (typeof command !== 'string' || command === '') throw new ApiError('missingCommand')
    const version = versionOf(request)
    const method = methods.get(command)
    if (method === undefined) throw new ApiError('unknownCmd')
    return { ok: true, result: method(request, { ...context, version }) }
  } catch (error) {
    if (error instanceof ApiError) return { ok: false, error: error.fields }
    // A fault of ours: the client learns that there is one, and everybody else goes on.
    return { ok: false, error: new ApiError('internal').fields }
  }
}

function versionOf({ api_version: version }: JsonObject): ApiVersion {
  if (version === undefined) return 1
  if (version !== 1 && version !== 2) throw new ApiError('invalid_API_version')
  return version
}
