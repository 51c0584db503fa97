/** `millstream`: reads the command line, runs one command, prints what went wrong, gives the exit code. */
import { CommanderError } from 'commander'
import { type ExitCode, exitCodes } from './exit-code.js'
import * as Failure from './failure.js'
import * as Program from './program.js'
import type { Terminal } from './terminal.js'

/**
 * @param argv - The words after `millstream`.
 * @returns The exit code, once everything is written and closed. Never rejects.
 */
export async function main(argv: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exit: ExitCode = exitCodes.done
  const program = Program.create(terminal, (code) => {
    exit = code
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exit
  } catch (error) {
    // Commander has printed its own words by now; help and version are no mistakes.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    const failure = Failure.from(error)
    if (argv.includes('--json')) terminal.stderr.write(`${JSON.stringify(Failure.toJson(failure))}\n`)
    else terminal.stderr.write(Failure.format(failure))
    if (failure.exit === exitCodes.bug && terminal.env.MILLSTREAM_DEBUG !== undefined) {
      terminal.stderr.write(`${stackOf(failure)}\n`)
    }
    return failure.exit
  }
}

function stackOf(failure: Failure.Failure): string {
  const cause = failure.cause instanceof Error ? failure.cause : failure
  return cause.stack ?? String(cause)
}
