import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Wallet } from 'xrpl'
import { readSeed, SeedError, SignError, signerFromSeed } from './signer.js'

const shopSeed = 'ssGjGT4sz4rp2xahcDj87P71rTYXo'

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'millstream-seed-'))
  onTestFinished(() => rm(path, { recursive: true }))
  return path
}

describe('a seed', () => {
  it('is of the key that it says itself: secp256k1, or ed25519 for sEd', () => {
    expect(signerFromSeed(shopSeed).address).toBe('rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW')
    expect(signerFromSeed('sndb5JDdyWiHZia9zv44zSr2itRy1').address).toBe('rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj')
    const { seed, classicAddress } = Wallet.generate()
    expect(seed).toMatch(/^sEd/)
    expect(signerFromSeed(seed!).address).toBe(classicAddress)
  })

  it('comes from the first line of a file, or from the environment', async () => {
    const file = join(await folder(), 'seed')
    await writeFile(file, `${shopSeed} \nsecond line\n`)
    expect(await readSeed({ file })).toBe(shopSeed)
    expect(await readSeed({ variable: 'SEED', env: { SEED: shopSeed } })).toBe(shopSeed)
  })

  it('that is missing is missed by name', async () => {
    const file = join(await folder(), 'seed')
    await expect(readSeed({ file })).rejects.toThrow(SeedError)
    await writeFile(file, '\n')
    await expect(readSeed({ file })).rejects.toThrow('is empty')
    await expect(readSeed({ variable: 'SEED', env: {} })).rejects.toThrow('SEED is not set')
  })

  it('appears in no error and in nothing that is printed', () => {
    const wrong = `${shopSeed.slice(0, -1)}x`
    let thrown: unknown
    try {
      signerFromSeed(wrong)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(SeedError)
    expect(JSON.stringify([String(thrown), (thrown as Error).stack, thrown])).not.toContain(wrong.slice(2, 20))
    const signer = signerFromSeed(shopSeed)
    expect(JSON.stringify(signer)).not.toContain(shopSeed)
    expect(Object.values(signer).filter((value) => typeof value === 'string')).toEqual([signer.address])
    expect(() => signer.sign({ TransactionType: 'EscrowFinish', Fulfillment: 'secret text' })).toThrow(SignError)
    expect(() => signer.sign({ TransactionType: 'EscrowFinish', Fulfillment: 'secret text' })).not.toThrow(
      'secret text',
    )
  })
})
