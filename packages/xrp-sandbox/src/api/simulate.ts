/** `simulate`: what would become of a transaction that is not signed. */
import { isAddress } from '../ledger/address.js'
import type { Chain } from '../ledger/chain.js'
import { feeOf } from '../ledger/engine.js'
import { type AccountRoot, accountIndex, type JsonObject } from '../ledger/entry.js'
import * as Transaction from '../ledger/transaction.js'
import { ApiError } from './api-error.js'
import type { Method } from './method.js'
import * as TransactionJson from './transaction-json.js'

export const simulate: Method = (request, { chain, version }) => {
  const { tx_json: json, tx_blob: blob } = request
  if ((json === undefined) === (blob === undefined)) {
    throw new ApiError('invalidParams', { message: 'One and only one of `tx_blob` and `tx_json` can be included.' })
  }
  const transaction = parsed(() => Transaction.unsigned(filled(given(json, blob), chain)))
  const { result, metadata } = chain.simulate(transaction)
  const validated = metadata && { transaction, metadata, accounts: new Set<string>() }
  const fields = TransactionJson.resultFields(result)
  const wouldBe = { ...fields, engine_result_message: 'The simulated transaction would have been applied.' }
  return {
    applied: false,
    ...(result === 'tesSUCCESS' ? wouldBe : fields),
    ledger_index: chain.openIndex,
    ...(validated === undefined ? {} : { meta: TransactionJson.metadataOf(validated) }),
    tx_json: { ...TransactionJson.fieldsOf(transaction, version), hash: transaction.hash },
  }
}

function given(json: unknown, blob: unknown): JsonObject {
  if (blob === undefined) {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new ApiError('invalidParams', { message: "Invalid field 'tx_json', not object." })
    }
    return json as JsonObject
  }
  if (typeof blob !== 'string' || blob.length % 2 !== 0 || !/^[0-9A-Fa-f]+$/.test(blob)) {
    throw new ApiError('invalidParams', { message: "Invalid field 'tx_blob', not hex string." })
  }
  return parsed(() => Transaction.decodeFields(blob))
}

/** The server fills in what a client may leave out. */
function filled(fields: JsonObject, chain: Chain): JsonObject {
  if (!isAddress(fields.Account)) {
    throw new ApiError('invalidParams', { message: "Invalid field 'tx.Account'." })
  }
  if (typeof fields.TxnSignature === 'string' && fields.TxnSignature !== '') throw new ApiError('transactionSigned')
  const account = chain.openState.read(accountIndex(fields.Account)) as AccountRoot | undefined
  return {
    Fee: String(feeOf(fields as Transaction.TransactionFields, chain.fees)),
    Sequence: account?.Sequence ?? 0,
    SigningPubKey: '',
    TxnSignature: '',
    ...fields,
  }
}

function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof Transaction.InvalidTransactionError)) throw error
    throw new ApiError('invalidTransaction', { more: { error_exception: error.exception } })
  }
}
