/** The first thing that is wrong: what follows from it is of no interest. */
export interface Finding {
  /** Which rule, in a few words that are the same each time: a failure is the same failure by it. */
  readonly rule: string
  readonly detail: string
}

export class Findings {
  first: Finding | undefined

  add(rule: string, detail: string): void {
    this.first ??= { rule, detail }
  }

  /** Says so when something does not hold. */
  claim(holds: boolean, rule: string, detail: () => string): void {
    if (!holds) this.add(rule, detail())
  }
}
