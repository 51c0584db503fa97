/** The URL of a database, whose password must not come up anywhere. */
import { MillstreamError } from '@millstream/units'

export interface DatabasePlace {
  /** What `pg` connects to. */
  readonly connectionString: string
  /** Host, port and database in words: for messages. */
  readonly name: string
  /** Takes what is secret in the URL out of a text. */
  conceal(text: string): string
}

/**
 * @throws {PostgresUrlError} It is not the URL of a PostgreSQL.
 */
export function placeOf(url: string): DatabasePlace {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    // The error of `URL` has the text in it.
    throw new PostgresUrlError()
  }
  if (parsed.protocol !== 'postgres:' && parsed.protocol !== 'postgresql:') throw new PostgresUrlError()
  const host = parsed.searchParams.get('host') ?? (parsed.hostname === '' ? 'localhost' : parsed.hostname)
  const port = parsed.port === '' ? '' : `:${parsed.port}`
  const secrets = [parsed.password, decoded(parsed.password), parsed.searchParams.get('password') ?? '']
    .filter((secret) => secret !== '')
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
  return {
    connectionString: url,
    name: `${host}${port}${parsed.pathname === '/' ? '' : parsed.pathname}`,
    conceal: (text) => secrets.reduce((concealed, secret) => concealed.replaceAll(secret, '***'), text),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export class PostgresUrlError extends MillstreamError {
  override readonly name = 'LedgerPostgres.PostgresUrlError'
  readonly code = 'LEDGER_POSTGRES_URL'
  constructor() {
    super(
      'The address of the database cannot be read: postgres://USER:PASSWORD@HOST:PORT/DATABASE is expected, with ' +
        'special characters of the password in percent encoding. Nothing was done.',
    )
  }
}
