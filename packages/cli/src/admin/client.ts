/** The other end of the operator's door: an `Operator` that asks the shop which holds the data folder. */
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import type { BackupBatch } from '@millstream/ledger-sqlite'
import { Instant } from '@millstream/units'
import type { ExitCode } from '../exit-code.js'
import { exitCodes } from '../exit-code.js'
import { Failure } from '../failure.js'
import type {
  AccountRow,
  BalanceRow,
  CheckRow,
  LedgerDescription,
  MovementRow,
  Operator,
  PruneRow,
  TransferRow,
} from '../operator.js'
import * as BackupStream from './backup-stream.js'
import * as SocketPath from './socket-path.js'

export interface RemoteOperator extends Operator {
  close(): Promise<void>
}

/** @returns `undefined` if no process answers in the folder: it may then be opened. */
export async function open(folder: string): Promise<RemoteOperator | undefined> {
  const socket = await SocketPath.resolve(folder)
  if (!(await answers(socket.path))) {
    await socket.release()
    return undefined
  }
  const agent = new Agent({ keepAlive: false })

  async function call(method: string, path: string, body?: object): Promise<IncomingMessage> {
    const outgoing = request({ socketPath: socket.path, method, path, agent })
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    let response: IncomingMessage
    try {
      ;[response] = (await once(outgoing, 'response')) as [IncomingMessage]
    } catch (cause) {
      throw brokenOff(cause)
    }
    if (response.statusCode === 200) return response
    throw refusal(await parsed(response))
  }

  async function* rows<Row>(path: string): AsyncGenerator<Row> {
    const response = await call('GET', path)
    let rest = ''
    try {
      // An answer that was cut off ends in an error: a list is never taken for whole when it is not.
      for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) yield JSON.parse(line) as Row
      }
    } catch (cause) {
      throw brokenOff(cause)
    }
  }

  async function* backup(): AsyncGenerator<BackupBatch> {
    const response = await call('GET', '/v1/backup')
    try {
      yield* BackupStream.decode(response)
    } catch (cause) {
      throw cause instanceof Failure ? cause : brokenOff(cause)
    }
  }

  return {
    describe: async () => (await parsed(await call('GET', '/v1/ledger'))) as LedgerDescription,
    check: async () => (await parsed(await call('GET', '/v1/check'))) as CheckRow,
    accounts: () => rows<AccountRow>('/v1/accounts'),
    transfers: (query) => {
      const { account, limit = 'none', from, to, oldestFirst = false } = query
      const search = new URLSearchParams({ limit: String(limit), order: oldestFirst ? 'oldest' : 'newest' })
      if (account !== undefined) search.set('account', account)
      if (from !== undefined) search.set('from', Instant.toIso(from))
      if (to !== undefined) search.set('to', Instant.toIso(to))
      return rows<TransferRow>(`/v1/transfers?${search}`)
    },
    balances: (at) => rows<BalanceRow>(`/v1/balances?${new URLSearchParams({ at: Instant.toIso(at) })}`),
    prune: async (before, dryRun) =>
      (await parsed(await call('POST', '/v1/prune', { before: Instant.toIso(before), dryRun }))) as PruneRow,
    backup,
    limit: async (account, creditLimit) =>
      (await parsed(await call('POST', '/v1/limit', { account, amount: String(creditLimit) }))) as AccountRow,
    fund: async (account, amount, reference) =>
      (await parsed(await call('POST', '/v1/fund', { account, amount: String(amount), reference }))) as MovementRow,
    withdraw: async (account, amount, reference) =>
      (await parsed(await call('POST', '/v1/withdraw', { account, amount: String(amount), reference }))) as MovementRow,
    close: async () => {
      agent.destroy()
      await socket.release()
    },
  }
}

async function parsed(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (cause) {
    throw brokenOff(cause)
  }
}

function refusal(value: unknown): Failure {
  const { code, exit, message, fields, next } = value as Failure & { readonly exit: ExitCode }
  return new Failure({ code, exit, message, fields, ...(next === undefined ? {} : { next }) })
}

function brokenOff(cause: unknown): Failure {
  return new Failure({
    code: 'ADMIN_BROKEN_OFF',
    exit: exitCodes.folder,
    message: 'The shop that holds the data folder stopped answering. What was asked may have been done, or not.',
    next: 'run the command again once the shop runs or has ended; the same --reference is counted only once',
    cause,
  })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const connection = connect(path)
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
    connection.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(false)
      else reject(notPermitted(error))
    })
  })
}

function notPermitted(cause: NodeJS.ErrnoException): Failure {
  return new Failure({
    code: 'FOLDER_NOT_PERMITTED',
    exit: exitCodes.folder,
    message: `The socket in the data folder cannot be opened (${cause.code ?? cause.message}). Nothing was done.`,
    next: 'run the command as the user that runs the shop',
    cause,
  })
}
