/** What every store does with its history: balances of another day, and records that are no longer kept. */
import type { Scenario } from './scenarios.js'

const four = `
  open alice credit 100              -> opened
  deposit alice 5 ref a              -> deposited
  clock 1000
  prepare t1 alice shop 10 expires 5000 -> prepared
  fulfill t1                         -> fulfilled
  clock 2000
  prepare t2 alice shop 20 expires 6000 -> prepared
  reject t2                          -> rejected
  clock 3000
  prepare t3 alice shop 30 expires 9000 -> prepared
  fulfill t3                         -> fulfilled
`

export const housekeepingScenarios: readonly Scenario[] = [
  {
    title: 'balances as of an instant count what was posted then or before',
    script: `
  balances 0
  ${four}
  balances 0 alice 5, settlement -5
  balances 999 alice 5, settlement -5
  balances 1000 alice -5, shop 10, settlement -5
  balances 2999 alice -5, shop 10, settlement -5
  balances 3000 alice -35, shop 40, settlement -5
  balances 99999 alice -35, shop 40, settlement -5
`,
  },
  {
    title: 'balances as of an instant know accounts that have been merged away since',
    script: `
  given strangers 100
  open p1 passing credit 50          -> opened
  open p2 passing credit 50          -> opened
  prepare t1 p1 shop 10              -> prepared
  fulfill t1                         -> fulfilled
  prepare t2 p2 shop 1               -> prepared
  fulfill t2                         -> fulfilled
  clock 1000
  merge p1 into p2                   -> merged
  balances 1000 p2 -11, shop 11
  begins nowhere
`,
  },
  {
    title: 'a range of the books has its beginning and not its end; what is open has not ended',
    script: `
  ${four}
  prepare t4 alice shop 1            -> prepared
  books from 1000 to 3000 t1 fulfilled, t2 rejected
  books from 1001 t2 rejected, t3 fulfilled
  books to 1000 deposit a
  books from 3001
  books from 5000 to 4000
  books of alice newest from 1000 to 3000 t2 rejected, t1 fulfilled
  books of shop from 1000 to 2001 t1 fulfilled, t2 rejected
  books newest to 3000 limit 2 t2 rejected, t1 fulfilled
  books of alice limit 1 from 1000 t1 fulfilled
`,
  },
  {
    title: 'pruning removes what ended before an instant and changes no balance',
    restarts: false,
    script: `
  ${four}
  clock 20000
  begins nowhere
  prune 2000 dry                     -> 2 time
  begins nowhere
  prune 2000                         -> 2 time
  begins t1 at 1000
  balance alice posted -35
  balance shop posted 40
  books t2 rejected, t3 fulfilled
  books of alice newest t3 fulfilled, t2 rejected
  books of shop t2 rejected, t3 fulfilled
  feed t3
  pruned feed
  pruned balances 999
  balances 1000 alice -5, shop 10, settlement -5
  balances 3000 alice -35, shop 40, settlement -5
  prune 2000                         -> 0 time
  prepare t5 alice shop 1 expires 21000 -> prepared
  fulfill t5                         -> fulfilled
  books of alice t2 rejected, t3 fulfilled, t5 fulfilled
`,
  },
  {
    title: 'the newest record stays',
    restarts: false,
    script: `
  ${four}
  clock 20000
  prune 99999                        -> 3 newest
  books t3 fulfilled
  balances 3000 alice -35, shop 40, settlement -5
  prune 99999                        -> 0 newest
`,
  },
  {
    title: 'a ledger without records has nothing to prune',
    script: `
  prune 99999                        -> 0 newest
  open alice                         -> opened
  prune 99999                        -> 0 newest
  begins nowhere
`,
  },
  {
    title: 'a transfer that may be repeated stays, and so does what came after it',
    restarts: false,
    script: `
  ${four}
  clock 4999
  prune 99999                        -> 1 repeatable
  recent alice t1 t3
  prepare t1 alice shop 10 expires 5000 -> exists_fulfilled
  clock 7000
  prune 99999                        -> 2 newest
  prepare t3 alice shop 30 expires 9000 -> exists_fulfilled
  recent alice t3
`,
  },
  {
    title: 'one that expired is remembered for a while, and stays as long',
    restarts: false,
    script: `
  open alice credit 100              -> opened
  prepare t1 alice shop 10 expires 1000 -> prepared
  clock 1000
  expired t1
  prepare t2 alice shop 1 expires 2000 -> prepared
  fulfill t2                         -> fulfilled
  clock 10999
  prune 99999                        -> 0 repeatable
  look_up t1                         -> exists_expired
  clock 11000
  prune 99999                        -> 1 newest
  books t2 fulfilled
`,
  },
  {
    title: 'what a reader has not read stays',
    restarts: false,
    script: `
  ${four}
  clock 20000
  prune 99999 reader t1              -> 2 reader
  begins t1 at 1000
  feed t3
  prune 99999 reader t1              -> 0 reader
`,
  },
  {
    title: 'an open hold does not depend on old records',
    restarts: false,
    script: `
  ${four}
  clock 10000
  prepare t4 alice shop 40 expires 15000 -> prepared
  prune 99999                        -> 3 newest
  balance alice posted -35 held 40
  fulfill t4                         -> fulfilled
  balance alice posted -75
  books of alice t3 fulfilled, t4 fulfilled
`,
  },
  {
    title: 'the reference of a deposit or withdrawal stays known',
    restarts: false,
    script: `
  open alice                         -> opened
  open bob                           -> opened
  deposit alice 50 ref a             -> deposited
  withdraw alice 20 ref a            -> withdrawn
  deposit bob 1 ref b                -> deposited
  clock 1000
  prune 99999                        -> 2 newest
  deposit alice 50 ref a             -> exists
  deposit alice 51 ref a             -> exists_different
  deposit bob 50 ref a               -> exists_different
  withdraw alice 20 ref a            -> exists
  withdraw alice 21 ref a            -> exists_different
  withdraw bob 1 ref b               -> withdrawn
  balance alice posted 30
  balance bob
`,
  },
  {
    title: 'what became of a transfer whose records have gone cannot be said',
    restarts: false,
    script: `
  given expiry 8000
  ${four}
  clock 20000
  expired
  prune 99999                        -> 3 newest
  search t1 of alice expires 5000    -> pruned
  search t3 of alice expires 9000    -> fulfilled
  search t4 of alice expires 20000   -> not_found
`,
  },
  {
    title: 'an account that was merged away goes with its records',
    restarts: false,
    script: `
  given strangers 100
  open p1 passing credit 50          -> opened
  open p2 passing credit 50          -> opened
  prepare t1 p1 shop 10              -> prepared
  fulfill t1                         -> fulfilled
  merge p1 into p2                   -> merged
  clock 50000
  prepare t2 p2 shop 1 expires 50001 -> prepared
  fulfill t2                         -> fulfilled
  clock 60000
  prune 99999                        -> 2 newest
  gone p1
  balance p2 posted -11
  balances 60000 p2 -11, shop 11
  open p1 passing credit 50          -> opened
  open p3 passing credit 50          -> opened
  merge p2 into p3                   -> merged
  balance p3 posted -11
`,
  },
]
