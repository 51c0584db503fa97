/** Why an EscrowCreate came to nothing, as an ILP error with words for a person. Nothing was held in any of these cases. */
import * as EngineResult from './engine-result.js'

/** It got into no ledger. `reason` is the submitter's. */
export function ofLapse(reason: string): [code: string, message: string] {
  if (reason === 'fee_above_cap') return ['T04', 'The network asks for a higher fee than the limit. Nothing was held.']
  if (reason === 'not_wanted') return ['T01', 'It could not be sent in time. Nothing was held.']
  if (reason === 'XRP_SIGN') return ['F01', 'It cannot be signed: a field is malformed. Nothing was held.']
  return ['T01', 'No ledger took the escrow in time. Nothing was held; only a later ledger without it proves that.']
}

/** @param result - Of the engine. */
export function ofResult(result: string): [code: string, message: string] {
  switch (EngineResult.named(result)) {
    case 'insufficient_funds':
      return [
        'F08',
        `The balance does not suffice for the amount, the fee and the reserve (${result}). Nothing was held.`,
      ]
    case 'no_destination':
      return [
        'F02',
        `There is no such account on this XRP Ledger (${result}); an escrow cannot open one. Nothing was held.`,
      ]
    case 'destination_refuses':
      return ['F07', `The receiving account does not take escrows from here (${result}). Nothing was held.`]
    case 'not_permitted':
      return ['F00', `The transfer had expired when its ledger closed (${result}). Nothing was held.`]
    case 'misconfigured':
      return ['F00', `The key or the network does not fit the account (${result}). Nothing was held.`]
    default:
      return ['F00', `The XRP Ledger does not take the escrow (${result}). Nothing was held.`]
  }
}
