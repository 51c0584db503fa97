/**
 * The tables, and how the file is known for what it is.
 *
 * All keys grow with time, so that a write touches the newest pages only, however large the file has become. Transfers
 * carry random ids; there is no index of them. What one account did is a chain through its transfers, newest first
 * (`source_previous`, `target_previous`), which begins at `accounts.last_seq`: an index would cost a page for each
 * account in each commit. Two small tables have random keys: streams live for some hours, and references are as many as
 * deposits and withdrawals.
 *
 * Amounts and balances are INTEGER as long as they fit 64 bits with a sign, else decimal TEXT; their columns have no
 * affinity, so that SQLite does not make doubles of them.
 */

/** `MSL` and 1, at its place in the header of the file. */
export const applicationId = 0x4d53_4c31
export const schemaVersion = 2

/** Transfers that are gone through in one turn of the event loop: some four milliseconds. Divides `blockRows`. */
export const portionRows = 2_048

/** Transfers of one row of `repeatable`. */
export const blockRows = 16_384

export function blockOf(seq: number): number {
  return Math.floor((seq - 1) / blockRows)
}

/** The end of the portion that begins after `from`: portions never reach over the end of a block. */
export function portionEnd(from: number, last: number): number {
  return Math.min(last, (Math.floor(from / portionRows) + 1) * portionRows)
}

/** What removed records leave behind. */
const historyTables = `
-- One row for each account with removed records: what they add up to, and where its chain was cut.
CREATE TABLE checkpoints (
  account INTEGER PRIMARY KEY,     -- 0 for closed accounts of which no record is left
  paid NOT NULL,                   -- sum of the entries of which it was the source
  received NOT NULL,               -- and the target
  last_seq INTEGER NOT NULL        -- its last removed record, 0 for none
);

-- One row: up to where records have been removed.
CREATE TABLE pruned (
  seq INTEGER NOT NULL,
  at INTEGER,                      -- when that record ended
  entries INTEGER NOT NULL         -- removed records that moved value
);
INSERT INTO pruned (seq, at, entries) VALUES (0, NULL, 0);
`

/** From one form to the next, by the version that they begin with. */
export const migrations: ReadonlyMap<number, string> = new Map([
  [
    1,
    `
ALTER TABLE movements ADD COLUMN account INTEGER;
ALTER TABLE movements ADD COLUMN amount;
${historyTables}
PRAGMA user_version = 2;
`,
  ],
])

export const tables = `
CREATE TABLE meta (
  name TEXT PRIMARY KEY NOT NULL,
  value NOT NULL
) WITHOUT ROWID;

-- Open accounts. The server's balance is derived: it is what makes the sum of all balances zero.
CREATE TABLE accounts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  kind INTEGER NOT NULL,           -- 0 system, 1 named, 2 stranger, 3 passing
  posted,
  credit_limit NOT NULL,
  opened_at INTEGER NOT NULL,      -- ms since 1970, as all times here
  owed_since INTEGER,
  last_seq INTEGER NOT NULL        -- head of its chain of transfers, 0 for none
);

-- Accounts that were merged into another.
CREATE TABLE closed_accounts (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  kind INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  last_seq INTEGER NOT NULL
);

-- Everything that has ended, in order, without a gap: the books.
CREATE TABLE transfers (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind INTEGER NOT NULL,           -- 1 fulfilled, 2 rejected, 3 expired, 4 deposit, 5 withdrawal, 6 merge, 7 write-off
  source INTEGER NOT NULL,
  target INTEGER NOT NULL,
  amount NOT NULL,
  source_previous INTEGER NOT NULL,
  target_previous INTEGER NOT NULL DEFAULT 0,
  id BLOB,
  destination TEXT,
  expires_at INTEGER,
  content_hash INTEGER,
  fulfillment BLOB,
  reference TEXT
);

-- For each block of 16,384 transfers until when one of them may be repeated: what a start has to go through.
CREATE TABLE repeatable (
  block INTEGER PRIMARY KEY,       -- (seq - 1) / 16384
  until INTEGER NOT NULL
);

-- Open holds that outlived the write after their preparing.
CREATE TABLE holds (
  serial INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  source INTEGER NOT NULL,
  target INTEGER NOT NULL,
  amount NOT NULL,
  condition BLOB NOT NULL,
  expires_at INTEGER NOT NULL,
  destination TEXT NOT NULL,
  content_hash INTEGER NOT NULL,
  prepared_at INTEGER NOT NULL
);

-- Each reference of a deposit or withdrawal counts once.
CREATE TABLE movements (
  kind INTEGER NOT NULL,
  reference TEXT NOT NULL,
  seq INTEGER NOT NULL,
  account INTEGER,                 -- what its record said, once that has been removed
  amount,
  PRIMARY KEY (kind, reference)
) WITHOUT ROWID;
${historyTables}
CREATE TABLE streams (
  number INTEGER PRIMARY KEY,
  user_id TEXT NOT NULL UNIQUE,
  kid INTEGER NOT NULL,
  price NOT NULL,
  unit TEXT NOT NULL,
  resource TEXT NOT NULL,
  etag TEXT,
  created_at INTEGER NOT NULL,
  owner TEXT,
  cursor INTEGER NOT NULL,
  pieces INTEGER NOT NULL,
  floor INTEGER NOT NULL,
  numbers BLOB NOT NULL,
  ended_at INTEGER,
  ending TEXT
);

PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${schemaVersion};
`
