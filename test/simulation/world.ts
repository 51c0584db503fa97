/**
 * One simulated world from its first event to its rest: everybody starts, faults happen as planned, then all is mended
 * and must come to rest with books that agree. The rules are looked at after every step.
 */
import { accountName } from '@millstream/btp'
import { hashes } from '@millstream/hashes'
import type { AccountId } from '@millstream/ledger'
import type { BookState } from '@millstream/pay'
import { strangersTotal } from '@millstream/trustline'
import * as BookFile from '../../packages/pay/src/node/book-file.js'
import { BtpWire } from './btp-wire.js'
import * as Content from './content.js'
import type { Death } from './disk.js'
import * as Faults from './faults.js'
import { FolderDisk } from './folder-disk.js'
import { HttpWire } from './http-wire.js'
import * as Liar from './liar.js'
import * as Lies from './lies.js'
import { Network } from './network.js'
import { OutsideError } from './outside-error.js'
import * as PayerProcess from './payer-process.js'
import type { PayerPlan, Plan } from './plan.js'
import { type Machine, Process } from './process.js'
import { Random } from './random.js'
import { Findings } from './rules/findings.js'
import { LedgerRules } from './rules/ledger-rules.js'
import { PayerRules } from './rules/payer-rules.js'
import { ShopRules } from './rules/shop-rules.js'
import { WireRules } from './rules/wire-rules.js'
import { ShopDisk } from './shop-disk.js'
import * as ShopProcess from './shop-process.js'
import { Timeline } from './timeline.js'
import { Trace } from './trace.js'

/** A payer and what outlives its processes. */
export interface Payer {
  readonly index: number
  readonly plan: PayerPlan
  readonly machine: Machine
  readonly disk: FolderDisk
  readonly rules: PayerRules
  readonly credentials: PayerProcess.Credentials
  readonly account: string | undefined
  running: PayerProcess.PayerProcess | undefined
  /** The operator gave money to its account. */
  isFunded: boolean
  lives: number
  /** Lives that are still due, crashes not counted. */
  due: number
}

/** Nobody waits longer than this for rest: what is held has expired, and been given up, twice over. */
const restMsMax = 400_000
/** How long people wait for a stream that does not move, once nothing is wrong any more. */
const patienceMs = 150_000
const stopAgainMs = 5_000
/** Longer than a payer's book has anything in doubt, and than anything is held. */
const doubtMs = 60_000
/** A payer that fails to start is not started for ever. */
const livesMax = 12
const restartMs = 150

export class World {
  readonly plan: Plan
  readonly timeline = new Timeline()
  readonly trace: Trace
  readonly findings = new Findings()
  readonly network: Network
  readonly payers: readonly Payer[]
  readonly shopMachine: Machine
  /** Payers that cannot reach the shop, until when. */
  readonly cutOff = new Map<string, number>()
  shop: ShopProcess.ShopProcess | undefined
  /** The newest, also while it starts. */
  shopProcess: Process | undefined
  isMended = false
  /** Clocks were set in a way that a payer's book cannot know. */
  clocksAreTrue = true
  readonly ledgerRules: LedgerRules
  private readonly random: Random
  private readonly content: Content.Truth
  private readonly shopDisk: ShopDisk
  private readonly shopRules: ShopRules
  private readonly wireRules: WireRules
  private readonly btp: BtpWire
  private readonly http: HttpWire
  private readonly headers: ShopProcess.ShopHeader[] = []
  private readonly key: Uint8Array
  private shopLives = 0
  private pids = 0
  private readonly pidsOf = new Map<number, Process>()
  private isBookDirty = false
  private audits = 0

  constructor(plan: Plan, keepsStory: boolean) {
    const { seed, shop } = plan
    this.plan = plan
    this.random = new Random(seed)
    this.trace = new Trace(keepsStory)
    this.key = this.random.fork('key').bytes(32)
    this.content = Content.create(this.random.fork('content'), shop.unit, shop.pieces)
    this.shopMachine = machine('shop')
    const { timeline, trace, findings } = this
    this.network = new Network({ timeline, trace, random: this.random.fork('network'), ...plan.network })
    this.ledgerRules = new LedgerRules({
      findings,
      hashes,
      account: ShopProcess.serverAddress,
      strangersTotal: strangersTotal({ policy: 'credit', each: shop.creditEach, total: shop.creditTotal }),
      hasRecord: (userId) => this.shopDisk.records.has(userId),
      posted: (transfer) => {
        for (const { rules } of this.payers) rules.paid(transfer)
        this.isBookDirty = true
      },
    })
    this.shopRules = new ShopRules(findings, this.ledgerRules)
    this.wireRules = new WireRules(findings, this.ledgerRules)
    this.shopDisk = new ShopDisk({
      name: 'shop',
      timeline,
      trace,
      random: this.random.fork('shop disk'),
      writeMs: plan.writeMs,
      batchWritten: (batch) => this.ledgerRules.written(batch),
      recordWritten: (record) => this.shopRules.recorded(record),
    })
    const { hostLie, shopLie } = shop
    const lieRandom = this.random.fork('lies')
    const isCutOff = (name: string) => (this.cutOff.get(name) ?? 0) > timeline.now
    this.btp = new BtpWire({
      network: this.network,
      listener: () => this.shop?.btp,
      isCutOff,
      fromHost: (link, frame) => this.wireRules.fromHost(link, frame),
      lie: (frame) => (hostLie === undefined || this.isMended ? [frame] : Lies.frames(hostLie, lieRandom, frame)),
      fromClient: (link, frame) => this.wireRules.fromCustomer(link, frame),
    })
    this.http = new HttpWire({
      network: this.network,
      listener: () => this.shop?.http,
      isCutOff,
      roomBytes: shop.roomBytes,
      lie: (sent, bytes) => Lies.bytes(shopLie, sent, bytes),
    })
    this.payers = plan.payers.map((payer, index) => this.payer(payer, index))
  }

  /** Until everything is at rest, or something is wrong. */
  async run(): Promise<void> {
    const { timeline, plan, findings } = this
    this.startShop()
    for (const payer of this.payers) timeline.after(payer.plan.startMs, undefined, () => this.startPayer(payer))
    for (const [i, liar] of plan.liars.entries()) timeline.after(liar.startMs, undefined, () => this.startLiar(i))
    for (const fault of plan.faults) timeline.after(fault.atMs, undefined, () => Faults.strike(this, fault))
    timeline.after(plan.mendMs, undefined, () => this.mend())
    timeline.after(plan.mendMs + patienceMs, undefined, () => this.stopAll())
    let phase: 'busy' | 'waiting' | 'auditing' = 'busy'
    let waitsUntil = 0
    while (findings.first === undefined) {
      if (phase === 'busy' && this.isMended && this.isOver()) {
        phase = 'waiting'
        waitsUntil = timeline.now + doubtMs
      } else if (phase === 'waiting' && timeline.now >= waitsUntil && this.shop !== undefined) {
        phase = 'auditing'
        if (this.plan.shop.hostLie === undefined && this.clocksAreTrue) {
          for (const payer of this.payers) if (payer.account !== undefined) this.startAudit(payer)
        }
      } else if (phase === 'auditing' && this.audits === 0) {
        break
      }
      if (timeline.now > plan.mendMs + restMsMax || !(await timeline.step())) {
        findings.add('everything comes to rest', `It does not: ${this.unrest()}.`)
        break
      }
      this.check()
    }
    if (findings.first === undefined) await this.conclude()
  }

  /** `globalThis.setImmediate` while this world runs: the tick of the host. */
  readonly immediate = (callback: () => void): void => {
    const { current } = this.timeline
    this.timeline.after(this.plan.shop.tickMs * this.random.next(), current, callback)
  }

  tell(who: string, what: string): void {
    this.trace.add(this.timeline.now, who, what)
  }

  startShop(): void {
    if (this.shopProcess?.isAlive === true) return
    const process = this.process(this.shopMachine, ++this.shopLives)
    this.shopProcess = process
    this.tell('shop', `starts, life ${this.shopLives}`)
    this.timeline.after(0, process, () => {
      ShopProcess.start({
        process,
        plan: this.plan.shop,
        disk: this.shopDisk,
        content: this.content,
        key: this.key,
        findings: this.findings,
        ledgerRules: this.ledgerRules,
        shopRules: this.shopRules,
        exit: (why) => {
          if (process.isAlive) this.endShop(process, 'kill', why, 1_000)
        },
        headerSent: (header) => void this.headers.push(header),
        oldHeader: () => this.headers.findLast((_, i) => i < this.headers.length - 1)?.pay,
        observe: (event) => this.observed('shop', event),
      }).then(
        (shop) => {
          if (process.isAlive) this.shop = shop
        },
        (error: unknown) => {
          if (!process.isAlive) return
          if (!(error instanceof OutsideError)) this.findings.add('a start succeeds', String(error))
          this.endShop(process, 'kill', 'it could not start', 1_000)
        },
      )
    })
  }

  /** The shop's process is gone, and comes back after a while. */
  endShop(process: Process, death: Death, why: string, downMs: number): void {
    this.gone(process, death, why)
    this.shopDisk.crash(process, death)
    if (this.shopProcess !== process) return
    this.shop = undefined
    this.timeline.after(this.isMended ? restartMs : downMs, undefined, () => this.startShop())
  }

  endPayer(payer: Payer, death: Death, why: string, downMs: number): void {
    const process = payer.running?.process
    if (process === undefined || !process.isAlive) return
    this.gone(process, death, why)
    payer.disk.crash(process, death)
    payer.due++
    this.timeline.after(this.isMended ? restartMs : downMs, undefined, () => this.startPayer(payer))
  }

  private gone(process: Process, death: Death, why: string): void {
    this.tell(process.name, why)
    process.isAlive = false
    this.network.died(process, death === 'power')
  }

  private startPayer(payer: Payer): void {
    if (payer.running?.process.isAlive === true || payer.due <= 0) return
    payer.due--
    const process = this.process(payer.machine, ++payer.lives)
    const pid = ++this.pids
    this.pidsOf.set(pid, process)
    this.tell(process.name, `starts, life ${payer.lives}`)
    payer.running = { process, open: new Set() }
    const options = this.optionsOf(payer, process, pid)
    this.timeline.after(0, process, () => {
      payer.running = PayerProcess.start({
        ...options,
        exit: (how, why) => {
          if (!process.isAlive) return
          this.gone(process, 'kill', `ends (${how}): ${why}`)
          payer.disk.crash(process, 'kill')
          if (how === 'failed' && payer.lives < livesMax) payer.due++
          this.timeline.after(restartMs + process.random.below(500), undefined, () => this.startPayer(payer))
        },
      })
    })
  }

  /** Looks at the book of a payer when everything is over. */
  private startAudit(payer: Payer): void {
    const { rules, machine, disk } = payer
    const process = this.process(machine, ++payer.lives)
    this.audits++
    this.tell(process.name, 'compares its book with the host')
    const over = (fault: string | undefined) => {
      if (fault !== undefined) this.findings.add('the books agree', fault)
      this.gone(process, 'kill', 'has compared its book')
      disk.crash(process, 'kill')
      this.audits--
    }
    this.timeline.after(0, process, () => {
      PayerProcess.audit(this.optionsOf(payer, process, ++this.pids), payer.isFunded ? 0n : rules.posted).then(
        over,
        (error: unknown) => over(`The comparison failed: ${error instanceof Error ? error.message : error}`),
      )
    })
  }

  private optionsOf(payer: Payer, process: Process, pid: number): PayerProcess.PayerProcessOptions {
    const { name } = process
    const { shopLie } = this.plan.shop
    return {
      process,
      plan: payer.plan,
      credentials: payer.credentials,
      account: payer.account,
      disk: payer.disk,
      btp: this.btp,
      http: this.http,
      rules: payer.rules,
      findings: this.findings,
      content: shopLie?.kind === 'garbles' ? undefined : this.content.bytes,
      isAlive: (other) => this.pidsOf.get(other)?.isAlive === true,
      pid,
      connected: (link) => this.wireRules.connected(link, payer.account),
      observe: (event) => this.observed(name, event),
      tell: (what) => this.tell(name, what),
      exit: () => {},
    }
  }

  private startLiar(index: number): void {
    const name = `liar${index}`
    const process = this.process(machine(name), 1)
    const credentials = { username: name, token: `the token of ${name}` }
    this.timeline.after(0, process, () =>
      Liar.start({
        process,
        plan: this.plan.liars[index]!,
        credentials,
        btp: this.btp,
        http: this.http,
        headers: this.headers,
        price: this.plan.shop.price,
        connected: (link) =>
          this.wireRules.connected(link, accountName(hashes, credentials.username, credentials.token)),
      }),
    )
  }

  private payer(plan: PayerPlan, index: number): Payer {
    const name = `payer${index}`
    const { shopLie, hostLie } = this.plan.shop
    const credentials = plan.isPassing ? { username: '', token: '' } : { username: name, token: `the-token-of-${name}` }
    const account = plan.isPassing ? undefined : accountName(hashes, credentials.username, credentials.token)
    const { timeline, trace } = this
    const random = this.random.fork(`${name} disk`)
    const disk = new FolderDisk({ name, timeline, trace, random, writeMs: this.plan.writeMs })
    const rules = new PayerRules({
      name,
      plan,
      findings: this.findings,
      ledger: this.ledgerRules,
      content: this.content,
      account,
      shopIsHonest: shopLie === undefined,
      hostIsHonest: hostLie === undefined,
      booksAreExact: () => this.clocksAreTrue && this.payers[index]?.isFunded !== true,
      book: () => bookOn(disk),
    })
    return {
      index,
      plan,
      machine: machine(name),
      disk,
      rules,
      credentials,
      account,
      running: undefined,
      isFunded: false,
      lives: 0,
      due: plan.lives,
    }
  }

  private process(machine: Machine, life: number): Process {
    const { timeline } = this
    const random = this.random.fork(`${machine.name} life ${life}`)
    return new Process({ name: machine.name, life, timeline, random, machine, die: (process) => this.die(process) })
  }

  /** Its fuse has burnt down, in the middle of whatever it was doing. */
  private die(process: Process): void {
    Faults.burntDown(this, process)
  }

  private observed(who: string, event: { readonly name: string; readonly level: string }): void {
    const { name, level } = event
    this.tell(who, `says ${name}${'reason' in event ? `: ${event.reason}` : ''}`)
    const { hostLie } = this.plan.shop
    if (name === 'btp.handler_failed' || name === 'trustline.payee_failed') {
      const { error } = event as unknown as { readonly error: unknown }
      this.findings.add('nothing unexpected is thrown', error instanceof Error ? String(error.stack) : String(error))
    } else if (name === 'pay.balance_unexplained' && hostLie === undefined && this.clocksAreTrue) {
      const { amount } = event as unknown as { readonly amount: bigint }
      this.findings.add('the books agree', `The payer cannot explain ${amount} of its balance.`)
    } else if (name === 'trustline.fulfillment_disputed' && hostLie === undefined) {
      this.findings.add('the books agree', `A payer disputes a payment (${level}).`)
    }
  }

  private check(): void {
    this.wireRules.check()
    const { shop } = this
    if (shop?.process.isAlive === true) shop.check()
    if (!this.isBookDirty) return
    this.isBookDirty = false
    for (const { rules } of this.payers) rules.checkBook()
  }

  private mend(): void {
    this.tell('world', 'everything is mended')
    this.isMended = true
    this.network.lag = undefined
    this.cutOff.clear()
    for (const { delayMs } of this.network.links) delayMs.fill(0)
    for (const machine of [this.shopMachine, ...this.payers.map((payer) => payer.machine)]) {
      machine.failingWrite = undefined
      machine.slowDisk = undefined
    }
    for (const process of [this.shopProcess, ...this.payers.map(({ running }) => running?.process)]) {
      if (process === undefined) continue
      process.fuse = undefined
      process.stalledUntil = 0
    }
  }

  /** Ctrl-C: a shop may be as slow as it likes. */
  private stopAll(): void {
    this.timeline.after(stopAgainMs, undefined, () => this.stopAll())
    for (const payer of this.payers) {
      const { running } = payer
      payer.due = 0
      if (running === undefined) continue
      this.timeline.after(0, running.process, () => {
        for (const response of running.open) response.stop()
      })
    }
  }

  /** Nobody has anything left to do but to wait for what is held. */
  private isOver(): boolean {
    return this.payers.every(({ running, due }) => due <= 0 && running?.process.isAlive === false)
  }

  private unrest(): string {
    const names = this.payers.filter(({ running, due }) => due > 0 || running?.process.isAlive !== false)
    return names.length === 0 ? 'the shop' : names.map(({ index }) => `payer${index} still runs`).join(', ')
  }

  /** At rest: nothing is held, all sums hold, and the payers' books say what the shop's say. */
  private async conclude(): Promise<void> {
    const { findings, shop, ledgerRules } = this
    if (shop === undefined) {
      findings.add('everything comes to rest', 'The shop does not run.')
      return
    }
    const held = (shop.store.holds() as readonly unknown[]).length
    const stats = shop.host.stats()
    findings.claim(
      (held === 0 || this.plan.liars.length > 0) && stats.held <= held,
      'everything comes to rest',
      () => `${held} are held in the ledger, ${stats.held} at the host.`,
    )
    const report = await shop.store.check()
    findings.claim(report.ok, 'debits equal credits', () => report.faults.join(' '))
    for (const record of this.shopDisk.records.values()) this.shopRules.recorded(record)
    for (const { rules } of this.payers) rules.checkBook()
    for (const [id, truth] of ledgerRules.accounts) {
      const account = (await shop.store.account(id as AccountId)) ?? undefined
      if (truth.kind === 'closed' || account === undefined) continue
      findings.claim(
        account.posted === truth.posted,
        'the books agree',
        () => `${truth.name}: ${account.posted}, ${truth.posted} on the disk.`,
      )
    }
  }
}

function machine(name: string): Machine {
  return { name, clockErrorMs: 0, failingWrite: undefined, slowDisk: undefined }
}

const books = new WeakMap<Uint8Array, BookState | undefined>()

/** What the book of a payer says on the disk, whatever happens now. */
function bookOn(disk: FolderDisk): BookState | undefined {
  const bytes = disk.safeBook()
  if (bytes === undefined) return undefined
  if (!books.has(bytes)) books.set(bytes, BookFile.decode(hashes, bytes, 'the book').state)
  return books.get(bytes)
}
