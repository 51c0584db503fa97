/**
 * The disk of a machine: what was written to it and would survive. A write takes time; while it is under way a crash may
 * leave nothing, a part or all of it. A write may fail, with the same choice.
 */

import { OutsideError } from './outside-error.js'
import type { Process } from './process.js'
import type { Random } from './random.js'
import type { Timeline } from './timeline.js'
import type { Trace } from './trace.js'

/** How a machine stops: its process alone, or with it everything that was not flushed. */
export type Death = 'kill' | 'power'

/** Something on its way to the disk. */
export interface Operation {
  readonly words: string
  /** It is on the disk, whole. */
  commit(): void
  /** A part of it is, where there are parts. */
  tear?(random: Random): void
}

interface Pending extends Operation {
  readonly process: Process
}

export interface DiskOptions {
  readonly name: string
  readonly timeline: Timeline
  readonly trace: Trace
  readonly random: Random
  readonly writeMs: number
}

export class Disk {
  protected readonly options: DiskOptions
  private readonly pending = new Set<Pending>()

  constructor(options: DiskOptions) {
    this.options = options
  }

  /** @returns A promise that settles when the system says so, never when the process dies before. */
  perform(process: Process, operation: Operation): Promise<void> {
    const { timeline, trace, random, writeMs } = this.options
    return new Promise((resolve, reject) => {
      if (!process.output()) return
      const pending: Pending = { ...operation, process }
      this.pending.add(pending)
      const failure = this.failureOf(process)
      const slow = process.machine.slowDisk
      const more = slow !== undefined && timeline.now < slow.until ? slow.ms * random.next() : 0
      trace.add(timeline.now, process.name, `writes ${operation.words}`)
      timeline.after(writeMs * (0.2 + 1.6 * random.next()) + more, process, () => {
        this.pending.delete(pending)
        if (failure === undefined) {
          trace.add(timeline.now, process.name, `has written ${operation.words}`)
          operation.commit()
          resolve()
          return
        }
        trace.add(timeline.now, process.name, `cannot write ${operation.words} (of it is there: ${failure})`)
        if (failure === 'whole') operation.commit()
        else if (failure === 'torn') operation.tear?.(random)
        reject(new OutsideError('no space left on device'))
      })
    })
  }

  /** The process that wrote is gone. */
  crash(process: Process, _death: Death): void {
    const { random, trace, timeline } = this.options
    for (const operation of this.pending) {
      if (operation.process !== process) continue
      this.pending.delete(operation)
      const left = random.pick(['nothing', 'torn', 'whole'])
      trace.add(timeline.now, process.name, `had not written ${operation.words} (of it is there: ${left})`)
      if (left === 'whole') operation.commit()
      else if (left === 'torn') operation.tear?.(random)
    }
  }

  private failureOf({ machine }: Process) {
    const { failingWrite } = machine
    if (failingWrite === undefined) return undefined
    if (failingWrite.in > 0) {
      failingWrite.in--
      return undefined
    }
    machine.failingWrite = undefined
    return failingWrite.how
  }
}
