/** What makes commander tell of a value that an option does not take. */
import { InvalidArgumentError } from 'commander'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import { OptionError } from './option.js'

export function reader<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text)
    } catch (error) {
      if (error instanceof OptionError) throw new InvalidArgumentError(error.message)
      throw error
    }
  }
}

/** Commander repeats a value that it does not take; one that holds a token is not repeated. */
export function secretReader<T>(flag: string, read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text)
    } catch (cause) {
      throw new Failure({
        code: 'USAGE',
        exit: exitCodes.usage,
        message: `The value of ${flag} cannot be read. ${(cause as Error).message}`,
        next: 'write it like that; nothing was done',
        cause,
      })
    }
  }
}
