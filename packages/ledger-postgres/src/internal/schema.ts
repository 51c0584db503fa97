/**
 * The tables and functions, as steps that bring a schema from one version to the next. A step that was released is never
 * changed; what is to be different is a new step.
 *
 * Everything is keyed by something that grows: records by their place in the feed (`seq`), which is dense and commits in
 * order because every group takes its places from the one row of `feed` and holds that row until its commit. Transfers
 * carry random ids; no index has them. Which ids of an account may still be repeated is kept by hosts, which read the
 * account's newest records.
 *
 * | table       | one row for                                                                                   |
 * | ----------- | --------------------------------------------------------------------------------------------- |
 * | accounts    | an account, with sums over its open holds and a version that grows with each change             |
 * | feed        | the ledger: last place, ledger time, what is derived from all accounts, where history begins   |
 * | transfers   | everything that has ended, in order: the books                                                  |
 * | holds       | an open hold                                                                                  |
 * | movements   | the reference of a deposit or withdrawal, each once                                           |
 * | checkpoints | an account of which records were pruned: what they add up to                                   |
 * | hosts       | a process that serves accounts: its last group, so that none is ever applied twice              |
 * | streams     | a stream of the shop                                                                          |
 */
import { commitGroup } from './commit-function.js'

export const schemaVersion = 1

/** What `meta.product` says: the schema is ours. */
export const product = 'millstream ledger'

/** Times are milliseconds since 1970, amounts base units, kinds as in `rows.ts`. `${s}` is the quoted schema. */
export function steps(s: string): readonly string[] {
  return [first(s)]
}

function first(s: string): string {
  return `
CREATE TABLE ${s}.accounts (
  id bigint PRIMARY KEY,
  version bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  kind smallint NOT NULL,               -- 0 system, 1 named, 2 stranger, 3 passing
  posted numeric(40, 0) NOT NULL,              -- 0 for the server, whose balance is in feed
  held_out numeric(40, 0) NOT NULL,
  held_in numeric(40, 0) NOT NULL,             -- 0 for the server
  holds_out integer NOT NULL,
  holds_in integer NOT NULL,            -- 0 for the server
  credit_limit numeric(20, 0) NOT NULL,
  opened_at bigint NOT NULL,
  owed_since bigint,
  last_seq bigint NOT NULL,             -- its newest record, 0 for none; not what the server is paid
  closed boolean NOT NULL               -- merged into another: its name is free again, its id is not
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX accounts_name ON ${s}.accounts (name) WHERE NOT closed;

CREATE TABLE ${s}.account_ids (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  next bigint NOT NULL
);

CREATE TABLE ${s}.feed (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL,                  -- place of the last record
  serial bigint NOT NULL,               -- number of the last hold
  at bigint NOT NULL,                   -- ledger time of the last group
  server_posted numeric(40, 0) NOT NULL,       -- derived: what makes the sum of all balances zero
  server_held_in numeric(40, 0) NOT NULL,
  server_owed_since bigint,
  strangers numeric(40, 0) NOT NULL,           -- sum of the exposures of all strangers
  pruned_seq bigint NOT NULL,           -- records up to here are in checkpoints only
  pruned_at bigint,                     -- when the last of them ended
  pruned_entries bigint NOT NULL,
  pruned_posted numeric(40, 0) NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE ${s}.transfers (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  source bigint NOT NULL,
  target bigint NOT NULL,
  expires_at bigint,
  content_hash bigint,
  kind smallint NOT NULL,               -- 1 fulfilled, 2 rejected, 3 expired, 4 deposit, 5 withdrawal, 6 merge, 7 write-off
  amount numeric(40, 0) NOT NULL,
  id bytea,
  destination text,
  fulfillment bytea,
  reference text
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);
CREATE INDEX transfers_source ON ${s}.transfers (source, seq);
CREATE INDEX transfers_target ON ${s}.transfers (target, seq) WHERE target <> 1;

CREATE TABLE ${s}.holds (
  source bigint NOT NULL,
  serial bigint NOT NULL,
  target bigint NOT NULL,
  expires_at bigint NOT NULL,
  prepared_at bigint NOT NULL,
  content_hash bigint NOT NULL,
  host bigint NOT NULL,                 -- the one that prepared it
  amount numeric(20, 0) NOT NULL,
  id bytea NOT NULL,
  condition bytea NOT NULL,
  destination text NOT NULL,
  PRIMARY KEY (source, serial)
) WITH (autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX holds_expires_at ON ${s}.holds (expires_at);

CREATE TABLE ${s}.movements (
  kind smallint NOT NULL,
  reference text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  account bigint NOT NULL,
  amount numeric(40, 0) NOT NULL,
  CONSTRAINT movements_reference PRIMARY KEY (kind, reference)
);

CREATE TABLE ${s}.checkpoints (
  account bigint PRIMARY KEY,
  posted numeric(40, 0) NOT NULL
);

CREATE TABLE ${s}.hosts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  incarnation bigint NOT NULL,          -- grows with each start of a process of that name
  last_group bigint NOT NULL,
  voided boolean NOT NULL,              -- the last group was given up and must not be applied any more
  last_seq bigint NOT NULL,             -- where the records and holds of the last group begin, less one
  last_serial bigint NOT NULL,
  last_at bigint NOT NULL,
  seen_at bigint NOT NULL,              -- the database's clock; 0 when it has left
  CONSTRAINT hosts_name UNIQUE (name)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE ${s}.streams (
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  user_id text COLLATE "C" PRIMARY KEY,
  writer bigint NOT NULL,               -- the process that wrote it last, and its how-manieth write that was
  revision bigint NOT NULL,
  kid smallint NOT NULL,
  price numeric(20, 0) NOT NULL,
  unit text NOT NULL,
  resource text NOT NULL,
  etag text,
  created_at bigint NOT NULL,
  owner text,
  cursor bigint NOT NULL,
  pieces numeric(40, 0) NOT NULL,
  floor bigint NOT NULL,
  numbers bytea NOT NULL,
  ended_at bigint,
  ending text
);

INSERT INTO ${s}.accounts VALUES
  (1, 1, 'server', 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, false),
  (2, 1, 'settlement', 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, false),
  (3, 1, 'bad_debt', 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, false),
  (4, 1, 'suspense', 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0, false);
INSERT INTO ${s}.account_ids (next) VALUES (16);
INSERT INTO ${s}.feed VALUES (true, 0, 0, 0, 0, 0, NULL, 0, 0, NULL, 0, 0);

-- The database's clock in milliseconds.
CREATE FUNCTION ${s}.clock_ms() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- The last place whose record ended before an instant. Ledger time does not go back from one record to the next.
CREATE FUNCTION ${s}.last_before(instant bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS
$$
DECLARE
  low bigint;
  high bigint;
  middle bigint;
  ended bigint;
BEGIN
  SELECT pruned_seq, seq INTO low, high FROM ${s}.feed;
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    SELECT at INTO ended FROM ${s}.transfers WHERE seq = middle;
    IF ended < instant THEN low := middle; ELSE high := middle - 1; END IF;
  END LOOP;
  RETURN low;
END
$$;

-- Takes in turn what a group is going to change, in the order in which every group does.
CREATE FUNCTION ${s}.lock_group(p_host bigint, p_accounts bigint[]) RETURNS void LANGUAGE plpgsql AS
$$
BEGIN
  PERFORM 1 FROM ${s}.hosts WHERE id = p_host FOR UPDATE;
  PERFORM 1 FROM ${s}.accounts WHERE id = ANY (p_accounts) ORDER BY id FOR UPDATE;
  PERFORM 1 FROM ${s}.feed FOR UPDATE;
END
$$;

-- Makes sure of a group whose answer was lost: either it was applied, or it never will be.
CREATE FUNCTION ${s}.settle_group(p_host bigint, p_incarnation bigint, p_group bigint)
RETURNS TABLE (status text, seq bigint, serial bigint, at bigint) LANGUAGE plpgsql AS
$$
#variable_conflict use_column
BEGIN
  UPDATE ${s}.hosts SET last_group = p_group, voided = true
  WHERE id = p_host AND incarnation = p_incarnation AND last_group < p_group;
  RETURN QUERY SELECT
    CASE WHEN incarnation <> p_incarnation THEN 'replaced' WHEN voided THEN 'void' ELSE 'applied' END,
    last_seq, last_serial, last_at
  FROM ${s}.hosts WHERE id = p_host;
END
$$;
${commitGroup(s)}`
}
