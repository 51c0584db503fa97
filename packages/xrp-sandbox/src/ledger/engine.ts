/**
 * Applies one transaction to a view: what all types share, in the order of `rippled`'s Transactor. The transaction
 * alone, then sequence, prior transaction and last ledger, signature, fee, the type's own look at the ledger; then
 * sequence and fee are taken and the type does its work. A `tec` keeps the fee and the sequence and nothing else.
 */
import { accountDelete } from '../transactors/account-delete.js'
import { accountSet } from '../transactors/account-set.js'
import { channelClaim } from '../transactors/channel-claim.js'
import { channelCreate } from '../transactors/channel-create.js'
import { channelFund } from '../transactors/channel-fund.js'
import { escrowCancel } from '../transactors/escrow-cancel.js'
import { escrowCreate } from '../transactors/escrow-create.js'
import { escrowFinish } from '../transactors/escrow-finish.js'
import { payment } from '../transactors/payment.js'
import { setRegularKey } from '../transactors/set-regular-key.js'
import { dropsOf, type Fees, type LedgerContext, type Transactor } from '../transactors/transactor.js'
import { type EngineResult, isTec } from './engine-result.js'
import { type AccountRoot, accountFlags, hasFlag } from './entry.js'
import { zero256 } from './hash.js'
import type { Transaction, TransactionFields } from './transaction.js'
import type { View } from './view.js'

const transactors: { readonly [type: string]: Transactor } = {
  Payment: payment,
  EscrowCreate: escrowCreate,
  EscrowFinish: escrowFinish,
  EscrowCancel: escrowCancel,
  PaymentChannelCreate: channelCreate,
  PaymentChannelFund: channelFund,
  PaymentChannelClaim: channelClaim,
  AccountSet: accountSet,
  SetRegularKey: setRegularKey,
  AccountDelete: accountDelete,
}

const tfFullyCanonicalSig = 0x8000_0000
/** 100 billion XRP: more than any amount can be. */
const dropsMax = 100_000_000_000_000_000n

export interface Applied {
  readonly result: EngineResult
  /** Whether `view` now holds what the transaction did, be it only its fee. */
  readonly applied: boolean
  readonly fee: bigint
  readonly delivered: bigint | undefined
}

export interface ApplyOptions {
  /** A `tec` is not taken yet: the transaction is tried again behind the others of its ledger. */
  readonly retry?: boolean
  /** A `tec` is not taken at all. */
  readonly failHard?: boolean
  readonly networkId?: number
}

/** @param view - A fresh view, for this transaction alone. */
export function apply(
  view: View,
  transaction: Transaction,
  ledger: LedgerContext,
  options: ApplyOptions = {},
): Applied {
  try {
    return applyTo(view, transaction, ledger, options)
  } catch {
    // A transaction that finds a fault of ours must not stop the ledger for everybody.
    view.discard()
    return refuse('tefEXCEPTION')
  }
}

function applyTo(
  view: View,
  transaction: Transaction,
  ledger: LedgerContext,
  { retry = false, failHard = false, networkId = 0 }: ApplyOptions,
): Applied {
  const { fields } = transaction
  const transactor = Object.hasOwn(transactors, fields.TransactionType)
    ? transactors[fields.TransactionType]
    : undefined
  if (transactor === undefined) return refuse('temDISABLED')

  const malformed = preflight(transactor, fields, networkId)
  if (malformed !== 'tesSUCCESS') return refuse(malformed)
  const account = view.account(fields.Account)
  if (account === undefined) return refuse('terNO_ACCOUNT')
  const early = preclaim(transactor, transaction, account, ledger)
  const claim = early === 'tesSUCCESS' ? (transactor.preclaim?.({ view, fields, ledger }) ?? 'tesSUCCESS') : early
  if (claim !== 'tesSUCCESS' && (!isTec(claim) || retry || failHard)) return refuse(claim)

  const fee = takeFee(view, account, transaction)
  let delivered: bigint | undefined
  let result = claim
  if (claim === 'tesSUCCESS') {
    const deliver = (drops: bigint) => {
      delivered = drops
    }
    result = transactor.apply({ view, transaction, ledger, before: account, deliver })
  }
  if (result === 'tesSUCCESS') return { result, applied: true, fee, delivered }
  view.discard()
  if (!isTec(result) || retry || failHard) return refuse(result)
  takeFee(view, account, transaction)
  return { result, applied: true, fee, delivered: undefined }
}

function refuse(result: EngineResult): Applied {
  return { result, applied: false, fee: 0n, delivered: undefined }
}

/** What a transaction has to pay to get into the open ledger. */
export function feeOf(fields: TransactionFields, fees: Fees): bigint {
  const transactor = Object.hasOwn(transactors, fields.TransactionType)
    ? transactors[fields.TransactionType]
    : undefined
  return transactor?.fee?.(fields, fees) ?? fees.base
}

function preflight(transactor: Transactor, fields: TransactionFields, networkId: number): EngineResult {
  if (networkId <= 1024) {
    if (fields.NetworkID !== undefined) return 'telNETWORK_ID_MAKES_TX_NON_CANONICAL'
  } else {
    if (fields.NetworkID === undefined) return 'telREQUIRES_NETWORK_ID'
    if (fields.NetworkID !== networkId) return 'telWRONG_NETWORK'
  }
  if (((fields.Flags ?? 0) & ~((transactor.flags ?? 0) | tfFullyCanonicalSig)) !== 0) return 'temINVALID_FLAG'
  const fee = dropsOf(fields.Fee)
  if (fee === undefined || fee < 0n || fee > dropsMax) return 'temBAD_FEE'
  if (fields.TicketSequence !== undefined && fields.Sequence !== 0) return 'temSEQ_AND_TICKET'
  const amount = dropsOf(fields.Amount)
  if (amount !== undefined && amount > dropsMax) return 'temBAD_AMOUNT'
  return transactor.preflight?.(fields) ?? 'tesSUCCESS'
}

function preclaim(
  transactor: Transactor,
  { fields, signer }: Transaction,
  account: AccountRoot,
  ledger: LedgerContext,
): EngineResult {
  if (fields.TicketSequence !== undefined) {
    return fields.TicketSequence < account.Sequence ? 'tefNO_TICKET' : 'terPRE_TICKET'
  }
  if (fields.Sequence > account.Sequence) return 'terPRE_SEQ'
  if (fields.Sequence < account.Sequence) return 'tefPAST_SEQ'
  if (fields.AccountTxnID !== undefined && fields.AccountTxnID !== (account.AccountTxnID ?? zero256)) {
    return 'tefWRONG_PRIOR'
  }
  if (fields.LastLedgerSequence !== undefined && ledger.index > fields.LastLedgerSequence) return 'tefMAX_LEDGER'
  if (signer === undefined) return 'tefNOT_MULTI_SIGNING'
  if (signer !== account.RegularKey) {
    if (signer !== fields.Account) return 'tefBAD_AUTH'
    if (hasFlag(account, accountFlags.disableMaster)) return 'tefMASTER_DISABLED'
  }
  const fee = BigInt(fields.Fee)
  const due = isFree(fields, signer, account) ? 0n : (transactor.fee?.(fields, ledger.fees) ?? ledger.fees.base)
  if (ledger.open && fee < due) return 'telINSUF_FEE_P'
  const balance = BigInt(account.Balance)
  if (balance < fee) return balance > 0n && !ledger.open ? 'tecINSUFF_FEE' : 'terINSUF_FEE_B'
  return 'tesSUCCESS'
}

/** A lost key can be replaced without money, once. */
function isFree(fields: TransactionFields, signer: string, account: AccountRoot): boolean {
  return (
    fields.TransactionType === 'SetRegularKey' &&
    signer === account.Account &&
    !hasFlag(account, accountFlags.passwordSpent)
  )
}

/** @returns What was taken: the fee, or all there is. */
function takeFee(view: View, account: AccountRoot, transaction: Transaction): bigint {
  const balance = BigInt(account.Balance)
  const asked = BigInt(transaction.fields.Fee)
  const fee = asked < balance ? asked : balance
  view.writeAccount({
    ...account,
    Balance: String(balance - fee),
    Sequence: account.Sequence + 1,
    ...(account.AccountTxnID === undefined ? {} : { AccountTxnID: transaction.hash }),
  })
  return fee
}
