/**
 * Connections between processes: messages arrive in their order, late, and not at all once the connection is gone. As
 * over TCP nothing is doubled, changed or passed over in the middle; what was sent before a connection ended may still
 * arrive, long after its sender has opened another one.
 */
import type { Process } from './process.js'
import type { Random } from './random.js'
import type { Timeline } from './timeline.js'
import type { Trace } from './trace.js'

export interface NetworkOptions {
  readonly timeline: Timeline
  readonly trace: Trace
  readonly random: Random
  /** One way, and up to so much more. */
  readonly latencyMs: number
  readonly jitterMs: number
}

/** One end of a connection, in one process. */
export interface End {
  readonly process: Process
  receive(message: unknown): void
  closed(code: number, reason: string): void
}

export type Side = 0 | 1

interface Way {
  /** The last arrival: nothing overtakes it. */
  lastAt: number
  /** Nothing arrives any more, and nobody is told. */
  isFrozen: boolean
  /** What would arrive after this is lost. */
  lostFrom: number
}

/** After so long without a word a connection is given up by both ends: heartbeats, or the system's own. */
const silenceMs = [45_000, 75_000] as const
/** How long a closing handshake is waited for. */
const closeTimeoutMs = 5_000

export class Network {
  /** Everything is so much slower, until then. */
  lag: { readonly until: number; readonly ms: number } | undefined
  readonly links = new Set<Link>()
  readonly options: NetworkOptions

  constructor(options: NetworkOptions) {
    this.options = options
  }

  latency(): number {
    const { random, latencyMs, jitterMs, timeline } = this.options
    const lag = this.lag !== undefined && timeline.now < this.lag.until ? this.lag.ms * random.next() : 0
    return latencyMs + jitterMs * random.next() ** 3 + lag
  }

  connect(name: string, kind: string, ends: readonly [End, End]): Link {
    const link = new Link(this, name, kind, ends)
    this.links.add(link)
    return link
  }

  /** What becomes of the connections of a process that is gone. A machine without power says nothing to anybody. */
  died(process: Process, isSilent: boolean): void {
    for (const link of this.links) {
      if (link.ends[0].process === process) link.abandon(0, isSilent)
      else if (link.ends[1].process === process) link.abandon(1, isSilent)
    }
  }
}

export class Link {
  readonly name: string
  readonly kind: string
  readonly ends: readonly [End, End]
  /** Milliseconds that this connection alone is slower, by the side that sends. */
  readonly delayMs: [number, number] = [0, 0]
  private readonly network: Network
  private readonly isOpen: [boolean, boolean] = [true, true]
  /** By the side that sends. */
  private readonly ways: readonly [Way, Way]

  constructor(network: Network, name: string, kind: string, ends: readonly [End, End]) {
    this.network = network
    this.name = name
    this.kind = kind
    this.ends = ends
    const way = (): Way => ({ lastAt: 0, isFrozen: false, lostFrom: Number.POSITIVE_INFINITY })
    this.ways = [way(), way()]
  }

  isOpenAt(side: Side): boolean {
    return this.isOpen[side] && this.ends[side].process.isAlive
  }

  /**
   * @param words - For the story.
   * @returns Whether it has left its process.
   */
  send(from: Side, message: unknown, words: () => string): boolean {
    if (!this.isOpen[from] || !this.ends[from].process.output()) return false
    const { trace, timeline } = this.network.options
    const who = this.ends[from].process.name
    if (this.ways[from].isFrozen) {
      trace.add(timeline.now, who, `→ ${this.name} (into nothing) ${words()}`)
      return true
    }
    trace.add(timeline.now, who, `→ ${this.name} ${words()}`)
    this.arrive(from, (end) => end.receive(message))
    return true
  }

  /** Says goodbye; what was sent before arrives before it. */
  close(from: Side, code: number, reason: string): void {
    if (!this.isOpen[from]) return
    this.isOpen[from] = false
    if (!this.ends[from].process.output()) return
    const { trace, timeline } = this.network.options
    trace.add(timeline.now, this.ends[from].process.name, `closes ${this.name} (${code}${reason && ` ${reason}`})`)
    const { isFrozen } = this.ways[from]
    const told = isFrozen ? closeTimeoutMs : this.arrive(from, (_end, to) => this.end(to, code, reason))
    timeline.after(told + (isFrozen ? 0 : this.network.latency()), this.ends[from].process, () => {
      this.ends[from].closed(code, reason)
      this.network.links.delete(this)
    })
  }

  /** Cuts the connection: each end learns of it in its own time, and loses what comes after that. */
  cut(): void {
    for (const side of [0, 1] as const) {
      const { timeline } = this.network.options
      const learns = this.network.latency()
      this.ways[side].lostFrom = Math.min(this.ways[side].lostFrom, timeline.now + this.network.latency())
      timeline.after(learns, this.ends[side].process, () => this.end(side, 1006, ''))
    }
  }

  /** Half open: one way or both lead nowhere, and nobody is told. */
  freeze(ways: readonly Side[]): void {
    const { timeline, random } = this.network.options
    for (const side of ways) this.ways[side].isFrozen = true
    for (const side of [0, 1] as const) {
      const silence = random.between(...silenceMs)
      timeline.after(silence, this.ends[side].process, () => this.end(side, 1006, 'no heartbeat'))
    }
  }

  /** One end is gone with its process. */
  abandon(side: Side, isSilent: boolean): void {
    if (!this.isOpen[side]) return
    this.isOpen[side] = false
    const { timeline, random } = this.network.options
    const other = side === 0 ? 1 : 0
    if (!isSilent) {
      this.arrive(side, (_end, to) => this.end(to, 1006, ''))
      return
    }
    // What had left the machine arrives; its peer hears no more until somebody answers for it, or nobody.
    this.ways[side].lostFrom = timeline.now + this.network.latency()
    const learns = random.chance(0.5) ? random.between(100, 5_000) : random.between(...silenceMs)
    timeline.after(learns, this.ends[other].process, () => this.end(other, 1006, ''))
  }

  /** @returns In how many milliseconds. */
  private arrive(from: Side, deliver: (end: End, to: Side) => void): number {
    const { timeline } = this.network.options
    const way = this.ways[from]
    const to = from === 0 ? 1 : 0
    const at = Math.max(way.lastAt, timeline.now + this.network.latency() + this.delayMs[from])
    way.lastAt = at
    timeline.after(at - timeline.now, this.ends[to].process, () => {
      if (this.isOpen[to] && !way.isFrozen && timeline.now < way.lostFrom) deliver(this.ends[to], to)
    })
    return at - timeline.now
  }

  private end(side: Side, code: number, reason: string): void {
    if (!this.isOpen[side]) return
    this.isOpen[side] = false
    const { trace, timeline } = this.network.options
    trace.add(timeline.now, this.ends[side].process.name, `sees ${this.name} end (${code}${reason && ` ${reason}`})`)
    if (!this.isOpen[0] && !this.isOpen[1]) this.network.links.delete(this)
    this.ends[side].closed(code, reason)
  }
}
