/** The commands between a trustline account and XRP, with their options. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type Command, Option as CommanderOption } from 'commander'
import type { DepositOptions } from './commands/deposit.js'
import type { SettleOptions } from './commands/settle.js'
import type { WithdrawOptions } from './commands/withdraw.js'
import type { ExitCode } from './exit-code.js'
import { reader, secretReader } from './option-reader.js'
import type { Terminal } from './terminal.js'
import * as XrpOption from './xrp-option.js'
import { seedVariable } from './xrp-place.js'

export function add(program: Command, terminal: Terminal, exitWith: (code: ExitCode) => void): void {
  customer(program.command('deposit'), 'to')
    .description('Pay XRP into your account on a trustline, and wait until it is there.')
    .argument('<amount>', 'in XRP', reader(XrpOption.amount))
    .addOption(serverOption().makeOptionMandatory())
    .addOption(seedOption())
    .action(async (drops: bigint, options: DepositOptions) => {
      const { run } = await import('./commands/deposit.js')
      exitWith(await run(drops, options, terminal))
    })
  customer(program.command('settle'), 'to')
    .description('Sign for what you owe on a trustline, on a payment channel.')
    .option('--channel <amount>', 'open one with so much XRP if there is none', reader(XrpOption.amount))
    .addOption(serverOption())
    .addOption(seedOption())
    .action(async (options: SettleOptions) => {
      const { run } = await import('./commands/settle.js')
      exitWith(await run(options, terminal))
    })
  customer(program.command('withdraw'), 'from')
    .description('Get XRP back out of your account on a trustline, and out of its payment channels.')
    .argument('[amount]', 'in XRP (default: all, and the channels are closed)', reader(XrpOption.amount))
    .option('--address <address>', 'where to; one that you paid from (default: that one)', reader(XrpOption.address))
    .action(async (drops: bigint | undefined, options: WithdrawOptions) => {
      const { run } = await import('./commands/withdraw.js')
      exitWith(await run(drops, options, terminal))
    })
}

/** Of a shop whose trustline is settled in XRP, and of a payer. */
export function serverOption(): CommanderOption {
  return new CommanderOption('--xrp <url>', 'server of the XRP Ledger: wss://host:port').argParser(
    reader(XrpOption.server),
  )
}

export function seedOption(): CommanderOption {
  return new CommanderOption(
    '--seed-file <file>',
    `holds the seed of your XRP account in its first line (default: the variable ${seedVariable})`,
  )
}

function customer(command: Command, preposition: 'to' | 'from'): Command {
  return command
    .addOption(
      new CommanderOption(
        `--${preposition} <ledger>`,
        'btp+ws://user:token@host:port/, or the URL of a shop that names its ledger',
      )
        .makeOptionMandatory()
        .argParser(secretReader(`--${preposition}`, XrpOption.ledger)),
    )
    .option('--endpoint-host <host>', 'a host besides that of the URL that the shop may name as its ledger', collect)
    .option('--json', 'print one JSON line')
    .addOption(
      new CommanderOption('--home <folder>', 'where the payer keeps its key, and transactions that are under way')
        .env('MILLSTREAM_HOME')
        .default(join(homedir(), '.millstream'), '~/.millstream'),
    )
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
