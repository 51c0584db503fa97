/**
 * Errors to be found: each is a small change of the sources. What the simulator does not find, it does not guard.
 * `from` stands once in its file; a test says so when the code has moved on.
 */
export interface Mutant {
  readonly name: string
  /** More than one where one check stands behind another. */
  readonly changes: readonly Change[]
}

export interface Change {
  /** Path from the root of the repository. */
  readonly file: string
  readonly from: string
  readonly to: string
}

export const mutants: readonly Mutant[] = [
  {
    name: 'a limit is off by one',
    changes: [
      {
        file: 'packages/ledger/src/internal/transfers.ts',
        from: 'if (left < source.floor && source',
        to: 'if (left < source.floor - 1n && source',
      },
    ],
  },
  {
    name: 'strangers have no total',
    changes: [
      {
        file: 'packages/ledger/src/internal/transfers.ts',
        from: 'if (more > 0n && state.strangersCredit + more > limits.strangersCreditMax)',
        to: 'if (more > limits.strangersCreditMax)',
      },
    ],
  },
  {
    name: 'a hold that has expired is fulfilled',
    changes: [
      {
        file: 'packages/shop/src/stream.ts',
        from: 'if (left > this.house.marginMs) return undefined',
        to: 'if (left > -5_000) return undefined',
      },
      {
        file: 'packages/ledger/src/internal/expiry-wheel.ts',
        from: 'const due = Math.max(timed.expiresAt, this.#done + 1)',
        to: 'const due = Math.max(timed.expiresAt + 5_000, this.#done + 1)',
      },
    ],
  },
  {
    name: 'an ended transfer is forgotten at once',
    changes: [
      {
        file: 'packages/ledger/src/internal/transfers.ts',
        from: '  if (ids.find(command.source, command.id, state.second)) {\n    return ids',
        to: '  if (ids.find(command.source, command.id, state.second) && ids.state === Ids.held) {\n    return ids',
      },
      {
        file: 'packages/ledger/src/internal/transfers.ts',
        from: 'if (!ids.find(command.source, command.id, state.second)) {\n    return command',
        to: 'if (!ids.find(command.source, command.id, state.second) || ids.state !== Ids.held) {\n    return command',
      },
    ],
  },
  {
    name: 'a restart forgets that holds have ended',
    changes: [{ file: 'packages/ledger/src/internal/restore.ts', from: '    state.release(transfer)\n', to: '' }],
  },
  {
    name: 'a group commit does not wait for its write',
    changes: [
      {
        file: 'packages/ledger/src/group-commit.ts',
        from: 'if (written === undefined) this.#done(round)',
        to: 'if (written instanceof Promise || written === undefined) this.#done(round)',
      },
    ],
  },
  {
    name: 'a search does not wait for what is on its way',
    changes: [
      {
        file: 'packages/ledger/src/memory-store.ts',
        from: '    await this.#commit?.durable()\n    const { all',
        to: '    const { all',
      },
    ],
  },
  {
    name: 'customers are told before the disk has it',
    changes: [
      {
        file: 'packages/trustline/src/internal/tick.ts',
        from: '    batch.durable.then(() => {',
        to: '    Promise.resolve().then(() => {',
      },
    ],
  },
  {
    name: 'a repeated payment is judged before it is looked up',
    changes: [
      {
        file: 'packages/trustline/src/internal/incoming.ts',
        from: "commands.push(payment.rejection === undefined ? payment : { type: 'look_up', source, id, contentHash, expiresAt })",
        to: 'if (payment.rejection === undefined) commands.push(payment)\n      else {\n        report.rejections.push(payment)\n        continue\n      }\n      void [id, contentHash, expiresAt]',
      },
    ],
  },
  {
    name: 'a number can be used twice',
    changes: [
      {
        file: 'packages/shop/src/numbers.ts',
        from: "    if (number <= floor) return 'used'\n    if (number <= floor + numbersWindow)",
        to: "    if (number < floor) return 'used'\n    if (number <= floor + numbersWindow)",
      },
    ],
  },
  {
    name: 'a restart forgets which numbers were used',
    changes: [{ file: 'packages/shop/src/stream-fold.ts', from: '    this.numbers.use(number)\n', to: '' }],
  },
  {
    name: 'anybody may pay for a stream',
    changes: [
      {
        file: 'packages/shop/src/stream.ts',
        from: '    if (this.owner !== undefined && this.owner !== source) return Refusal.foreignStream\n',
        to: '',
      },
    ],
  },
  {
    name: 'a price need not be met exactly',
    changes: [
      {
        file: 'packages/shop/src/stream.ts',
        from: 'if (amount % this.price !== 0n)',
        to: 'if (amount % this.price < 0n)',
      },
    ],
  },
  {
    name: 'the first payment does not wait for the record',
    changes: [{ file: 'packages/shop/src/stream.ts', from: "return this.recording === 'written'", to: 'return true' }],
  },
  {
    name: 'a piece leaves when it is promised',
    changes: [
      {
        file: 'packages/shop/src/stream.ts',
        from: '    this.flow.promise(hold.pieces)\n',
        to: '    this.flow.promise(hold.pieces)\n    this.flow.deliver(hold.pieces)\n',
      },
    ],
  },
  {
    name: 'a piece is promised that is not at hand',
    changes: [
      {
        file: 'packages/shop/src/piece-flow.ts',
        from: 'if (this.full || this.atHand < pieces) return false',
        to: 'if (this.full || this.sourceDone) return false',
      },
    ],
  },
  {
    name: 'the shop reads ahead',
    changes: [
      {
        file: 'packages/shop/src/stream.ts',
        from: '    this.held += hold.pieces\n    this.flow.want(this.held + 1)',
        to: '    this.held += hold.pieces\n    this.flow.want(this.held + 9)',
      },
    ],
  },
  {
    name: 'a client calls not paid what nobody told it',
    changes: [
      {
        file: 'packages/btp/src/internal/outgoing-transfers.ts',
        from: "            endUnknown(entry, 'the host did not say in time what became of it')",
        to: '            endUnpaid(entry, neverSent)',
      },
    ],
  },
  {
    name: 'a client takes any fulfillment',
    changes: [
      {
        file: 'packages/btp/src/internal/outgoing-transfers.ts',
        from: '} else if (!isHashAt(hashes.sha256(fulfillment), entry.prepare, conditionOffset(entry))) {',
        to: '} else if (fulfillment.length !== hashBytes) {',
      },
    ],
  },
  {
    name: 'risk ends with a fulfillment',
    changes: [
      {
        file: 'packages/pay/src/payment-stream.ts',
        from: 'return this.flight.pieces + Math.max(0, this.fulfilled + this.unknown - this.arrived)',
        to: 'return this.flight.pieces',
      },
    ],
  },
  {
    name: 'the window grows with fulfillments',
    changes: [
      {
        file: 'packages/pay/src/payment-stream.ts',
        from: '        this.flight.paid(number)\n',
        to: '        this.flight.paid(number)\n        this.window.grow(1)\n',
      },
    ],
  },
  {
    name: 'an unknown payment is replaced by a new one',
    changes: [
      {
        file: 'packages/pay/src/payment-stream.ts',
        from: '        this.countUnknown(pieces, outcome.reason)\n        break',
        to: '        this.giveBack()\n        break',
      },
    ],
  },
  {
    name: 'a budget forgets what is held',
    changes: [
      {
        file: 'packages/pay/src/payment-stream.ts',
        from: 'const ownBudgetLeft = piecesIn(options.budget - BigInt(committed) * price, price)\n    const budgetLeft = Math.min(ownBudgetLeft, piecesIn(purse.budget - purse.committed, price))',
        to: 'const ownBudgetLeft = piecesIn(options.budget - BigInt(committed - held) * price, price)\n    const budgetLeft = Math.min(ownBudgetLeft, piecesIn(purse.budget - purse.spent, price))',
      },
    ],
  },
  {
    name: 'a payer does not wait for its book',
    changes: [
      {
        file: 'packages/pay/src/allowance.ts',
        from: 'else this.await(written, end)',
        to: 'else {\n        this.await(written, end)\n        this.end = end\n      }',
      },
    ],
  },
  {
    name: 'a payer forgets its reservation when it dies',
    changes: [
      {
        file: 'packages/pay/src/book.ts',
        from: '    if (reserved > 0n) unresolved.push({ amount: reserved, until: until() })\n',
        to: '',
      },
    ],
  },
  {
    name: 'a balance settles what may still be held',
    changes: [
      {
        file: 'packages/pay/src/book.ts',
        from: 'const quiet = sumReserved() === 0n && unresolved.every((entry) => entry.until <= now)',
        to: 'const quiet = sumReserved() === 0n && now > 0',
      },
    ],
  },
  {
    name: 'a book is replaced without a flush of its name',
    changes: [{ file: 'packages/pay/src/node/files.ts', from: '  await files.syncFolder(folder)\n}\n', to: '}\n' }],
  },
]
