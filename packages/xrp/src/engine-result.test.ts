import { describe, expect, it } from 'vitest'
import * as EngineResult from './engine-result.js'

describe('the result of a submit', () => {
  it('is only a reason to wait while the transaction may still get into a ledger', () => {
    const results = [
      ...['tesSUCCESS', 'tecNO_TARGET', 'tecUNFUNDED', 'terPRE_SEQ', 'terQUEUED', 'terRETRY', 'terINSUF_FEE_B'],
      // It may be in a ledger already: these do not mean that it failed.
      ...['tefPAST_SEQ', 'tefALREADY', 'tefMAX_LEDGER'],
      ...['telCAN_NOT_QUEUE', 'telCAN_NOT_QUEUE_FULL', 'telCAN_NOT_QUEUE_FEE', 'telLOCAL_ERROR'],
      // Trouble with the connection.
      ...['notConnected', 'TimeoutError', 'slowDown', 'noNetwork', 'something new'],
    ]
    for (const result of results) expect([result, EngineResult.submitted(result)]).toEqual([result, 'wait'])
  })

  it('asks for a higher fee with the same number', () => {
    expect(EngineResult.submitted('telINSUF_FEE_P')).toBe('raise_fee')
  })

  it('is a refusal for what can never be valid', () => {
    for (const result of [
      ...['temMALFORMED', 'temBAD_AMOUNT', 'temBAD_EXPIRATION', 'temDISABLED', 'tefBAD_AUTH', 'tefMASTER_DISABLED'],
      ...['telWRONG_NETWORK', 'telREQUIRES_NETWORK_ID', 'invalidTransaction'],
    ]) {
      expect([result, EngineResult.submitted(result)]).toEqual([result, 'refused'])
    }
  })
})

describe('a final result', () => {
  it.each([
    ['tesSUCCESS', 'success'],
    ['tecUNFUNDED', 'insufficient_funds'],
    ['tecINSUFFICIENT_RESERVE', 'insufficient_funds'],
    ['tecINSUFF_FEE', 'insufficient_funds'],
    ['tecNO_DST', 'no_destination'],
    ['tecDST_TAG_NEEDED', 'destination_refuses'],
    ['tecNO_PERMISSION', 'not_permitted'],
    ['tecNO_TARGET', 'no_escrow'],
    ['tecCRYPTOCONDITION_ERROR', 'wrong_fulfillment'],
    ['temBAD_EXPIRATION', 'malformed'],
    ['temDISABLED', 'misconfigured'],
    ['tefBAD_AUTH', 'misconfigured'],
    ['telWRONG_NETWORK', 'misconfigured'],
    ['tecDIR_FULL', 'destination_refuses'],
    ['tecSOMETHING_NEW', 'failed'],
  ] as const)('%s is named %s', (result, outcome) => {
    expect(EngineResult.named(result)).toBe(outcome)
  })
})
