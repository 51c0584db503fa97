import { describe, expect, it } from 'vitest'
import * as Options from './options.js'
import { info, memoryStore, prefix } from './testing/programs.js'

const asServer = { prefix, info }

describe('the options of the plugin', () => {
  it('of the tutorial are taken', async () => {
    const settings = Options.parse({
      listener: { port: 9000 },
      incomingSecret: '',
      maxBalance: '1000000000',
      prefix,
      info,
      _store: memoryStore(),
    })
    expect(settings).toMatchObject({
      server: undefined,
      listener: { port: 9000, tls: undefined },
      balanceMax: 1_000_000_000n,
      balanceMin: undefined,
      prefix,
      info,
    })
    expect(settings.authCheck('', '')).toBe(true)
    expect(settings.authCheck('bob', '')).toBe(false)
    expect(settings.authCheck('', 'x')).toBe(false)
  })

  it.each([
    ['nothing', undefined],
    ['no server and no info', { prefix }],
    ['no server and no prefix', { info: {} }],
    ['a server that is no text', { server: 7 }],
    ['a prefix without a dot at its end', { server: 'btp+ws://:@x/', prefix: 'g.x' }],
    ['an info of another prefix', { prefix, info: { ...info, prefix: 'g.other.' } }],
    ['an info with a scale that is none', { prefix, info: { ...info, currencyScale: 1.5 } }],
    ['a store without methods', { ...asServer, maxBalance: '1', _store: {} }],
    ['a store and no maxBalance', { ...asServer, _store: memoryStore() }],
    ['a maxBalance that is a number', { ...asServer, _store: memoryStore(), maxBalance: 7 }],
    ['a maxBalance with a fraction', { ...asServer, _store: memoryStore(), maxBalance: '1.5' }],
    ['a maxBalance below 0', { ...asServer, _store: memoryStore(), maxBalance: '-1' }],
    ['a minBalance above 0', { ...asServer, _store: memoryStore(), maxBalance: '1', minBalance: '1' }],
    ['a listener that is a port', { ...asServer, listener: 9000 }],
    ['a port that is none', { ...asServer, listener: { port: 70_000 } }],
    ['a certificate without a key', { ...asServer, listener: { cert: 'cert.pem' } }],
    ['an authCheck that is no function', { ...asServer, authCheck: true }],
    ['a secret that is no text', { ...asServer, incomingSecret: 7 }],
  ])('are refused with %s', (_what, options) => {
    expect(() => Options.parse(options as never)).toThrow(expect.objectContaining({ name: 'InvalidFieldsError' }))
  })

  it('have a port where the listener names none', () => {
    expect(Options.parse({ ...asServer, listener: {} }).listener).toEqual({ port: 4195, tls: undefined })
  })

  it('may leave the balance unbounded', () => {
    const stateful = { ...asServer, _store: memoryStore() }
    const settings = Options.parse({ ...stateful, maxBalance: 'Infinity', minBalance: '-Infinity' })
    expect(settings).toMatchObject({ balanceMax: undefined, balanceMin: undefined })
    expect(Options.parse({ ...stateful, maxBalance: '0', minBalance: '-5' })).toMatchObject({
      balanceMax: 0n,
      balanceMin: -5n,
    })
  })

  it('take the secret by the name that the README of 1.3.5 gives it', () => {
    const { authCheck } = Options.parse({ ...asServer, token: 'sesame' })
    expect(authCheck('', 'sesame')).toBe(true)
    expect(authCheck('', '')).toBe(false)
  })

  it('fill in the prefix of an info that has none', () => {
    expect(Options.parse({ prefix, info: { currencyCode: 'XRP' } }).info).toEqual({ currencyCode: 'XRP', prefix })
  })
})
