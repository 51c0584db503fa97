import { MillstreamError } from '@millstream/units'
import { describe, expect, it } from 'vitest'
import * as ExitCode from './exit-code.js'
import * as Failure from './failure.js'

class KnownError extends MillstreamError {
  override readonly name = 'Test.KnownError'
  readonly code = 'KNOWN'
}

describe('a failure', () => {
  const failure = new Failure.Failure({
    code: 'PAY_PRICE_ABOVE_LIMIT',
    exit: ExitCode.exitCodes.limits,
    message: 'Payment stopped: the shop asked for 12 a letter, above your limit of 10.',
    fields: [
      ['paid', '340 (0.00000034 XRP) for 34 letters'],
      ['held', '0'],
    ],
    next: 'run again with --max-price 12; until then nothing more will be sent',
  })

  it('says what happened, what became of the money and what to do next', () => {
    expect(Failure.format(failure)).toBe(`Payment stopped: the shop asked for 12 a letter, above your limit of 10.

  code  PAY_PRICE_ABOVE_LIMIT
  paid  340 (0.00000034 XRP) for 34 letters
  held  0
  next  run again with --max-price 12; until then nothing more will be sent
`)
  })

  it('says the same to programs', () => {
    expect(Failure.toJson(failure)).toEqual({
      error: 'PAY_PRICE_ABOVE_LIMIT',
      exit: 3,
      message: 'Payment stopped: the shop asked for 12 a letter, above your limit of 10.',
      paid: '340 (0.00000034 XRP) for 34 letters',
      held: '0',
      next: 'run again with --max-price 12; until then nothing more will be sent',
    })
  })

  it('keeps the code and the words of our own errors, and calls anything else a bug', () => {
    expect(Failure.from(new KnownError('Something known.'))).toMatchObject({
      code: 'KNOWN',
      message: 'Something known.',
    })
    expect(Failure.from(new TypeError('x is not a function'))).toMatchObject({ code: 'MILLSTREAM_BUG', exit: 1 })
    expect(Failure.from(failure)).toBe(failure)
  })

  it('tells what to do about an address that is taken', () => {
    class ListenError extends MillstreamError {
      override readonly name = 'Test.ListenError'
      readonly code = 'BTP_LISTEN'
    }
    const taken = Failure.from(new ListenError('Port 9000 is taken.'))
    expect(taken).toMatchObject({ exit: 11, next: expect.stringMatching(/nothing was started.*--btp-port/) })
  })

  it('lets no words of a peer steer the terminal', () => {
    const hostile = new Failure.Failure({ code: 'X', exit: 1, message: 'the shop said "\u001b[2Jgone\r\u009b"' })
    for (const control of ['\u001b', '\r', '\u009b']) expect(Failure.format(hostile)).not.toContain(control)
  })
})

describe('exit codes', () => {
  it('are distinct, and each has its line in the table', () => {
    const codes = Object.values(ExitCode.exitCodes)
    expect(new Set(codes).size).toBe(codes.length)
    const table = ExitCode.formatTable().split('\n')
    expect(table.map((line) => Number.parseInt(line, 10))).toEqual(codes)
  })
})
