/**
 * SIGINT and SIGTERM as promises: the first asks to end well, the second to end at once. Others are left alone: under
 * `nohup` a listener for SIGHUP would bring back what was switched off.
 */

export interface Signals {
  readonly first: Promise<NodeJS.Signals>
  readonly second: Promise<NodeJS.Signals>
  /** Gives the signals back to their default, which ends the process. */
  close(): void
}

const asked = ['SIGINT', 'SIGTERM'] as const

export function listen(names: readonly NodeJS.Signals[] = asked): Signals {
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
