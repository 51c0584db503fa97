/** What every store does, in steps that a reader can check by hand. */

export interface Scenario {
  readonly title: string
  readonly script: string
  /** False where what is only in memory is the point: such a one is not played with a restart after every line. */
  readonly restarts?: false
}

const all: Scenario[] = []

function scenario(title: string, script: string, options: { readonly restarts?: false } = {}): void {
  all.push({ title, script, ...options })
}

// One transfer, from its preparing to its end.

scenario(
  'a transfer is held, then posted',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10           -> prepared
  balance alice posted 0 held 10
  balance shop posted 0 in 10
  fulfill t1                         -> fulfilled
  balance alice posted -10
  balance shop posted 10
  feed t1
`,
)

scenario(
  'a rejected transfer gives its amount back',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10           -> prepared
  reject t1                          -> rejected
  balance alice posted 0
  balance shop posted 0
  feed
  books t1 rejected
`,
)

scenario(
  'a transfer is dead at the instant it expires',
  `
  open alice                         -> opened
  deposit alice 100 ref a            -> deposited
  prepare t1 alice shop 10 expires 1000 -> prepared
  clock 999
  balance alice posted 100 held 10
  expired
  clock 1000
  fulfill t1                         -> exists_expired
  expired t1
  balance alice posted 100
  balance shop
`,
)

scenario(
  'a transfer can be fulfilled up to the last millisecond',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10 expires 1000 -> prepared
  clock 999
  fulfill t1                         -> fulfilled
  clock 1000
  expired
  balance alice posted -10
`,
)

scenario(
  'every batch finds what is overdue, in the order of expiry, and reports it once',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 1 expires 3000 -> prepared
  prepare t2 alice shop 2 expires 1000 -> prepared
  prepare t3 alice shop 4 expires 5000 -> prepared
  prepare t4 alice shop 8 expires 1000 -> prepared
  clock 3000
  expired t2 t4 t1
  expired
  balance alice posted 0 held 4
  balance shop in 4
  clock 100000
  expired t3
  balance alice posted 0
`,
)

scenario(
  'a transfer of nothing is a transfer',
  `
  open alice                         -> opened
  prepare t1 alice shop 0            -> prepared
  prepare t1 alice shop 0            -> exists
  fulfill t1                         -> fulfilled
  prepare t1 alice shop 0            -> exists_fulfilled
  balance alice
  feed t1
`,
)

scenario(
  'the largest amount goes through',
  `
  given balance 18446744073709551615
  open alice credit 18446744073709551615 -> opened
  prepare t1 alice shop 18446744073709551615 -> prepared
  balance alice held 18446744073709551615
  fulfill t1                         -> fulfilled
  balance alice posted -18446744073709551615
  balance shop posted 18446744073709551615
  prepare t2 alice shop 1            -> exceeds_balance
  prepare t3 alice shop 0            -> prepared
`,
)

scenario(
  'the shop pays a customer without a limit of its own',
  `
  open alice                         -> opened
  prepare t1 shop alice 500          -> prepared
  balance shop held 500
  balance alice in 500
  fulfill t1                         -> fulfilled
  balance shop posted -500
  balance alice posted 500
  prepare t2 alice shop 500          -> prepared
  fulfill t2                         -> fulfilled
  balance shop
  feed t1, t2
`,
)

scenario(
  'a customer pays another',
  `
  open alice credit 10               -> opened
  open bob                           -> opened
  prepare t1 alice bob 10            -> prepared
  prepare t2 bob shop 1              -> exceeds_balance
  fulfill t1                         -> fulfilled
  prepare t2 bob shop 1              -> prepared
  balance bob posted 10 held 1
  books of bob t1 fulfilled, t2 held
  books of shop t2 held
`,
)

scenario(
  'a transfer of an account to itself moves nothing',
  `
  open alice credit 10               -> opened
  prepare t1 alice alice 10          -> prepared
  balance alice held 10 in 10
  fulfill t1                         -> fulfilled
  balance alice
  prepare t2 alice shop 10           -> prepared
  fulfill t2                         -> fulfilled
  books of alice t1 fulfilled, t2 fulfilled
  books of alice newest t2 fulfilled, t1 fulfilled
`,
)

// Repeats and races.

scenario(
  'a repeated prepare is the same transfer',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10           -> prepared
  prepare t1 alice shop 10           -> exists
  look_up t1                         -> exists
  balance alice held 10
  fulfill t1                         -> fulfilled
  prepare t1 alice shop 10           -> exists_fulfilled
  look_up t1                         -> exists_fulfilled
  balance alice posted -10
`,
)

scenario(
  'a repeated prepare of a rejected transfer learns so',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10           -> prepared
  reject t1                          -> rejected
  prepare t1 alice shop 10           -> exists_rejected
  look_up t1                         -> exists_rejected
  balance alice
`,
)

scenario(
  'a repeated prepare of an expired transfer learns so for a while',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10 expires 1000 -> prepared
  clock 1000
  prepare t1 alice shop 10 expires 1000 -> exists_expired
  look_up t1                         -> exists_expired
  expired t1
  clock 10999
  look_up t1                         -> exists_expired
  clock 11000
  look_up t1                         -> not_found
  prepare t1 alice shop 10 expires 1000 -> expired
`,
)

scenario(
  'an id means one content: another is refused whatever became of the first',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10           -> prepared
  prepare t1 alice shop 11           -> exists_different
  prepare t1 alice shop 10 content x -> exists_different
  look_up t1 content y               -> exists_different
  fulfill t1                         -> fulfilled
  prepare t1 alice shop 11           -> exists_different
  prepare t2 alice shop 1            -> prepared
  reject t2                          -> rejected
  prepare t2 alice shop 2            -> exists_different
  balance alice posted -10
`,
)

scenario(
  'the id is looked up before the amount, the limit or the expiry is judged',
  `
  open alice credit 10               -> opened
  prepare t1 alice shop 10 expires 1000 -> prepared
  prepare t1 alice shop 10 expires 1000 -> exists
  fulfill t1                         -> fulfilled
  limit alice 0                      -> limited
  prepare t1 alice shop 10 expires 1000 -> exists_fulfilled
  clock 999
  prepare t1 alice shop 10 expires 1000 -> exists_fulfilled
`,
)

scenario(
  'a fulfilled id is remembered until its transfer would have expired',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10 expires 2000 -> prepared
  fulfill t1                         -> fulfilled
  clock 1999
  look_up t1                         -> exists_fulfilled
  clock 2000
  look_up t1                         -> not_found
  prepare t1 alice shop 10 expires 2000 -> expired
  search t1 expires 2000             -> fulfilled
`,
)

scenario(
  'two accounts may use the same id',
  `
  open alice credit 100              -> opened
  open bob credit 100                -> opened
  prepare t1 alice shop 10           -> prepared
  prepare t1 bob shop 20             -> prepared
  fulfill t1 of bob                  -> fulfilled
  balance alice held 10
  balance bob posted -20
  reject t1 of alice                 -> rejected
  balance alice
`,
)

scenario(
  'a transfer ends once: fulfilled',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10           -> prepared
  fulfill t1                         -> fulfilled
  fulfill t1                         -> exists_fulfilled
  reject t1                          -> exists_fulfilled
  balance alice posted -10
  feed t1
`,
)

scenario(
  'a transfer ends once: rejected',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10           -> prepared
  reject t1                          -> rejected
  reject t1                          -> exists_rejected
  fulfill t1                         -> exists_rejected
  balance alice
  feed
`,
)

scenario(
  'a transfer ends once: expired',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10 expires 1000 -> prepared
  clock 1000
  reject t1                          -> exists_expired
  fulfill t1                         -> exists_expired
  balance alice
  feed
  books t1 expired
`,
)

scenario(
  'fulfill and reject in one batch: the first one counts',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10           -> prepared
  prepare t2 alice shop 20           -> prepared
  batch
  fulfill t1                         -> fulfilled
  reject t1                          -> exists_fulfilled
  reject t2                          -> rejected
  fulfill t2                         -> exists_rejected
  end
  balance alice posted -10
`,
)

scenario(
  'a wrong fulfillment leaves the hold',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 10           -> prepared
  fulfill t1 with t2                 -> wrong_fulfillment
  balance alice held 10
  fulfill t1                         -> fulfilled
  balance alice posted -10
`,
)

scenario(
  'what was never held is not found',
  `
  open alice credit 100              -> opened
  fulfill t1 of alice                -> not_found
  reject t1 of alice                 -> not_found
  look_up t1 of alice                -> not_found
  prepare t1 alice shop 101          -> exceeds_balance
  look_up t1                         -> not_found
  fulfill t1                         -> not_found
  prepare t1 alice shop 100          -> prepared
`,
)

scenario(
  'prepare and fulfill in one batch',
  `
  open alice credit 100              -> opened
  batch
  prepare t1 alice shop 60           -> prepared
  fulfill t1                         -> fulfilled
  prepare t2 alice shop 41           -> exceeds_balance
  prepare t3 alice shop 40           -> prepared
  reject t3                          -> rejected
  prepare t4 alice shop 40           -> prepared
  end
  balance alice posted -60 held 40
  feed t1
  prepare t1 alice shop 60           -> exists_fulfilled
`,
)

scenario(
  'a hold that begins and ends in one batch leaves no record, and is remembered by the process',
  `
  open alice credit 100              -> opened
  batch
  prepare t1 alice shop 60           -> prepared
  reject t1                          -> rejected
  end
  prepare t1 alice shop 60           -> exists_rejected
  books
`,
  { restarts: false },
)

// Limits.

scenario(
  'credit can be used up to the last unit and no further',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 101          -> exceeds_balance
  prepare t2 alice shop 100          -> prepared
  prepare t3 alice shop 1            -> exceeds_balance
  fulfill t2                         -> fulfilled
  prepare t4 alice shop 1            -> exceeds_balance
  balance alice posted -100
`,
)

scenario(
  'two prepares at the limit: the second finds the first one held',
  `
  open alice credit 10               -> opened
  batch
  prepare t1 alice shop 6            -> prepared
  prepare t2 alice shop 5            -> exceeds_balance
  prepare t3 alice shop 4            -> prepared
  end
  reject t1                          -> rejected
  prepare t4 alice shop 7            -> exceeds_balance
  prepare t5 alice shop 6            -> prepared
`,
)

scenario(
  'what is held for an account does not help it to pay',
  `
  open alice                         -> opened
  prepare t1 shop alice 50           -> prepared
  prepare t2 alice shop 1            -> exceeds_balance
  fulfill t1                         -> fulfilled
  prepare t2 alice shop 50           -> prepared
  balance alice posted 50 held 50
`,
)

scenario(
  'a limit below what is owed stops further holds and nothing else',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 60           -> prepared
  prepare t2 alice shop 20           -> prepared
  fulfill t1                         -> fulfilled
  limit alice 10                     -> limited
  prepare t3 alice shop 1            -> exceeds_balance
  fulfill t2                         -> fulfilled
  balance alice posted -80
  limit alice 81                     -> limited
  prepare t4 alice shop 1            -> prepared
  account alice named credit 81
`,
)

scenario(
  'a deposit is spent before credit, and only once',
  `
  open alice credit 5                -> opened
  deposit alice 10 ref a             -> deposited
  prepare t1 alice shop 16           -> exceeds_balance
  prepare t2 alice shop 15           -> prepared
  fulfill t2                         -> fulfilled
  balance alice posted -5
  feed deposit a, t2
`,
)

scenario(
  'an account may not hold more than the largest balance, with what is on its way to it',
  `
  given balance 100
  open alice                         -> opened
  open bob credit 1000               -> opened
  deposit alice 101 ref a            -> exceeds_target
  deposit alice 90 ref b             -> deposited
  prepare t1 bob alice 11            -> exceeds_target
  prepare t2 bob alice 10            -> prepared
  prepare t3 bob alice 1             -> exceeds_target
  deposit alice 1 ref c              -> exceeds_target
  reject t2                          -> rejected
  prepare t4 shop alice 11           -> exceeds_target
  prepare t5 shop alice 10           -> prepared
  fulfill t5                         -> fulfilled
  balance alice posted 100
  prepare t6 alice shop 100          -> prepared
  fulfill t6                         -> fulfilled
  prepare t7 bob shop 1              -> prepared
  prepare t8 bob shop 12             -> exceeds_target
`,
)

scenario(
  'an account has only so many open holds',
  `
  given holds 2
  open alice credit 100              -> opened
  open bob credit 100                -> opened
  prepare t1 alice shop 1            -> prepared
  prepare t2 alice shop 0            -> prepared
  prepare t3 alice shop 1            -> exceeds_holds
  prepare t3 bob shop 1              -> prepared
  prepare t1 alice shop 1            -> exists
  fulfill t1                         -> fulfilled
  prepare t3 alice shop 1            -> prepared
  prepare t4 alice shop 1            -> exceeds_holds
  reject t2                          -> rejected
  prepare t4 alice shop 1            -> prepared
`,
)

scenario(
  'the place of an expired hold is free at once',
  `
  given holds 1
  open alice credit 100              -> opened
  prepare t1 alice shop 1 expires 1000 -> prepared
  clock 999
  prepare t2 alice shop 1 expires 5000 -> exceeds_holds
  clock 1000
  prepare t2 alice shop 1 expires 5000 -> prepared
  expired t1
`,
)

scenario(
  'only so many ids of an account are remembered, and they are forgotten in time',
  `
  given ids 2
  open alice credit 100              -> opened
  open bob credit 100                -> opened
  prepare t1 alice shop 1 expires 2000 -> prepared
  fulfill t1                         -> fulfilled
  prepare t2 alice shop 1 expires 3000 -> prepared
  reject t2                          -> rejected
  prepare t3 alice shop 1            -> exceeds_ids
  prepare t3 bob shop 1              -> prepared
  prepare t2 alice shop 1 expires 3000 -> exists_rejected
  clock 1999
  prepare t4 alice shop 1            -> exceeds_ids
  clock 2000
  prepare t4 alice shop 1            -> prepared
  prepare t5 alice shop 1            -> exceeds_ids
  clock 3000
  prepare t5 alice shop 1            -> prepared
`,
)

scenario(
  'the expiry is neither past nor too far away',
  `
  given expiry 5000
  open alice credit 100              -> opened
  clock 1000
  prepare t1 alice shop 1 expires 1000 -> expired
  prepare t2 alice shop 1 expires 999 -> expired
  prepare t3 alice shop 1 expires 1001 -> prepared
  prepare t4 alice shop 1 expires 6000 -> prepared
  prepare t5 alice shop 1 expires 6001 -> expires_too_late
  clock 1001
  prepare t5 alice shop 1 expires 6001 -> prepared
`,
)

scenario(
  'a clock that goes back does not bring anything back to life',
  `
  open alice credit 100              -> opened
  prepare t1 alice shop 1 expires 2000 -> prepared
  prepare t2 alice shop 1 expires 3000 -> prepared
  clock 2500
  expired t1
  clock 100
  fulfill t1                         -> exists_expired
  prepare t3 alice shop 1 expires 2500 -> expired
  prepare t4 alice shop 1 expires 2501 -> prepared
  fulfill t2                         -> fulfilled
  clock 2501
  expired t4
`,
)

scenario(
  'refusals come in a fixed order',
  `
  given holds 1, expiry 5000, strangers 0, balance 1000
  open alice credit 0                -> opened
  prepare t1 nobody shop 1 expires 0 -> account_not_found
  prepare t2 alice nobody 1 expires 0 -> account_not_found
  prepare t3 alice shop 1 expires 0  -> expired
  prepare t4 alice shop 1 expires 5001 -> expires_too_late
  prepare t5 alice shop 0 expires 5000 -> prepared
  prepare t6 alice shop 5000 expires 5000 -> exceeds_holds
  reject t5                          -> rejected
  prepare t6 alice shop 5000 expires 5000 -> exceeds_balance
`,
)

scenario(
  'the accounts of value outside and of bad debts take part in no transfer',
  `
  open alice credit 100              -> opened
  prepare t1 alice settlement 1      -> account_not_found
  prepare t2 settlement alice 1      -> account_not_found
  prepare t3 bad_debt alice 1        -> account_not_found
  deposit settlement 1 ref a         -> account_not_found
  withdraw bad_debt 0 ref a          -> account_not_found
  limit settlement 1                 -> account_not_found
  write_off shop                     -> account_not_found
  deposit suspense 5 ref a           -> deposited
  prepare t4 suspense alice 6        -> exceeds_balance
  prepare t5 suspense alice 5        -> prepared
  fulfill t5                         -> fulfilled
  balance alice posted 5
  balance settlement posted -5
`,
)

// Deposits and withdrawals.

scenario(
  'a deposit counts once for its reference',
  `
  open alice                         -> opened
  open bob                           -> opened
  deposit alice 100 ref a            -> deposited
  deposit alice 100 ref a            -> exists
  deposit alice 101 ref a            -> exists_different
  deposit bob 100 ref a              -> exists_different
  deposit alice 100 ref b            -> deposited
  balance alice posted 200
  balance settlement posted -200
  deposit carol 1 ref c              -> account_not_found
  feed deposit a, deposit b
  books of alice deposit a, deposit b
`,
)

scenario(
  'a refused deposit does not use up its reference',
  `
  given balance 100
  open alice                         -> opened
  deposit alice 101 ref a            -> exceeds_target
  deposit alice 100 ref a            -> deposited
`,
)

scenario(
  'two deposits of one reference in one batch',
  `
  open alice                         -> opened
  batch
  deposit alice 5 ref a              -> deposited
  deposit alice 5 ref a              -> exists
  withdraw alice 5 ref a             -> withdrawn
  withdraw alice 5 ref a             -> exists
  end
  balance alice
  feed deposit a, withdrawal a
`,
)

scenario(
  'only what is there and not held can be withdrawn',
  `
  open alice credit 1000             -> opened
  withdraw alice 1 ref a             -> exceeds_balance
  withdraw alice 0 ref z             -> withdrawn
  deposit alice 100 ref a            -> deposited
  prepare t1 alice shop 30           -> prepared
  withdraw alice 71 ref a            -> exceeds_balance
  withdraw alice 70 ref a            -> withdrawn
  withdraw alice 70 ref a            -> exists
  withdraw alice 69 ref a            -> exists_different
  balance alice posted 30 held 30
  fulfill t1                         -> fulfilled
  withdraw shop 30 ref b             -> withdrawn
  balance shop
  balance settlement
`,
)

// Strangers.

scenario(
  'what all strangers owe and hold on credit has a bound of its own',
  `
  given strangers 100
  open s1 stranger credit 80         -> opened
  open s2 stranger credit 80         -> opened
  open p1 passing credit 80          -> opened
  open alice credit 80               -> opened
  prepare t1 s1 shop 60              -> prepared
  prepare t2 s2 shop 41              -> exceeds_strangers
  prepare t3 p1 shop 40              -> prepared
  strangers 100
  prepare t4 s2 shop 1               -> exceeds_strangers
  prepare t5 s2 shop 0               -> prepared
  prepare t6 alice shop 80           -> prepared
  fulfill t1                         -> fulfilled
  strangers 100
  reject t3                          -> rejected
  strangers 60
  prepare t7 s2 shop 41              -> exceeds_strangers
  prepare t8 s2 shop 40              -> prepared
`,
)

scenario(
  'a stranger cannot go beyond its own credit either',
  `
  given strangers 100
  open s1 stranger credit 10         -> opened
  prepare t1 s1 shop 11              -> exceeds_balance
  prepare t2 s1 shop 10              -> prepared
`,
)

scenario(
  'a stranger who paid before uses nothing of what strangers may owe',
  `
  given strangers 5
  open s1 stranger                   -> opened
  open s2 stranger credit 5          -> opened
  deposit s1 100 ref a               -> deposited
  prepare t1 s2 shop 5               -> prepared
  prepare t2 s1 shop 100             -> prepared
  strangers 5
  prepare t3 s1 shop 1               -> exceeds_balance
  fulfill t2                         -> fulfilled
  strangers 5
  account s1 stranger credit 0
`,
)

scenario(
  'the shop paying a stranger makes room, once it is posted',
  `
  given strangers 50
  open s1 stranger credit 50         -> opened
  open s2 stranger credit 50         -> opened
  prepare t1 s1 shop 50              -> prepared
  fulfill t1                         -> fulfilled
  prepare t2 shop s1 20              -> prepared
  prepare t3 s2 shop 1               -> exceeds_strangers
  fulfill t2                         -> fulfilled
  strangers 30
  prepare t3 s2 shop 20              -> prepared
  strangers 50
`,
)

scenario(
  'an expired hold of a stranger makes room',
  `
  given strangers 50
  open s1 stranger credit 50         -> opened
  open s2 stranger credit 50         -> opened
  prepare t1 s1 shop 50 expires 1000 -> prepared
  clock 999
  prepare t2 s2 shop 50 expires 9000 -> exceeds_strangers
  clock 1000
  prepare t2 s2 shop 50 expires 9000 -> prepared
  expired t1
`,
)

scenario(
  'a stranger with a limit of the operator is a customer',
  `
  given strangers 10
  open s1 stranger credit 10         -> opened
  prepare t1 s1 shop 10              -> prepared
  fulfill t1                         -> fulfilled
  strangers 10
  limit s1 1000                      -> limited
  strangers 0
  account s1 named credit 1000
  prepare t2 s1 shop 990             -> prepared
  open s1 stranger credit 10         -> exists
  account s1 named credit 1000
`,
)

scenario(
  'a stranger that comes back gets the credit that strangers have now',
  `
  given strangers 100
  open s1 stranger credit 10         -> opened
  prepare t1 s1 shop 10              -> prepared
  open s1 stranger credit 20         -> exists
  account s1 stranger credit 20
  prepare t2 s1 shop 10              -> prepared
  open s1 named credit 30            -> exists
  account s1 named credit 30
  open s1 named credit 40            -> exists
  account s1 named credit 30
  strangers 0
`,
)

scenario(
  'the bound on strangers can be lowered below what they owe',
  `
  given strangers 100
  open s1 stranger credit 100        -> opened
  prepare t1 s1 shop 60              -> prepared
  fulfill t1                         -> fulfilled
  restart strangers 50
  prepare t2 s1 shop 1               -> exceeds_strangers
  prepare t3 s1 shop 0               -> prepared
  deposit s1 60 ref a                -> deposited
  strangers 0
  prepare t4 s1 shop 51              -> exceeds_strangers
  prepare t5 s1 shop 50              -> prepared
  strangers 50
`,
)

scenario(
  'passing accounts are merged into one, whose debts they become',
  `
  given strangers 100
  open p1 passing credit 50          -> opened
  open p2 passing credit 50          -> opened
  open all passing                   -> opened
  prepare t1 p1 shop 30              -> prepared
  merge p1 into all                  -> has_holds
  fulfill t1                         -> fulfilled
  prepare t2 shop p2 7               -> prepared
  merge p2 into all                  -> has_holds
  fulfill t2                         -> fulfilled
  clock 500
  merge p1 into all                  -> merged
  gone p1
  balance all posted -30
  owes all since 500
  strangers 30
  merge p2 into all                  -> merged
  balance all posted -23
  strangers 23
  feed t1, t2, merge, merge
  merge all into all                 -> account_not_found
`,
)

scenario(
  'a passing account that did nothing merges without an entry',
  `
  open p1 passing credit 50          -> opened
  open all passing                   -> opened
  merge p1 into all                  -> merged
  gone p1
  feed
`,
)

scenario(
  'customers and strangers with a past are not merged',
  `
  given strangers 100
  open alice                         -> opened
  open s1 stranger credit 10         -> opened
  open all passing                   -> opened
  merge alice into all               -> account_not_found
  merge all into alice               -> account_not_found
  merge shop into all                -> account_not_found
  prepare t1 s1 shop 1               -> prepared
  reject t1                          -> rejected
  merge s1 into all                  -> account_not_found
  balance s1
`,
)

scenario(
  'a name is free again once its account was merged, and the new account is another one',
  `
  given strangers 100
  open p1 passing credit 50          -> opened
  open all passing                   -> opened
  prepare t1 p1 shop 30              -> prepared
  fulfill t1                         -> fulfilled
  merge p1 into all                  -> merged
  open p1 passing credit 50          -> opened
  balance p1
  look_up t1 of p1                   -> not_found
  prepare t1 p1 shop 30              -> prepared
  fulfill t1                         -> fulfilled
  balance p1 posted -30
  books of p1 t1 fulfilled
`,
)

scenario(
  'debts are written off to an account of their own',
  `
  given strangers 100
  open s1 stranger credit 100        -> opened
  prepare t1 s1 shop 70              -> prepared
  write_off s1                       -> owes_nothing
  fulfill t1                         -> fulfilled
  prepare t2 s1 shop 30              -> prepared
  write_off s1                       -> written_off
  balance s1 held 30
  balance bad_debt posted -70
  balance shop posted 70 in 30
  strangers 30
  owes s1 nothing
  write_off s1                       -> owes_nothing
  write_off nobody                   -> account_not_found
  feed t1, write_off
`,
)

scenario(
  'since when somebody owes',
  `
  open alice credit 100              -> opened
  owes alice nothing
  clock 100
  prepare t1 alice shop 10           -> prepared
  owes alice nothing
  clock 200
  fulfill t1                         -> fulfilled
  owes alice since 200
  clock 300
  prepare t2 alice shop 10           -> prepared
  fulfill t2                         -> fulfilled
  owes alice since 200
  deposit alice 20 ref a             -> deposited
  owes alice nothing
  clock 400
  prepare t3 alice shop 1            -> prepared
  fulfill t3                         -> fulfilled
  owes alice since 400
`,
)

// Reading the books.

scenario(
  'the books show everything, oldest or newest first, of all or of one',
  `
  open alice credit 100              -> opened
  open bob credit 100                -> opened
  deposit alice 5 ref a              -> deposited
  prepare t1 alice shop 1            -> prepared
  prepare t2 bob shop 2              -> prepared
  prepare t3 alice shop 3            -> prepared
  prepare t4 bob alice 4             -> prepared
  reject t2                          -> rejected
  fulfill t1                         -> fulfilled
  books deposit a, t2 rejected, t1 fulfilled, t3 held, t4 held
  books newest t4 held, t3 held, t1 fulfilled, t2 rejected, deposit a
  books newest limit 3 t4 held, t3 held, t1 fulfilled
  books limit 2 deposit a, t2 rejected
  books of alice deposit a, t1 fulfilled, t3 held, t4 held
  books of bob newest t4 held, t2 rejected
  books of alice newest limit 3 t4 held, t3 held, t1 fulfilled
  books of settlement deposit a
  books of shop newest t3 held, t1 fulfilled, t2 rejected
  feed deposit a, t1
`,
)

scenario(
  'transfers that were fulfilled lately can be told again',
  `
  open alice credit 100              -> opened
  open bob credit 100                -> opened
  prepare t1 alice shop 1 expires 1000 -> prepared
  prepare t2 alice shop 1 expires 2000 -> prepared
  prepare t3 bob shop 1              -> prepared
  prepare t4 alice shop 1            -> prepared
  prepare t5 alice shop 1            -> prepared
  fulfill t2                         -> fulfilled
  fulfill t1                         -> fulfilled
  fulfill t3                         -> fulfilled
  reject t4                          -> rejected
  recent alice t2 t1
  clock 1000
  expired
  recent alice t2
  recent bob t3
  clock 2000
  expired
  recent alice
`,
)

scenario(
  'what became of a transfer can be searched in the records of its account',
  `
  given expiry 5000
  open alice credit 100              -> opened
  open bob credit 100                -> opened
  prepare t1 alice shop 1 expires 1000 -> prepared
  prepare t2 alice shop 1 expires 1000 -> prepared
  prepare t3 alice shop 1 expires 1000 -> prepared
  fulfill t1                         -> fulfilled
  reject t2                          -> rejected
  clock 60000
  expired t3
  look_up t1                         -> not_found
  search t1 expires 1000             -> fulfilled
  search t2 expires 1000             -> rejected
  search t3 expires 1000             -> expired
  search t4 of alice expires 1000    -> not_found
  search t1 of bob expires 1000      -> not_found
`,
)

scenario(
  'a restart forgets nothing that counts',
  `
  given strangers 100, holds 2
  open alice credit 100              -> opened
  open s1 stranger credit 50         -> opened
  deposit alice 5 ref a              -> deposited
  prepare t1 alice shop 10           -> prepared
  prepare t2 s1 shop 20 expires 1000 -> prepared
  prepare t3 alice shop 30           -> prepared
  fulfill t3                         -> fulfilled
  restart
  balance alice posted -25 held 10
  balance s1 held 20
  balance shop posted 30 in 30
  strangers 20
  deposit alice 5 ref a              -> exists
  prepare t1 alice shop 10           -> exists
  prepare t3 alice shop 30           -> exists_fulfilled
  look_up t2                         -> exists
  clock 1000
  restart
  expired t2
  strangers 0
  look_up t2                         -> exists_expired
  restart
  look_up t2                         -> exists_expired
  fulfill t1                         -> fulfilled
  balance alice posted -35
  balance shop posted 40
  feed deposit a, t3, t1
`,
)

scenario(
  'a stranger who did nothing is not written down',
  `
  open s1 stranger credit 50         -> opened
  open alice                         -> opened
  gone nobody
  restart
  gone s1
  account alice named credit 0
`,
)

scenario(
  'ids that have not expired are counted again after a restart',
  `
  given ids 2
  open alice credit 100              -> opened
  prepare t1 alice shop 1 expires 2000 -> prepared
  fulfill t1                         -> fulfilled
  prepare t2 alice shop 1 expires 3000 -> prepared
  restart
  prepare t3 alice shop 1            -> exceeds_ids
  clock 2000
  restart
  prepare t3 alice shop 1            -> prepared
  prepare t4 alice shop 1            -> exceeds_ids
`,
)

export const scenarios: readonly Scenario[] = all
