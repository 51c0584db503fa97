/** SIGINT and SIGTERM as promises: the first asks to end well, the second to end at once. */

export interface Signals {
  readonly first: Promise<NodeJS.Signals>
  readonly second: Promise<NodeJS.Signals>
  /** Gives the signals back to their default, which ends the process. */
  close(): void
}

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

export function listen(): Signals {
  const resolvers: Array<(name: NodeJS.Signals) => void> = []
  const [first, second] = [0, 1].map(() => new Promise<NodeJS.Signals>((resolve) => resolvers.push(resolve)))
  const note = (name: NodeJS.Signals) => resolvers.shift()?.(name)
  for (const name of names) process.on(name, note)
  return {
    first: first!,
    second: second!,
    close: () => {
      for (const name of names) process.off(name, note)
    },
  }
}
