/**
 * The operator's door of a running shop: HTTP with JSON over a socket in the data folder that only the owner of the
 * folder may open. Whoever can connect may do everything, so there is no other authentication.
 *
 * | request              | body                           | answer                         |
 * | -------------------- | ------------------------------ | ------------------------------ |
 * | `GET /v1/ledger`     |                                | `LedgerDescription`            |
 * | `GET /v1/accounts`   |                                | an `AccountRow` on each line   |
 * | `GET /v1/transfers`  | query: `limit` (20; `none`), `account`, `from`, `to`, `order=oldest` | a `TransferRow` on each line |
 * | `GET /v1/balances`   | query: `at`                    | a `BalanceRow` on each line    |
 * | `GET /v1/backup`     |                                | parts, see backup-stream.ts    |
 * | `POST /v1/prune`     | `before`, `dryRun`             | `PruneRow`                     |
 * | `POST /v1/limit`     | `account`, `amount`            | `AccountRow`                   |
 * | `POST /v1/fund`      | `account`, `amount`, `reference` | `MovementRow`                |
 * | `POST /v1/withdraw`  | `account`, `amount`, `reference` | `MovementRow`                |
 * | `GET /v1/check`      |                                | `CheckRow`                     |
 *
 * A refusal is a status of 400 or more with the fields of a `Failure` as JSON.
 */
import { once } from 'node:events'
import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { exitCodes } from '../exit-code.js'
import { Failure, from as failureFrom } from '../failure.js'
import type { Operator, TransferQuery } from '../operator.js'
import * as Option from '../option.js'
import * as BackupStream from './backup-stream.js'
import * as SocketPath from './socket-path.js'

const bodyBytesMax = 16_384

export interface AdminServer {
  close(): Promise<void>
}

/**
 * Listens in `folder`. Called by the process that holds the folder; a socket that a dead process left there is replaced.
 *
 * @throws {Failure} Another process answers on the folder's socket.
 */
export async function listen(folder: string, operator: Operator): Promise<AdminServer> {
  const socket = await SocketPath.resolve(folder)
  const server = createServer((request, response) => {
    answer(operator, request, response).catch((error: unknown) => {
      // Headers that have gone cannot be taken back: the cut tells the client that the list is not whole.
      if (response.headersSent) response.destroy()
      else refuse(response, failureFrom(error))
    })
  })
  try {
    if (await isAnswered(socket.path)) throw folderInUse(folder)
    if (socket.file !== undefined) await rm(socket.file, { force: true })
    server.listen(socket.path)
    await once(server, 'listening')
    if (socket.file !== undefined) await chmod(socket.file, 0o600)
  } finally {
    await socket.release()
  }

  async function close(): Promise<void> {
    server.close()
    server.closeAllConnections()
    if (socket.file !== undefined) await rm(socket.file, { force: true })
  }

  return { close }
}

async function answer(operator: Operator, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://admin')
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /v1/ledger':
      return json(response, await operator.describe())
    case 'GET /v1/check':
      return json(response, await operator.check())
    case 'GET /v1/accounts':
      return lines(response, operator.accounts())
    case 'GET /v1/transfers':
      return lines(response, operator.transfers(checked(() => transferQuery(url.searchParams))))
    case 'GET /v1/balances':
      return lines(response, operator.balances(checked(() => Option.time(url.searchParams.get('at') ?? ''))))
    case 'GET /v1/backup':
      return bytes(response, BackupStream.encode(operator.backup()))
    case 'POST /v1/prune': {
      const { before, dryRun } = (await jsonBody(request)) as { readonly before?: unknown; readonly dryRun?: unknown }
      if (typeof dryRun !== 'boolean') throw badRequest('dryRun is not true or false.')
      return json(
        response,
        await operator.prune(
          checked(() => Option.time(String(before))),
          dryRun,
        ),
      )
    }
    case 'POST /v1/limit': {
      const { account, amount } = await movement(request)
      return json(response, await operator.limit(account, amount))
    }
    case 'POST /v1/fund': {
      const { account, amount, reference } = await movement(request)
      return json(
        response,
        await operator.fund(
          account,
          amount,
          checked(() => Option.reference(reference)),
        ),
      )
    }
    case 'POST /v1/withdraw': {
      const { account, amount, reference } = await movement(request)
      return json(
        response,
        await operator.withdraw(
          account,
          amount,
          checked(() => Option.reference(reference)),
        ),
      )
    }
    default:
      throw badRequest('There is no such request.')
  }
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function transferQuery(search: URLSearchParams): TransferQuery {
  const limit = search.get('limit') ?? '20'
  const [account, from, to] = ['account', 'from', 'to'].map((name) => search.get(name))
  return {
    oldestFirst: search.get('order') === 'oldest',
    ...(limit === 'none' ? {} : { limit: Option.count(limit) }),
    ...(account == null ? {} : { account: Option.account(account) }),
    ...(from == null ? {} : { from: Option.time(from) }),
    ...(to == null ? {} : { to: Option.time(to) }),
  }
}

/** Rows go out some hundred at a time: a write for each would cost more than the row. */
const textCharactersMin = 65_536

async function bytes(response: ServerResponse, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]()
  // The first part decides whether this is a backup or a refusal.
  let chunk = await iterator.next()
  response.writeHead(200, { 'content-type': 'application/octet-stream' })
  const all = async function* () {
    try {
      for (; chunk.done !== true; chunk = await iterator.next()) yield chunk.value
    } finally {
      await iterator.return?.()
    }
  }
  await pipeline(Readable.from(all()), response)
}

async function lines(response: ServerResponse, rows: AsyncIterable<unknown>): Promise<void> {
  const iterator = rows[Symbol.asyncIterator]()
  // The first row decides whether this is a list or a refusal.
  let row = await iterator.next()
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  const text = async function* () {
    let lines = ''
    try {
      for (; row.done !== true; row = await iterator.next()) {
        lines += `${JSON.stringify(row.value)}\n`
        if (lines.length < textCharactersMin) continue
        yield lines
        lines = ''
      }
      if (lines !== '') yield lines
    } finally {
      await iterator.return?.()
    }
  }
  await pipeline(Readable.from(text()), response)
}

async function movement(request: IncomingMessage) {
  const body = new Map(Object.entries(await jsonBody(request)))
  const text = (name: string) => {
    const value = body.get(name) ?? ''
    return typeof value === 'string' ? value : badField(name)
  }
  const account = checked(() => Option.account(text('account')))
  return { account, amount: checked(() => Option.amount(text('amount'))), reference: text('reference') }
}

async function jsonBody(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) throw badRequest('The body is too long.')
    chunks.push(chunk)
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Said below: whatever is not an object of JSON is the same mistake.
  }
  throw badRequest('The body is not an object of JSON.')
}

function refuse(response: ServerResponse, failure: Failure): void {
  const { code, exit, message, fields, next } = failure
  const status = exit === exitCodes.usage ? 400 : exit === exitCodes.refused ? 409 : 500
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ code, exit, message, fields, next }))
}

function checked<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error))
  }
}

function badField(name: string): never {
  throw badRequest(`${name} is not text.`)
}

function badRequest(message: string): Failure {
  return new Failure({ code: 'ADMIN_BAD_REQUEST', exit: exitCodes.usage, message })
}

function folderInUse(folder: string): Failure {
  return new Failure({
    code: 'FOLDER_IN_USE',
    exit: exitCodes.folder,
    message: `Another shop is running on the data folder ${folder}. Nothing was started.`,
    next: 'stop that one, or give this one a folder of its own with --data',
  })
}

/** A socket that nobody answers was left by a process that died. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(path)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}
