import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { hashes } from '@millstream/hashes'
import { expect, it } from 'vitest'
import {
  DatabaseUnreachableError,
  ForeignSchemaError,
  MigrationError,
  migrate,
  NewerSchemaError,
  OlderSchemaError,
  openPostgres,
  PostgresUrlError,
  SchemaNameError,
} from './index.js'
import { usePostgres } from './testing/index.js'

const postgres = await usePostgres()
const { server } = postgres

postgres.describe('the schema', () => {
  it('is made once, by however many do it at the same time', async () => {
    const url = await server.createDatabase()
    const program = `
      const { migrate } = await import('@millstream/ledger-postgres')
      console.log((await migrate({ url: ${JSON.stringify(url)} })).from)`
    const said = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
          stdio: ['ignore', 'pipe', 'inherit'],
          cwd: import.meta.dirname,
        })
        let text = ''
        child.stdout.on('data', (chunk) => {
          text += chunk
        })
        await once(child, 'close')
        return text.trim()
      }),
    )
    expect(said.sort()).toEqual(['0', '1', '1', '1'])
    expect(await migrate({ url })).toEqual({ from: 1, to: 1 })
    const { ledger, close } = await openPostgres({ url, hashes, migrate: false })
    expect(await ledger.check()).toMatchObject({ ok: true, accounts: 4 })
    await close()
  })

  it('has a name that can be chosen, so that two ledgers fit into one database', async () => {
    const url = await server.createDatabase()
    const first = await openPostgres({ url, hashes, schema: 'first' })
    const second = await openPostgres({ url, hashes, schema: 'second' })
    await first.ledger.apply([{ type: 'open', name: 'alice', kind: 'named', creditLimit: 1n }]).durable
    expect(await first.ledger.find('alice')).toMatchObject({ creditLimit: 1n })
    expect(await second.ledger.find('alice')).toBeUndefined()
    await first.close()
    await second.close()
    for (const schema of ['', 'Big', 'a"b', 'pg_mine', '1st', 'a'.repeat(64)]) {
      await expect(openPostgres({ url, hashes, schema })).rejects.toThrow(SchemaNameError)
    }
  })

  it('of a later version is left alone, and so is one that is something else', async () => {
    const url = await server.createDatabase()
    await expect(openPostgres({ url, hashes, migrate: false })).rejects.toThrow(OlderSchemaError)
    await migrate({ url })
    await server.query("UPDATE millstream.meta SET value = '99' WHERE name = 'schema_version'", [], url)
    for (const option of [true, false]) {
      await expect(openPostgres({ url, hashes, migrate: option })).rejects.toThrow(NewerSchemaError)
    }
    await expect(migrate({ url })).rejects.toThrow(/is of version 99, made by a later program/)
    await server.query('CREATE SCHEMA other', [], url)
    await server.query('CREATE TABLE other.meta (name text, value text)', [], url)
    await expect(migrate({ url, schema: 'other' })).rejects.toThrow(ForeignSchemaError)
  })

  it('needs a user who may make it, and says which address was tried without its secrets', async () => {
    const url = await server.createDatabase()
    const name = `poor_${Date.now()}`
    await server.query(`CREATE USER ${name} PASSWORD 'geheim/1234567'`)
    const poor = new URL(url)
    poor.username = name
    poor.password = encodeURIComponent('geheim/1234567')
    const refused = await migrate({ url: poor.href }).catch((error) => error)
    expect(refused).toBeInstanceOf(MigrationError)
    expect(refused.message).toContain(`${poor.host}${poor.pathname}`)
    poor.password = 'wrongsecret'
    const unknown = await openPostgres({ url: poor.href, hashes }).catch((error) => error)
    expect(unknown).toBeInstanceOf(DatabaseUnreachableError)
    const nowhere = await migrate({ url: 'postgres://u:wrongsecret@127.0.0.1:1/x' }).catch((error) => error)
    expect(nowhere.message).toMatch(/The database 127.0.0.1:1\/x cannot be used: .*ECONNREFUSED/)
    const garbled = await migrate({ url: 'postgres://u:wrongsecret@[/x' }).catch((error) => error)
    expect(garbled).toBeInstanceOf(PostgresUrlError)
    await expect(migrate({ url: 'https://example.com/' })).rejects.toThrow(PostgresUrlError)
    for (const error of [refused, unknown, nowhere, garbled]) {
      const everything = `${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`
      expect(everything).not.toMatch(/geheim|wrongsecret/)
    }
  })
})

it('cannot be read from a URL that is none', async () => {
  await expect(migrate({ url: 'not a url' })).rejects.toThrow(/postgres:\/\/USER:PASSWORD@HOST/)
})
