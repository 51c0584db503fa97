/** One plugin in a process of its own, driven by messages: the original may crash there and takes nothing along. */
import type { ModuleFolder } from './module-folder.js'
import { type Program, start } from './program.js'

export interface DriverEvent {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: what the plugin told, as JSON.
  readonly args: any[]
}

export interface Driver {
  readonly program: Program
  readonly events: readonly DriverEvent[]
  construct(options: object): Promise<void>
  /** Calls a method of the plugin. Rejects with an error of the same name and message. */
  // biome-ignore lint/suspicious/noExplicitAny: what the plugin returned, as JSON.
  call(method: string, ...args: unknown[]): Promise<any>
  answerRequests(answer: { ilp?: string; error?: string }): Promise<void>
  /** Rejections that nobody handled: each of them would have ended a process of today. */
  unhandled(): Promise<string[]>
  /** Resolves with the first event of this name (and transfer id) that was or will be told. */
  event(name: string, transferId?: string): Promise<DriverEvent>
}

export function startDriver(folder: ModuleFolder, env: Readonly<Record<string, string>> = {}): Driver {
  const program = start('driver.cjs', { cwd: folder.path, env })
  const events: DriverEvent[] = []
  const calls = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  let calledLast = 0
  program.process.prependListener('message', (message: Record<string, unknown>) => {
    if (typeof message.event === 'string') {
      events.push({ name: message.event, args: message.args as unknown[] })
      return
    }
    const call = calls.get(message.id as number)
    calls.delete(message.id as number)
    const failed = message.error as { name: string; message: string } | undefined
    if (failed === undefined) call?.resolve(message.result)
    else call?.reject(Object.assign(new Error(failed.message), { name: failed.name }))
  })
  program.process.once('close', () => {
    for (const { reject } of calls.values()) reject(new Error(`The driver has ended: ${program.stderr.slice(-2000)}`))
    calls.clear()
  })

  function ask(command: string, ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++calledLast
      calls.set(id, { resolve, reject })
      program.process.send({ id, command, args })
    })
  }

  return {
    program,
    events,
    construct: async (options) => void (await ask('construct', options)),
    call: (method, ...args) => ask('call', method, args),
    answerRequests: async (answer) => void (await ask('answerRequests', answer)),
    unhandled: () => ask('unhandled') as Promise<string[]>,
    async event(name, transferId) {
      const find = () =>
        events.find((event) => event.name === name && (transferId === undefined || event.args[0]?.id === transferId))
      await program.until(`the event ${name}`, () => find() !== undefined)
      return find()!
    },
  }
}
