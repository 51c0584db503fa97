/**
 * What happened, in order: as a hash, which two runs of one seed must agree on, and, when a person will read it, as
 * lines.
 */
import { hashText } from './random.js'

export class Trace {
  private high = 0
  private low = 0
  private count = 0
  readonly lines: string[] | undefined

  constructor(keepsLines: boolean) {
    this.lines = keepsLines ? [] : undefined
  }

  add(at: number, who: string, what: string): void {
    this.count++
    const line = `${at.toFixed(3)} ${who} ${what}`
    this.low = hashText(line, this.low)
    this.high = hashText(line, this.high ^ this.low ^ this.count)
    this.lines?.push(`${(at / 1000).toFixed(3).padStart(9)}s  ${who.padEnd(9)} ${what}`)
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return [this.high, this.low].map((half) => half.toString(16).padStart(8, '0')).join('')
  }
}
