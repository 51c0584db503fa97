/** What a demonstration asks of the processes that it has started. */
import { text } from 'node:stream/consumers'
import { exitCodes } from './exit-code.js'
import { Failure } from './failure.js'
import type * as OwnProcess from './own-process.js'

/** The last JSON line that a command printed, and what it wrote to stdout besides. */
export type Answer = Readonly<Record<string, unknown>> & { readonly content: string }

/** The first line of a program's stdout; the rest is read and forgotten. */
export function readyLine<T>(who: string, child: OwnProcess.OwnProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (text.includes('\n')) return
      text += chunk
      if (text.includes('\n')) resolve(JSON.parse(text.split('\n')[0]!))
    })
    child.ended.then((exit) => reject(failed(who, exit, child.stderr())), reject)
  })
}

/** @throws {Failure} It did not end well. */
export async function answerOf(who: string, child: OwnProcess.OwnProcess): Promise<Answer> {
  const content = await text(child.stdout)
  const exit = await child.ended
  if (exit !== exitCodes.done) throw failed(who, exit, child.stderr())
  const said = child.stderr().trimEnd().split('\n').at(-1)!
  const line = said.startsWith('{') ? said : content.trimEnd().split('\n').at(-1)!
  return { ...(JSON.parse(line) as Record<string, unknown>), content }
}

export function failed(who: string, exit: number | NodeJS.Signals, said: string): Failure {
  return new Failure({
    code: 'DEMO_FAILED',
    exit: exitCodes.bug,
    message: `The ${who} of the demonstration ended with ${exit}.`,
    fields: [['said', said.trimEnd().slice(-2000)]],
    next: 'nothing is left of it: its processes are gone, and so is their folder',
  })
}
