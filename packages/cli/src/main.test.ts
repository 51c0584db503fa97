import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { main } from './main.js'

async function run(...argv: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const exit = await main(argv, { stdout, stderr, env: {} })
  return { exit, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') }
}

describe('the command line', () => {
  it('shows its commands and its exit codes', async () => {
    const { exit, stdout, stderr } = await run('--help')
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    for (const command of ['shop', 'pay', 'ledger', 'demo']) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
    expect(stdout).toMatch(/^ {4}8 {2}the outcome of payments is not known/m)
  })

  it.each(['shop', 'pay', 'ledger', 'ledger fund', 'demo'])('explains %s', async (command) => {
    const { exit, stdout } = await run(...command.split(' '), '--help')
    expect(exit).toBe(0)
    expect(stdout).toMatch(/^Usage: millstream /)
  })

  it('knows its version', async () => {
    expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it.each([
    [[]],
    [['unknown']],
    [['pay']],
    [['pay', 'http://localhost/', 'surplus']],
    [['pay', 'ftp://localhost/']],
    [['pay', 'http://localhost/', '--budget', '-1']],
    [['pay', 'http://localhost/', '--budget']],
    [['ledger']],
    [['ledger', 'fund', 'alice']],
    [['ledger', 'fund', 'alice', '1.5']],
    [['ledger', 'transfers', '--limit', '0']],
    [['shop', '--log-level', 'loud']],
  ])('refuses %j with 2, in words, without doing anything', async (argv) => {
    const { exit, stdout, stderr } = await run(...argv)
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' })
    expect(stderr).not.toBe('')
  })

  it('says what is wrong with a value, and where to read more', async () => {
    const { stderr } = await run('ledger', 'fund', 'alice', '1.5')
    expect(stderr).toContain('Say it in base units')
    expect(stderr).toContain('millstream ledger fund --help')
  })

  it('does not repeat a token', async () => {
    const { exit, stderr } = await run('pay', 'http://localhost/', '--ledger', 'ws://alice:s3cret-s3cret@localhost/')
    expect(exit).toBe(2)
    expect(stderr).not.toContain('s3cret')
  })

  it('prints a failure as one JSON line to those who asked for JSON', async () => {
    const { exit, stderr } = await run('ledger', 'check', '--json', '--data', '/nowhere/at/all')
    expect(exit).toBe(9)
    expect(JSON.parse(stderr)).toMatchObject({ error: 'FOLDER_NOT_FOUND', exit: 9 })
  })
})
