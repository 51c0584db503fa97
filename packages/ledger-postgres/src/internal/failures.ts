/** What an error of the database or of the way to it means for what was asked. */

export type FailureKind =
  /** The connection is gone or of no use: what was under way may have happened or not. */
  | 'lost'
  /** The statement was undone and may well succeed when tried again. */
  | 'undone'
  /** A unique name or reference was taken by somebody else meanwhile; the statement was undone. */
  | 'taken'
  /** Trying again would not help. */
  | 'final'

/** Thrown by our own side when an answer has not come in time. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
  constructor(ms: number) {
    super(`no answer within ${ms} ms`)
  }
}

/** The connection was lost between two statements of a transaction. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
  constructor() {
    super('the connection was lost')
  }
}

/** A COMMIT was answered by a ROLLBACK. */
export class TransactionUndoneError extends Error {
  override readonly name = 'TransactionUndoneError'
  constructor() {
    super('the transaction was undone')
  }
}

// PostgreSQL, Appendix A: 08 connection, 53 resources, 57P01 to 57P03 and 57P05 shutdown, starting up, idle for too
// long, 25006 a server that only reads (another one took over).
const lostCodes = /^(08...|57P0[1235]|53300|25006)$/
// 40001 serialization, 40P01 deadlock, 55P03 lock not available, 57014 canceled or timed out, 53 resources, 25P02 and
// 25P03 a transaction that failed or was ended.
const undoneCodes = /^(40001|40P01|40003|55P03|57014|53...|25P0[23]|55006)$/
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNABORTED',
])

export function kindOf(error: unknown): FailureKind {
  if (error instanceof NoAnswerError || error instanceof ConnectionLostError) return 'lost'
  if (error instanceof TransactionUndoneError) return 'undone'
  const code = codeOf(error)
  if (code === undefined) return isConnectionMessage(error) ? 'lost' : 'final'
  if (networkCodes.has(code) || lostCodes.test(code)) return 'lost'
  if (code === '23505') return 'taken'
  if (undoneCodes.test(code)) return 'undone'
  return 'final'
}

export function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** `pg` has no codes for these. */
function isConnectionMessage(error: unknown): boolean {
  const message = error instanceof Error ? error.message : ''
  return /Connection terminated|Connection ended|not queryable|timeout expired|closed the connection|Client was closed|timeout exceeded when trying to connect/i.test(
    message,
  )
}

export function describe(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return describe(error.errors[0])
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  return code === undefined || message.includes(code) ? message : `${message} (${code})`
}
