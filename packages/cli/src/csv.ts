/**
 * Comma-separated values as RFC 4180 has them: CRLF after each line, quotes where they are needed, quotes doubled.
 *
 * Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula, and account names, addresses and
 * references are chosen by others. A text cell that could be taken for one, or that begins with an apostrophe, gets an
 * apostrophe in front, which a spreadsheet shows or hides and does not calculate: a program takes exactly one away from
 * a text cell that begins with one. Numbers are ours and stay as they are.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4180
 * @see https://owasp.org/www-community/attacks/CSV_Injection
 */

export type Cell = { readonly text: string } | { readonly number: string } | undefined

/** Also behind white space, which some programs cut off, and in the wide forms that some take for the narrow ones. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose.
const formula = /^[\s\u0000-\u001f]*[=+\-@'\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/

export function line(cells: readonly Cell[]): string {
  return `${cells.map(format).join(',')}\r\n`
}

function format(cell: Cell): string {
  if (cell === undefined) return ''
  if ('number' in cell) return cell.number
  const text = formula.test(cell.text) ? `'${cell.text}` : cell.text
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
