/**
 * The payer's meter: how far it is, on stderr, while the content goes to stdout.
 *
 * On a terminal it is one live line, redrawn at most ten times a second and cleared at the end. Where the content goes
 * to the same terminal, the line has the bottom row for itself and the content scrolls above it. Elsewhere (a file, a
 * log) it is a plain line now and then.
 */
import type { Asset } from '@millstream/units'
import * as Money from './money.js'

export interface Progress {
  readonly pieces: number
  readonly paid: bigint
  /** What may still be spent; absent where nothing bounds it. */
  readonly left?: bigint
}

export interface MeterOptions {
  readonly write: (text: string) => void
  /** `line`: a line of its own; `bottom`: the last row, below content; `plain`: no terminal; `none`: nothing. */
  readonly style: 'line' | 'bottom' | 'plain' | 'none'
  /** Milliseconds that only grow. */
  readonly now: () => number
  /** What is being counted: `letter`, `line`, `bytes:1024`. */
  readonly unit: string
  readonly asset: Asset
  /** Size of the terminal at this moment. */
  readonly size?: () => { readonly columns: number; readonly rows: number }
}

const redrawMs = 100
const plainFirstMs = 5_000
const plainEveryMs = 30_000
/** The rate is measured over the last two seconds. */
const rateSpanMs = 2_000

export interface Meter {
  /** Cheap enough for every chunk of content: most calls only look at the clock. */
  update(progress: Progress): void
  /** Clears the live line, so that what is printed next begins on a line of its own. */
  end(): void
}

export function create(options: MeterOptions): Meter {
  const { write, style, now, unit, asset } = options
  const size = options.size ?? (() => ({ columns: 80, rows: 24 }))
  const samples: Array<readonly [at: number, pieces: number]> = [[now(), 0]]
  let nextAt = style === 'plain' ? now() + plainFirstMs : now()
  let reservedRows = 0
  let shown = false

  function update(progress: Progress): void {
    const at = now()
    if (style === 'none' || at < nextAt) return
    nextAt = at + (style === 'plain' ? plainEveryMs : redrawMs)
    const text = line(progress, rate(at, progress.pieces))
    if (style === 'plain') write(`${text}\n`)
    else if (style === 'line') write(`\r${clipped(text)}\u001b[K`)
    else bottom(text)
    shown = true
  }

  function end(): void {
    if (!shown || style === 'plain' || style === 'none') return
    shown = false
    if (style === 'line') write('\r\u001b[K')
    // Gives the whole screen back to the content and clears the last row; the cursor stays at the end of the content.
    else write(`\u001b7\u001b[r\u001b[${reservedRows};1H\u001b[K\u001b8`)
    reservedRows = 0
  }

  /** Draws into the last row, which is kept out of the scrolling region; the cursor of the content stays where it is. */
  function bottom(text: string): void {
    const { rows } = size()
    let reserve = ''
    if (rows !== reservedRows) {
      // Down and up again makes room if the cursor stands in the last row, and keeps its column; setting the region moves
      // the cursor, hence 7 and 8.
      reserve = `\u001bD\u001b[A\u001b7\u001b[1;${rows - 1}r\u001b8`
      reservedRows = rows
    }
    write(`${reserve}\u001b7\u001b[${rows};1H${clipped(text)}\u001b[K\u001b8`)
  }

  function rate(at: number, pieces: number): number {
    samples.push([at, pieces])
    while (samples.length > 2 && at - samples[1]![0] >= rateSpanMs) samples.shift()
    const [firstAt, firstPieces] = samples[0]!
    return at > firstAt ? ((pieces - firstPieces) * 1000) / (at - firstAt) : 0
  }

  function line(progress: Progress, perSecond: number): string {
    const left = progress.left === undefined ? '' : `   left ${progress.left}`
    return `${pieces(progress.pieces, unit)}   paid ${Money.format(progress.paid, asset)}   ${formatRate(perSecond)}${left}`
  }

  function clipped(text: string): string {
    return text.slice(0, Math.max(1, size().columns - 1))
  }

  return { update, end }
}

/** `1 letter`, `34 letters`, `3 pieces of 1024 bytes`. */
export function pieces(count: number | bigint, unit: string): string {
  const one = count === 1 || count === 1n
  const bytes = /^bytes:(\d+)$/.exec(unit)
  if (bytes !== null)
    return `${count} ${one ? 'piece' : 'pieces'} of ${bytes[1]} ${bytes[1] === '1' ? 'byte' : 'bytes'}`
  const word = unit === 'letter' || unit === 'line' || unit === 'event' ? unit : 'piece'
  return `${count} ${word}${one ? '' : 's'}`
}

/** One digit after the point below 100, none above. */
export function formatRate(perSecond: number): string {
  return `${perSecond < 100 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`
}
