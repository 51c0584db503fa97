/**
 * Exit codes, the one table of them. A program that starts `millstream` can act on these without reading any words.
 *
 * 0 means that what was asked for is done and that no money is in doubt: a payer that stopped at its budget, at its
 * number of pieces, at the end of the content, because its reader closed the pipe, or at Ctrl-C, is done.
 */
export const exitCodes = {
  done: 0,
  bug: 1,
  usage: 2,
  limits: 3,
  money: 4,
  shop: 5,
  ledger: 6,
  content: 7,
  unresolved: 8,
  folder: 9,
  check: 10,
  address: 11,
  refused: 12,
  database: 13,
  interrupted: 130,
} as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const meanings: ReadonlyArray<readonly [ExitCode, string]> = [
  [exitCodes.done, 'done; no payment is in doubt'],
  [exitCodes.bug, 'an error that nobody foresaw: please report it'],
  [exitCodes.usage, 'the command line is wrong; nothing was done'],
  [exitCodes.limits, 'a limit of yours refuses the price, asset, ledger or payee; nothing more was paid'],
  [exitCodes.money, 'the account has no money or credit left; what was paid is in the summary'],
  [exitCodes.shop, 'the shop cannot be reached, or what it answers cannot be paid for'],
  [exitCodes.ledger, 'the ledger cannot be reached, or it refuses the account'],
  [exitCodes.content, 'the content broke off before its end'],
  [exitCodes.unresolved, 'the outcome of payments is not known; they may have been paid'],
  [exitCodes.folder, 'a data folder cannot be used: in use, missing, damaged, newer, full or not permitted'],
  [exitCodes.check, 'the books do not hold: `ledger check` found faults'],
  [exitCodes.address, 'an address to listen on cannot be used'],
  [exitCodes.refused, 'the ledger refused what the operator asked for; nothing was changed'],
  [exitCodes.database, 'the database of the ledger cannot be used: away, closed to this user, of another version'],
  [exitCodes.interrupted, 'ended at once by a second signal; nothing was in flight'],
]

/** The table as `millstream --help` prints it: one line for each code. */
export function formatTable(): string {
  return meanings.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`).join('\n')
}

/** What the errors of our packages mean to whoever started the command, by their code or the beginning of it. */
const exitsOfCodes: ReadonlyArray<readonly [prefix: string, exit: ExitCode]> = [
  ['PAY_LIMITS_', exitCodes.limits],
  ['PAY_PRICE_ABOVE_LIMIT', exitCodes.limits],
  ['PAY_ASSET_NOT_ALLOWED', exitCodes.limits],
  ['PAY_BUDGET_BELOW_PRICE', exitCodes.limits],
  ['PAY_RISK_BELOW_PRICE', exitCodes.limits],
  ['PAY_PAYEE_ELSEWHERE', exitCodes.limits],
  ['PAY_ENDPOINT_REFUSED', exitCodes.limits],
  ['PAY_ENDPOINT_MISSING', exitCodes.ledger],
  ['PAY_LEDGER_REFUSED', exitCodes.money],
  ['PAY_LEDGER_REJECTED', exitCodes.ledger],
  ['PAY_CONTENT_BROKEN', exitCodes.content],
  ['PAY_NOT_DELIVERED', exitCodes.content],
  ['PAY_ACCOUNT_ENDED', exitCodes.ledger],
  ['PAY_BOOK_FAILED', exitCodes.folder],
  ['PAY_ADDRESS_IN_USE', exitCodes.folder],
  ['PAY_ACCOUNT_IN_USE', exitCodes.folder],
  ['PAY_KEY_', exitCodes.folder],
  ['PAY_STATE_', exitCodes.folder],
  ['PAY_LOCK_', exitCodes.folder],
  // Whatever else a payer meets is something that the shop said or did not say.
  ['PAY_', exitCodes.shop],
  ['BTP_LISTEN', exitCodes.address],
  ['BTP_', exitCodes.ledger],
  ['LEDGER_POSTGRES_URL', exitCodes.usage],
  ['LEDGER_DATABASE_', exitCodes.database],
  ['LEDGER_SCHEMA_', exitCodes.database],
  ['LEDGER_MIGRATION', exitCodes.database],
  ['LEDGER_HOST_REPLACED', exitCodes.database],
  ['LEDGER_', exitCodes.folder],
  ['XRP_SEED', exitCodes.usage],
  ['XRP_NOT_FUNDED', exitCodes.money],
  ['XRP_ACCOUNT_NOT_FUNDED', exitCodes.money],
  ['XRP_OUTCOME_UNKNOWN', exitCodes.unresolved],
  ['XRP_STORE_', exitCodes.folder],
  ['XRP_OTHER_', exitCodes.folder],
  ['XRP_', exitCodes.ledger],
  ['CONTENT_', exitCodes.content],
  ['FOLDER_', exitCodes.folder],
]

export function ofCode(code: string): ExitCode {
  return exitsOfCodes.find(([prefix]) => code.startsWith(prefix))?.[1] ?? exitCodes.bug
}
