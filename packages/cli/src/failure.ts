/**
 * A failure that a person reads: what happened, what became of the money, what to do next, and a code for programs.
 *
 * Every command throws one of these for whatever it foresaw; `main` prints it and takes the exit code from it. The
 * words of a peer are quoted as theirs. No secret, token or fulfillment ever gets in.
 */
import { MillstreamError } from '@millstream/units'
import { type ExitCode, exitCodes, ofCode } from './exit-code.js'

export interface FailureOptions {
  /** Stable and for programs: `PAY_PRICE_ABOVE_LIMIT`. */
  readonly code: string
  readonly exit: ExitCode
  /** One sentence or two: what happened. */
  readonly message: string
  /** Further lines of the block, between `code` and `next`: `paid`, `held`, `account`. */
  readonly fields?: ReadonlyArray<readonly [label: string, value: string]>
  /** What to do about it; each line of it is printed. */
  readonly next?: string
  readonly cause?: unknown
}

export class Failure extends MillstreamError {
  override readonly name = 'Cli.Failure'
  readonly code: string
  readonly exit: ExitCode
  readonly fields: ReadonlyArray<readonly [label: string, value: string]>
  readonly next: string | undefined

  constructor(options: FailureOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    this.exit = options.exit
    this.fields = options.fields ?? []
    this.next = options.next
  }
}

/**
 * Makes a failure out of whatever was thrown. Errors of our packages keep their code and words; anything else is a bug
 * and says so.
 */
export function from(error: unknown): Failure {
  if (error instanceof Failure) return error
  if (error instanceof MillstreamError) {
    const { code, message } = error
    const next = adviceOfCodes[code]
    return new Failure({ code, exit: ofCode(code), message, cause: error, ...(next === undefined ? {} : { next }) })
  }
  const words = error instanceof Error ? error.message : String(error)
  return new Failure({
    code: 'MILLSTREAM_BUG',
    exit: exitCodes.bug,
    message: `Something happened that millstream did not foresee: ${words}`,
    next: 'please report it, with what you typed; with MILLSTREAM_DEBUG=1 it says where it happened',
    cause: error,
  })
}

/** What to do about errors of our packages that cannot know the options of a command. */
const adviceOfCodes: Readonly<Record<string, string>> = {
  BTP_LISTEN: 'nothing was started; choose another port with --btp-port, or check --host, --tls-cert and --tls-key',
}

/** The block that a person reads; ends with a line break. */
export function format(failure: Failure): string {
  const lines: Array<readonly [string, string]> = [['code', failure.code], ...failure.fields]
  if (failure.next !== undefined) lines.push(['next', failure.next])
  const width = Math.max(...lines.map(([label]) => label.length))
  const block = lines.map(([label, value]) => {
    const indented = printable(value).replaceAll('\n', `\n${' '.repeat(width + 4)}`)
    return `  ${label.padEnd(width)}  ${indented}\n`
  })
  return `${printable(failure.message)}\n\n${block.join('')}`
}

/** The same for programs: one object, to be printed as one line. */
export function toJson(failure: Failure): Record<string, string | number> {
  const fields = Object.fromEntries(failure.fields)
  const next: Record<string, string> = failure.next === undefined ? {} : { next: failure.next }
  return { error: failure.code, exit: failure.exit, message: failure.message, ...fields, ...next }
}

/** A peer's words may hold anything: what would steer a terminal is replaced, line breaks stay. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose.
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '\ufffd')
}
