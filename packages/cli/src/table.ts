/** Aligned tables for the terminal. */

export interface Column {
  readonly title: string
  /** Numbers stand to the right, so that their digits line up. */
  readonly align?: 'left' | 'right'
}

/** Lines of equal columns, two spaces between them, no trailing spaces; each line ends with a line break. */
export function format(columns: readonly Column[], rows: ReadonlyArray<readonly string[]>): string {
  const lines = [columns.map((column) => column.title), ...rows]
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)))
  return lines
    .map((line) => {
      const cells = columns.map((column, i) => {
        const cell = line[i] ?? ''
        return column.align === 'right' ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)
      })
      return `${cells.join('  ').trimEnd()}\n`
    })
    .join('')
}
