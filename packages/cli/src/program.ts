/**
 * The command line: every command, argument and option, with its default. What a command does is in `commands/`, which
 * is loaded only when it runs.
 */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@millstream/hashes'
import { Instant } from '@millstream/units'
import { Argument, Command, Option as CommanderOption } from 'commander'
import type { DemoOptions } from './commands/demo.js'
import type { LedgerOptions } from './commands/ledger.js'
import type { ExportOptions } from './commands/ledger-export.js'
import type { PayOptions } from './commands/pay.js'
import type { SandboxOptions } from './commands/sandbox.js'
import type { ShopOptions } from './commands/shop.js'
import { type ExitCode, exitCodes, formatTable } from './exit-code.js'
import { Failure } from './failure.js'
import * as Logs from './logs.js'
import * as Option from './option.js'
import { reader, secretReader } from './option-reader.js'
import * as ProgramXrp from './program-xrp.js'
import * as SandboxOption from './sandbox-option.js'
import type { Terminal } from './terminal.js'
import * as TrustedProxies from './trusted-proxies.js'
import { version } from './version.js'
import * as XrpOption from './xrp-option.js'
import { seedVariable } from './xrp-place.js'

const exitHelp = `
Exit codes:
${formatTable()}
`

/** @param exitWith - Told the exit code of the command that ran. */
export function create(terminal: Terminal, exitWith: (code: ExitCode) => void): Command {
  const program = new Command('millstream')
  program
    .description('Charge for streams, and pay for them as they arrive.')
    .version(version, '-v, --version')
    .addHelpText('after', exitHelp)
  settle(program, terminal)
  addShop(program, terminal, exitWith)
  addPay(program, terminal, exitWith)
  addLedger(program, terminal, exitWith)
  addSandbox(program, terminal, exitWith)
  ProgramXrp.add(program, terminal, exitWith)
  addDemo(program, terminal, exitWith)
  // Commander hands these down only to commands that are made after them by `command`, so they are set on each.
  for (const command of commandsOf(program)) settle(command, terminal)
  return program
}

function addShop(program: Command, terminal: Terminal, exitWith: (code: ExitCode) => void): void {
  program
    .command('shop')
    .description('Sell a stream: letters, a file, a folder or whatever a URL serves, by the piece.')
    .option('--port <port>', 'for HTTP; 0 takes a free one', reader(Option.port), 8000)
    .option('--btp-port <port>', 'for the ledger; 0 takes a free one', reader(Option.port), 9000)
    .option('--host <address>', 'address to listen on; 0.0.0.0 or :: for every network', '127.0.0.1')
    .addOption(option('--price <amount>', 'base units for one piece', Option.price, 1n, '1'))
    .option(
      '--piece <unit>',
      'letter, bytes:N, line or event (default: letter for letters, else bytes:1024)',
      reader(Option.piece),
    )
    .addOption(
      option('--content <what>', 'letters, a file, a folder or a URL', Option.content, { kind: 'letters' }, 'letters'),
    )
    .option('--letters <count>', 'how many letters there are (default: no end)', reader(Option.count))
    .addOption(dataOption())
    .addOption(storeOption())
    .option('--key-file <file>', "the shop's key; the same for all shops of a fleet (default: in the data folder)")
    .option('--node <name>', 'names this shop among those that share a database', reader(Option.node))
    .addOption(
      option(
        '--strangers <policy>',
        'what those may do whom you do not know: refuse, prefunded, credit:N or credit:N,total:M',
        Option.strangers,
        { policy: 'prefunded' },
        'prefunded',
      ),
    )
    .option(
      '--keep <duration>',
      'remove records of payments that ended longer ago: 90d, 12h (default: keep all)',
      reader(Option.duration),
    )
    .option(
      '--prefix <prefix>',
      'address of the ledger, ends with a dot (default: g.letter-shop.mytrustline., for escrows g.crypto.ripple.escrow.)',
      reader(Option.prefix),
    )
    .option(
      '--endpoint <uri>',
      'what customers are told: btp+ws://host:port/ (default: the host they asked for)',
      reader(Option.endpoint),
    )
    .addOption(
      new CommanderOption(
        '--trust-proxy <networks>',
        'proxies in front whose X-Forwarded-For names the readers: 127.0.0.1,10.0.0.0/8',
      ).argParser(reader((text) => TrustedProxies.create(text.split(',')))),
    )
    .option('--tls-cert <file>', 'certificate, for https and btp+wss')
    .option('--tls-key <file>', 'its key')
    .addOption(ProgramXrp.serverOption())
    .addOption(ProgramXrp.seedOption())
    .option('--escrow', 'be paid by escrows on the XRP Ledger, in drops, instead of on a trustline')
    .option('--json', 'print `ready` and its addresses as one JSON line')
    .addOption(logLevelOption('info'))
    .action(async (options: ShopOptions) => {
      const { run } = await import('./commands/shop.js')
      exitWith(await run(options, terminal))
    })
}

function addPay(program: Command, terminal: Terminal, exitWith: (code: ExitCode) => void): void {
  program
    .command('pay')
    .description('Read a stream and pay for it piece by piece: content to stdout, the rest to stderr.')
    .argument('<url>', 'what to read', reader(Option.payUrl))
    .addOption(
      new CommanderOption(
        '--ledger <uri>',
        'btp+ws://user:token@host:port/ of the account that pays (default: the ledger that the shop names)',
      )
        .env('MILLSTREAM_LEDGER')
        .argParser(secretReader('--ledger', Option.ledgerUri)),
    )
    .option(
      '--budget <amount>',
      'spend at most this, in base units (default at scale 9: 1000000)',
      reader(Option.amount),
    )
    .option('--max-price <amount>', 'pay at most this for a piece (default at scale 9: 1000)', reader(Option.price))
    .option('--pieces <count>', 'stop after so many pieces', reader(Option.count))
    .option('--risk <amount>', 'have at most this paid or held for pieces that have not arrived', reader(Option.price))
    .option('--window <count>', 'payments in flight at most, or auto', reader(Option.window), 'auto' as const)
    .option('--rate <count>', 'take at most so many pieces a second', reader(Option.count))
    .option(
      '--asset <code:scale>',
      'what the amounts count; another one needs --budget and --max-price (default: XRP:9)',
      reader(Option.asset),
    )
    .option('--endpoint-host <host>', 'a host besides that of the URL that the shop may name as its ledger', collect)
    .addOption(
      new CommanderOption(
        '--xrp <url>',
        'server of the XRP Ledger: pays shops there, by escrows; needs --budget and --max-price, in drops',
      ).argParser(reader(XrpOption.server)),
    )
    .option(
      '--seed-file <file>',
      `seed of your XRP account: with --xrp the one that pays (default: the variable ${seedVariable}), else the one whose payment channel settles what you pay`,
    )
    .option('--dry-run', 'show the terms and the account; pay nothing')
    .option('--json', 'print the summary as one JSON line')
    .option('--quiet', 'print no meter')
    .addOption(
      new CommanderOption('--home <folder>', 'where the payer keeps its key and what it has reserved')
        .env('MILLSTREAM_HOME')
        .default(join(homedir(), '.millstream'), '~/.millstream'),
    )
    .addOption(logLevelOption('error'))
    .action(async (url: string, options: PayOptions) => {
      const { run } = await import('./commands/pay.js')
      exitWith(await run(url, options, terminal))
    })
}

function addLedger(program: Command, terminal: Terminal, exitWith: (code: ExitCode) => void): void {
  const ledger = program.command('ledger').description('See and change the books of a shop, while it runs or not.')
  const command = (name: string, description: string) =>
    ledger
      .command(name)
      .description(description)
      .addOption(dataOption())
      .addOption(storeOption())
      .option('--json', 'print JSON')
  const run = async (options: LedgerOptions, request: import('./commands/ledger.js').LedgerRequest) => {
    const { run } = await import('./commands/ledger.js')
    exitWith(await run(options, request, terminal))
  }

  command('accounts', 'List every account: balance, held, limit.').action((options: LedgerOptions) =>
    run(options, { type: 'accounts' }),
  )
  command('transfers', 'List what was paid, newest first.')
    .option('--account <id>', 'only where this account pays or is paid', reader(Option.account))
    .option('--limit <count>', 'how many', reader(Option.count), 20)
    .action((options: LedgerOptions & { account?: string; limit: number }) =>
      run(options, { type: 'transfers', account: options.account, limit: options.limit }),
    )
  command('limit', 'Let an account owe up to an amount; opens the account if there is none.')
    .argument('<account>', 'its id', reader(Option.account))
    .argument('<amount>', 'in base units', reader(Option.amount))
    .action((account: string, amount: bigint, options: LedgerOptions) =>
      run(options, { type: 'limit', account, amount }),
    )
  for (const [type, description] of [
    ['fund', 'Credit an account with money received elsewhere; opens the account if there is none.'],
    ['withdraw', 'Debit an account for money given back elsewhere.'],
  ] as const) {
    command(type, description)
      .argument('<account>', 'its id', reader(Option.account))
      .argument('<amount>', 'in base units', reader(Option.price))
      .option(
        '--reference <text>',
        'names the money; each is counted once (default: a new one)',
        reader(Option.reference),
      )
      .action((account: string, amount: bigint, options: LedgerOptions & { reference?: string }) =>
        run(options, { type, account, amount, reference: options.reference }),
      )
  }
  command('suspense', 'List deposits that came without saying whose they are.').action((options: LedgerOptions) =>
    run(options, { type: 'suspense' }),
  )
  command('move', 'Give a deposit in suspense to whose it is.')
    .argument('<transaction>', 'its hash on the XRP Ledger', reader(XrpOption.hash))
    .argument('<account>', 'id of the account', reader(Option.account))
    .action((hash: string, account: string, options: LedgerOptions) => run(options, { type: 'move', hash, account }))
  command('check', 'Prove from the records alone that every sum holds.').action((options: LedgerOptions) =>
    run(options, { type: 'check' }),
  )
  command('balances', 'List what every account had at a time: what was posted then or before.')
    .requiredOption('--at <time>', '2026-11-22 (00:00 UTC), or 2026-11-22T14:30:00Z', reader(Option.time))
    .action((options: LedgerOptions & { at: Instant.Instant }) => run(options, { type: 'balances', at: options.at }))
  command('statement', 'List what an account did, oldest first, with its balance after each movement.')
    .argument('<account>', 'its id', reader(Option.account))
    .option('--from <time>', 'from this time on (default: the beginning of the kept history)', reader(Option.time))
    .option('--to <time>', 'before this time (default: up to now)', reader(Option.time))
    .action((account: string, options: LedgerOptions & { from?: Instant.Instant; to?: Instant.Instant }) =>
      run(options, { type: 'statement', account, from: options.from, to: options.to }),
    )
  command('prune', 'Remove old records. Balances, references and `check` stay as they are.')
    .option('--before <time>', 'those that ended before this time', reader(Option.time))
    .option('--keep <duration>', 'those that ended longer ago: 90d, 12h', reader(Option.duration))
    .option('--dry-run', 'tell what would go; remove nothing')
    .action((options: LedgerOptions & { before?: Instant.Instant; keep?: number; dryRun?: boolean }) =>
      run(options, { type: 'prune', before: pruneBefore(options), dryRun: options.dryRun === true }),
    )
  command('migrate', 'Bring the tables in a database to this version; `shop` does it too.').action(
    async (options: LedgerOptions) => {
      const { run } = await import('./commands/ledger-migrate.js')
      exitWith(await run(options, terminal))
    },
  )
  ledger
    .command('export')
    .description('Write accounts or ended transfers for other programs, oldest first; amounts are in base units.')
    .addArgument(new Argument('<what>', 'which of them').choices(['accounts', 'transfers']))
    .addOption(dataOption())
    .addOption(storeOption())
    .option('--format <format>', 'csv (RFC 4180) or jsonl (one JSON object a line)', reader(Option.exportFormat), 'csv')
    .option('--account <id>', 'only this account; only where it pays or is paid', reader(Option.account))
    .option('--from <time>', 'transfers that ended at this time or later', reader(Option.time))
    .option('--to <time>', 'transfers that ended before this time', reader(Option.time))
    .option('-o, --output <file>', 'a file that is not there yet (default: stdout)')
    .action(async (what: 'accounts' | 'transfers', options: ExportOptions) => {
      if (what === 'accounts' && (options.from ?? options.to) !== undefined) throw timesOfAccounts()
      const { run } = await import('./commands/ledger-export.js')
      exitWith(await run(what, options, terminal))
    })
  command('backup', 'Copy the ledger to a new file while the shop goes on, and prove the copy.')
    .argument('<file>', 'is not there yet')
    .action(async (file: string, options: LedgerOptions) => {
      const { run } = await import('./commands/ledger-backup.js')
      exitWith(await run(file, options, terminal))
    })
  command('restore', 'Make a data folder of a backup, and say what that means for the money.')
    .argument('<file>', 'made by `ledger backup`')
    .action(async (file: string, options: LedgerOptions) => {
      const { run } = await import('./commands/ledger-restore.js')
      exitWith(await run(file, options, terminal))
    })
}

function pruneBefore({ before, keep }: { before?: Instant.Instant; keep?: number }): Instant.Instant {
  if ((before === undefined) === (keep === undefined)) {
    throw new Failure({
      code: 'USAGE',
      exit: exitCodes.usage,
      message: 'What is to be removed is told by --before or by --keep, one of them. Nothing was done.',
      next: 'for example: millstream ledger prune --keep 90d --dry-run',
    })
  }
  return before ?? Instant.after(systemClock(), -keep!)
}

function timesOfAccounts(): Failure {
  return new Failure({
    code: 'USAGE',
    exit: exitCodes.usage,
    message: 'Accounts are exported as they are now; --from and --to are for transfers. Nothing was done.',
    next: 'for balances of another day: millstream ledger balances --at TIME',
  })
}

function addDemo(program: Command, terminal: Terminal, exitWith: (code: ExitCode) => void): void {
  program
    .command('demo')
    .description('Watch money turn into letters: a shop and a payer on this machine, in some ten seconds.')
    .option('--letters <count>', 'how many letters to buy at full speed', reader(Option.count), 40_000)
    .option('--xrp', 'on an XRP Ledger of this machine: deposit, read, withdraw; then pay by escrows')
    .action(async (options: DemoOptions & { readonly xrp?: boolean }) => {
      if (options.xrp) {
        const { run } = await import('./commands/demo-xrp.js')
        exitWith(await run(terminal))
        return
      }
      const { run } = await import('./commands/demo.js')
      exitWith(await run(options, terminal))
    })
}

function addSandbox(program: Command, terminal: Terminal, exitWith: (code: ExitCode) => void): void {
  program
    .command('sandbox')
    .description('Run an XRP Ledger on this machine, with funded accounts and a faucet, to try things with.')
    .option('--port <port>', 'for WebSocket, JSON-RPC and the faucet; 0 takes a free one', reader(Option.port), 6006)
    .option('--host <address>', 'address to listen on; 0.0.0.0 or :: for every network', '127.0.0.1')
    .option(
      '--fund <address=xrp>',
      "an account that has so much at first; repeat it (default: the tutorial's two with 10000 each)",
      gatherer(SandboxOption.funded),
    )
    .option(
      '--close-every <ms>',
      'milliseconds between ledgers, or manual: by the command `ledger_accept` alone',
      reader(SandboxOption.closeEvery),
      1_000,
    )
    .option('--json', 'print `ready` and its addresses as one JSON line')
    .action(async (options: SandboxOptions) => {
      const { run } = await import('./commands/sandbox.js')
      exitWith(await run(options, terminal))
    })
}

/** An option whose default has to be told in words: the help would print it as it is inside. */
function option<T>(flags: string, description: string, read: (text: string) => T, value: T, words: string) {
  return new CommanderOption(flags, description).argParser(reader(read)).default(value, words)
}

function dataOption(): CommanderOption {
  return new CommanderOption('--data <folder>', 'where the shop keeps its ledger and its key')
    .env('MILLSTREAM_DATA')
    .default('./millstream-data')
}

function storeOption(): CommanderOption {
  return new CommanderOption(
    '--store <where>',
    'memory, sqlite, or postgres://user:password@host:port/database for many shops',
  )
    .env('MILLSTREAM_STORE')
    .argParser(secretReader('--store', Option.store))
    .default('sqlite')
}

function logLevelOption(level: Logs.Level): CommanderOption {
  return new CommanderOption('--log-level <level>', 'what to log, on stderr').choices(Logs.levels).default(level)
}

/** The values of an option that may be given more than once. */
function gatherer<T>(read: (text: string) => T): (text: string, before?: readonly T[]) => readonly T[] {
  const readOne = reader(read)
  return (text, before = []) => [...before, readOne(text)]
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

function settle(command: Command, terminal: Terminal): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => terminal.stdout.write(text),
    writeErr: (text) => terminal.stderr.write(text),
  })
  if (command.commands.length === 0) command.showHelpAfterError(`Nothing was done. See: ${pathOf(command)} --help`)
}

function commandsOf(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...commandsOf(child)])
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}
