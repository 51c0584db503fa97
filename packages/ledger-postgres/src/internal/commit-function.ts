/**
 * The one statement that writes a group: it makes sure that the group was not applied before and that every account still
 * stands as it was decided upon, takes the next places in the feed, and writes everything. Sets, never row by row.
 *
 * Locks are taken in one order by all: the host's own row, accounts by id, the row of the feed.
 */

/** Parameters in their order, with their types. */
export const commitParameters = [
  ['p_host', 'bigint'],
  ['p_incarnation', 'bigint'],
  ['p_group', 'bigint'],
  ['p_at', 'bigint'],
  ['p_alive_until', 'bigint'],
  // Accounts that are read and stay as they are.
  ['r_id', 'bigint[]'],
  ['r_version', 'bigint[]'],
  // Accounts that change, by id; version 0 for new ones.
  ['a_id', 'bigint[]'],
  ['a_version', 'bigint[]'],
  ['a_name', 'text[]'],
  ['a_kind', 'smallint[]'],
  ['a_posted', 'numeric[]'],
  ['a_held_out', 'numeric[]'],
  ['a_held_in', 'numeric[]'],
  ['a_holds_out', 'integer[]'],
  ['a_holds_in', 'integer[]'],
  ['a_credit_limit', 'numeric[]'],
  ['a_opened_at', 'bigint[]'],
  ['a_owed_since', 'bigint[]'],
  ['a_last', 'integer[]'],
  ['a_closed', 'smallint[]'],
  // New holds.
  ['h_source', 'bigint[]'],
  ['h_target', 'bigint[]'],
  ['h_expires_at', 'bigint[]'],
  ['h_content_hash', 'bigint[]'],
  ['h_amount', 'numeric[]'],
  ['h_id', 'bytea[]'],
  ['h_condition', 'bytea[]'],
  ['h_destination', 'text[]'],
  // Holds that ended, with their places among the records of the group.
  ['e_source', 'bigint[]'],
  ['e_serial', 'bigint[]'],
  ['e_n', 'integer[]'],
  ['e_kind', 'smallint[]'],
  ['e_fulfillment', 'bytea[]'],
  // All other records.
  ['t_n', 'integer[]'],
  ['t_source', 'bigint[]'],
  ['t_target', 'bigint[]'],
  ['t_expires_at', 'bigint[]'],
  ['t_content_hash', 'bigint[]'],
  ['t_kind', 'smallint[]'],
  ['t_amount', 'numeric[]'],
  ['t_id', 'bytea[]'],
  ['t_destination', 'text[]'],
  ['t_fulfillment', 'bytea[]'],
  ['t_reference', 'text[]'],
  ['t_moves', 'boolean'],
  // What is derived from all accounts: by how much it changes, what it was thought to be, and how far that may be wrong.
  ['server_posted_more', 'numeric'],
  ['server_held_in_more', 'numeric'],
  ['server_seen', 'numeric'],
  ['server_peak', 'numeric'],
  ['server_max', 'numeric'],
  ['server_refused', 'boolean'],
  ['strangers_more', 'numeric'],
  ['strangers_seen', 'numeric'],
  ['strangers_peak', 'numeric'],
  ['strangers_max', 'numeric'],
  ['strangers_refused', 'boolean'],
] as const

export type CommitParameter = (typeof commitParameters)[number][0]

export function commitGroup(s: string): string {
  return `
CREATE FUNCTION ${s}.commit_group(${commitParameters.map(([name, type]) => `${name} ${type}`).join(', ')})
RETURNS TABLE (
  status text, stale bigint[], o_seq bigint, o_serial bigint, o_at bigint,
  o_server_posted numeric, o_server_held_in numeric, o_strangers numeric, o_clock bigint
) LANGUAGE plpgsql AS
$$
DECLARE
  h ${s}.hosts;
  f ${s}.feed;
  has numeric;
  moved integer;
BEGIN
  o_clock := ${s}.clock_ms();
  SELECT * INTO h FROM ${s}.hosts WHERE hosts.id = p_host FOR UPDATE;
  IF h.incarnation IS DISTINCT FROM p_incarnation THEN
    status := 'replaced';
    RETURN NEXT;
    RETURN;
  END IF;
  IF h.last_group >= p_group THEN
    status := CASE WHEN h.last_group = p_group AND NOT h.voided THEN 'applied' ELSE 'void' END;
    o_seq := h.last_seq;
    o_serial := h.last_serial;
    o_at := h.last_at;
    RETURN NEXT;
    RETURN;
  END IF;

  SELECT array_agg(seen.id) INTO stale
  FROM unnest(a_id, a_version) AS seen (id, version)
  LEFT JOIN (
    SELECT id, version FROM ${s}.accounts WHERE id = ANY (a_id) ORDER BY id FOR UPDATE
  ) AS now ON now.id = seen.id
  WHERE coalesce(now.version, 0) <> seen.version;
  IF stale IS NULL AND cardinality(r_id) > 0 THEN
    SELECT array_agg(seen.id) INTO stale
    FROM unnest(r_id, r_version) AS seen (id, version)
    LEFT JOIN ${s}.accounts AS now ON now.id = seen.id
    WHERE coalesce(now.version, 0) <> seen.version;
  END IF;
  IF stale IS NOT NULL THEN
    status := 'stale';
    RETURN NEXT;
    RETURN;
  END IF;

  SELECT * INTO f FROM ${s}.feed FOR UPDATE;
  o_seq := f.seq;
  o_serial := f.serial;
  o_at := greatest(p_at, f.at);
  o_server_posted := f.server_posted;
  o_server_held_in := f.server_held_in;
  o_strangers := f.strangers;
  has := f.server_posted + f.server_held_in;
  -- A transfer is dead at its instant, also when another host's time has come that far first.
  IF p_alive_until <= o_at
    OR has - server_seen + server_peak > server_max OR (server_refused AND has < server_seen)
    OR f.strangers - strangers_seen + strangers_peak > strangers_max
    OR (strangers_refused AND f.strangers < strangers_seen)
  THEN
    status := 'stale';
    RETURN NEXT;
    RETURN;
  END IF;

  IF cardinality(a_id) > 0 THEN
    UPDATE ${s}.accounts SET
      version = accounts.version + 1, kind = v.kind, posted = v.posted, held_out = v.held_out, held_in = v.held_in,
      holds_out = v.holds_out, holds_in = v.holds_in, credit_limit = v.credit_limit, owed_since = v.owed_since,
      last_seq = CASE WHEN v.last > 0 THEN f.seq + v.last ELSE accounts.last_seq END, closed = v.closed = 1
    FROM unnest(a_id, a_version, a_kind, a_posted, a_held_out, a_held_in, a_holds_out, a_holds_in, a_credit_limit,
        a_owed_since, a_last, a_closed)
      AS v (id, version, kind, posted, held_out, held_in, holds_out, holds_in, credit_limit, owed_since, last, closed)
    WHERE accounts.id = v.id AND v.version > 0;
    IF 0 = ANY (a_version) THEN
      INSERT INTO ${s}.accounts
      SELECT v.id, 1, v.name, v.kind, v.posted, v.held_out, v.held_in, v.holds_out, v.holds_in, v.credit_limit,
        v.opened_at, v.owed_since, CASE WHEN v.last > 0 THEN f.seq + v.last ELSE 0 END, v.closed = 1
      FROM unnest(a_id, a_version, a_name, a_kind, a_posted, a_held_out, a_held_in, a_holds_out, a_holds_in,
          a_credit_limit, a_opened_at, a_owed_since, a_last, a_closed)
        AS v (id, version, name, kind, posted, held_out, held_in, holds_out, holds_in, credit_limit, opened_at,
          owed_since, last, closed)
      WHERE v.version = 0;
    END IF;
  END IF;

  -- A hold becomes a record: what it is made of is here already.
  IF cardinality(e_source) > 0 THEN
    WITH ended AS (
      DELETE FROM ${s}.holds USING unnest(e_source, e_serial, e_n, e_kind, e_fulfillment)
        AS v (source, serial, n, kind, fulfillment)
      WHERE holds.source = v.source AND holds.serial = v.serial
      RETURNING v.n, v.kind, v.fulfillment, holds.*
    )
    INSERT INTO ${s}.transfers
      (seq, at, source, target, expires_at, content_hash, kind, amount, id, destination, fulfillment)
    SELECT f.seq + n, o_at, source, target, expires_at, content_hash, kind, amount, id, destination, fulfillment
    FROM ended;
    GET DIAGNOSTICS moved = ROW_COUNT;
    -- Versions say that they were there.
    IF moved <> cardinality(e_source) THEN
      RAISE EXCEPTION 'of % open holds % are there', cardinality(e_source), moved;
    END IF;
  END IF;

  IF cardinality(h_source) > 0 THEN
    INSERT INTO ${s}.holds
      (source, serial, target, expires_at, prepared_at, content_hash, host, amount, id, condition, destination)
    SELECT v.source, f.serial + v.n, v.target, v.expires_at, o_at, v.content_hash, p_host, v.amount, v.id, v.condition,
      v.destination
    FROM unnest(h_source, h_target, h_expires_at, h_content_hash, h_amount, h_id, h_condition, h_destination)
      WITH ORDINALITY AS v (source, target, expires_at, content_hash, amount, id, condition, destination, n);
  END IF;

  IF cardinality(t_source) > 0 THEN
    INSERT INTO ${s}.transfers
      (seq, at, source, target, expires_at, content_hash, kind, amount, id, destination, fulfillment, reference)
    SELECT f.seq + v.n, o_at, v.source, v.target, v.expires_at, v.content_hash, v.kind, v.amount, v.id, v.destination,
      v.fulfillment, v.reference
    FROM unnest(t_n, t_source, t_target, t_expires_at, t_content_hash, t_kind, t_amount, t_id, t_destination,
        t_fulfillment, t_reference)
      AS v (n, source, target, expires_at, content_hash, kind, amount, id, destination, fulfillment, reference);
    IF t_moves THEN
      INSERT INTO ${s}.movements (kind, reference, seq, account, amount)
      SELECT v.kind, v.reference, f.seq + v.n, CASE v.kind WHEN 4 THEN v.target ELSE v.source END, v.amount
      FROM unnest(t_n, t_kind, t_reference, t_source, t_target, t_amount)
        AS v (n, kind, reference, source, target, amount)
      WHERE v.kind IN (4, 5);
    END IF;
  END IF;

  UPDATE ${s}.feed SET
    seq = f.seq + cardinality(e_source) + cardinality(t_source), serial = f.serial + cardinality(h_source), at = o_at,
    server_posted = f.server_posted + server_posted_more, server_held_in = f.server_held_in + server_held_in_more,
    server_owed_since = CASE WHEN f.server_posted + server_posted_more < 0 THEN coalesce(f.server_owed_since, o_at) END,
    strangers = f.strangers + strangers_more
  RETURNING feed.server_posted, feed.server_held_in, feed.strangers
  INTO o_server_posted, o_server_held_in, o_strangers;
  UPDATE ${s}.hosts SET last_group = p_group, voided = false, last_seq = f.seq, last_serial = f.serial, last_at = o_at,
    seen_at = greatest(hosts.seen_at, o_clock)
  WHERE hosts.id = p_host;
  status := 'done';
  RETURN NEXT;
END
$$;`
}
