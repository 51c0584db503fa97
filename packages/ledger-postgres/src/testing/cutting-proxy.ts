/** A way to the database that breaks when and how a test wants it to. */
import { connect, createServer, type Socket } from 'node:net'

export type Cut =
  /** What the host says next does not arrive. */
  | 'before'
  /** It arrives and is answered, but the answer is lost. */
  | 'answer'
  /**
   * The host is cut off; what it said arrives at the worst moment: when the host has made sure that it has not arrived,
   * and before it hears so.
   */
  | 'late'

export interface CuttingProxy {
  readonly url: string
  /** The next time that the host says something with this in it, the connection breaks in this way. */
  cutNext(how: Cut, text: string): Promise<void>
  /** How often what was said late has arrived. */
  readonly arrivedLate: number
  /** Takes no connections, and breaks those that are there. */
  block(): void
  unblock(): void
  close(): void
}

export async function openCuttingProxy(url: string): Promise<CuttingProxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let isBlocked = false
  let next: { readonly how: Cut; readonly text: string; readonly done: () => void } | undefined
  let late: (() => Promise<void>) | undefined
  let arrivedLate = 0

  const server = createServer((host) => {
    if (isBlocked) return host.destroy()
    const database = connect(Number(target.port), target.hostname)
    for (const socket of [host, database]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    }
    let isCut = false
    let isSettling = false
    host.on('data', (said) => {
      isSettling = late !== undefined && said.includes('settle_group')
      if (next === undefined || !said.includes(next.text) || isCut) {
        database.write(said)
        return
      }
      const { how, done } = next
      next = undefined
      isCut = true
      if (how === 'before') {
        host.destroy()
        database.destroy()
        done()
      } else if (how === 'answer') {
        database.write(said)
        database.once('data', () => {
          host.destroy()
          database.destroy()
          done()
        })
      } else {
        host.destroy()
        late = () =>
          new Promise((resolve) => {
            database.once('data', () => resolve())
            database.once('close', () => resolve())
            database.write(said)
          })
        done()
      }
    })
    database.on('data', (answer) => {
      if (isCut) return
      const arrive = isSettling ? late : undefined
      if (arrive === undefined) {
        host.write(answer)
        return
      }
      late = undefined
      void arrive().then(() => {
        arrivedLate += 1
        host.write(answer)
      })
    })
    host.on('close', () => {
      if (!isCut) database.destroy()
    })
    database.on('close', () => host.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  const own = new URL(url)
  own.port = String(port)
  const breakAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: own.href,
    cutNext: (how, text) =>
      new Promise((done) => {
        next = { how, text, done }
      }),
    get arrivedLate() {
      return arrivedLate
    },
    block() {
      isBlocked = true
      breakAll()
    },
    unblock() {
      isBlocked = false
    },
    close() {
      breakAll()
      server.close()
    },
  }
}
