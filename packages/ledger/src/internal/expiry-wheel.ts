/**
 * Finds what is due without a timer for each hold: a wheel of one place for each of the next 1,024 milliseconds, and a
 * list for each later span of that length, which is dealt out when its time comes. Adding, removing and finding nothing
 * due cost the same however many holds are open and whatever their expiry.
 */

/** An element of a ring; a ring without elements is its own neighbour. */
export class Link {
  next: Link = this
  previous: Link = this
}

export class TimedLink extends Link {
  readonly expiresAt: number
  constructor(expiresAt: number) {
    super()
    this.expiresAt = expiresAt
  }
}

const spanMs = 1024
/** Empty lists of later spans are thrown away beyond this many. */
const spansKept = 4096

export class ExpiryWheel<Timed extends TimedLink> {
  readonly #places: readonly Link[] = Array.from({ length: spanMs }, () => new Link())
  readonly #later = new Map<number, Link>()
  #span = 0
  /** Everything up to this millisecond has been taken out. */
  #done = 0
  #size = 0
  #lastSpan = -1
  #lastRing = new Link()

  /** Puts a hold in; one that is due already comes out with the next `advance`. */
  add(timed: Timed): void {
    const due = Math.max(timed.expiresAt, this.#done + 1)
    const span = Math.floor(due / spanMs)
    append(span === this.#span ? this.#places[due % spanMs]! : this.#ring(span), timed)
    this.#size += 1
  }

  remove(timed: Timed): void {
    unlink(timed)
    this.#size -= 1
  }

  /** Takes out everything that is due at `now`, in the order of expiry, and calls `due` with it. */
  advance(now: number, due: (timed: Timed) => void): void {
    if (now <= this.#done) return
    const span = Math.floor(now / spanMs)
    if (this.#size === 0) {
      this.#span = span
      this.#done = now
      if (this.#later.size > 0) this.#later.clear()
      this.#lastSpan = -1
      return
    }
    if (span === this.#span) {
      this.#drainPlaces(now, due)
      return
    }
    this.#drainPlaces((this.#span + 1) * spanMs - 1, due)
    for (const passed of this.#spansBefore(span)) this.#drainRing(passed, due)
    this.#span = span
    this.#done = Math.max(this.#done, span * spanMs - 1)
    const ring = this.#later.get(span)
    if (ring !== undefined) {
      this.#forgetSpan(span)
      for (const timed of elements<Timed>(ring)) {
        unlink(timed)
        append(this.#places[Math.max(timed.expiresAt, this.#done + 1) % spanMs]!, timed)
      }
    }
    this.#drainPlaces(now, due)
  }

  #drainPlaces(until: number, due: (timed: Timed) => void): void {
    for (let ms = this.#done + 1; ms <= until; ms++) {
      const place = this.#places[ms % spanMs]!
      while (place.next !== place) this.#takeOut(place.next as Timed, due)
    }
    this.#done = until
  }

  #drainRing(span: number, due: (timed: Timed) => void): void {
    const ring = this.#later.get(span)!
    this.#forgetSpan(span)
    for (const timed of elements<Timed>(ring).sort((a, b) => a.expiresAt - b.expiresAt)) this.#takeOut(timed, due)
  }

  #takeOut(timed: Timed, due: (timed: Timed) => void): void {
    unlink(timed)
    this.#size -= 1
    due(timed)
  }

  #spansBefore(span: number): number[] {
    return [...this.#later.keys()].filter((other) => other < span).sort((a, b) => a - b)
  }

  #ring(span: number): Link {
    if (span === this.#lastSpan) return this.#lastRing
    let ring = this.#later.get(span)
    if (ring === undefined) {
      if (this.#later.size >= spansKept) {
        for (const [other, { next }] of this.#later) if (next === this.#later.get(other)) this.#forgetSpan(other)
      }
      ring = new Link()
      this.#later.set(span, ring)
    }
    this.#lastSpan = span
    this.#lastRing = ring
    return ring
  }

  #forgetSpan(span: number): void {
    this.#later.delete(span)
    if (this.#lastSpan === span) this.#lastSpan = -1
  }
}

function append(ring: Link, link: Link): void {
  const last = ring.previous
  link.previous = last
  link.next = ring
  last.next = link
  ring.previous = link
}

function unlink(link: Link): void {
  link.previous.next = link.next
  link.next.previous = link.previous
  link.next = link
  link.previous = link
}

function elements<Timed extends TimedLink>(ring: Link): Timed[] {
  const found: Timed[] = []
  for (let link = ring.next; link !== ring; link = link.next) found.push(link as Timed)
  return found
}
