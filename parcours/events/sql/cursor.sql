-- name: start_cursor
-- Make a consumer's cursor, at the beginning of the log, if it has none.
INSERT INTO events_cursor (workspace_id, consumer) VALUES (%(workspace_id)s, %(consumer)s)
ON CONFLICT DO NOTHING;

-- name: lock_cursor
-- A consumer's position, or no row when another worker holds it. Locks: the cursor's row. Until the transaction ends, what the consumer
-- asks goes by indexes: a plan that was made while tables were small must not read whole ones.
SELECT xid::text AS after_xid, event_id AS after_id
FROM events_cursor, (SELECT set_config('enable_seqscan', 'off', true)) AS by_index
WHERE workspace_id = %(workspace_id)s AND consumer = %(consumer)s
FOR UPDATE OF events_cursor SKIP LOCKED;

-- name: next_span
-- The last of at most `limit` events after a position, below every transaction that is still running; with them all: how many, their
-- names, the first and the last instant at which they happened.
WITH span AS MATERIALIZED (
    SELECT xid, id, at, name
    FROM events_event
    WHERE workspace_id = %(workspace_id)s
      AND (xid, id) > (%(after_xid)s::text::xid8, %(after_id)s)
      AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, id
    LIMIT %(limit)s
)
SELECT newest.xid::text AS until_xid, newest.id AS until_id, whole.*
FROM (SELECT xid, id FROM span ORDER BY xid DESC, id DESC LIMIT 1) AS newest,
     (SELECT count(*) AS count, array_agg(DISTINCT name) AS names, min(at) AS first_at, max(at) AS last_at FROM span) AS whole;

-- name: move_cursor
-- Write a consumer's position, which commits with its work.
UPDATE events_cursor SET xid = %(until_xid)s::text::xid8, event_id = %(until_id)s
WHERE workspace_id = %(workspace_id)s AND consumer = %(consumer)s;

-- name: transactions_ahead
-- By how many transactions the log or a cursor is ahead of this server: more than none only when the rows were written on another one
-- (what is visible was written before the snapshot's end). Reads the ends of the log's primary key.
SELECT greatest(0, greatest(
           coalesce((SELECT max(xid) FROM events_cursor WHERE workspace_id = %(workspace_id)s)::text::bigint, 0),
           coalesce((SELECT xid FROM events_event WHERE workspace_id = %(workspace_id)s ORDER BY xid DESC LIMIT 1)::text::bigint, 0)
       ) + 1 - pg_snapshot_xmax(pg_current_snapshot())::text::bigint);

-- name: drop_cursor
-- Forget a consumer's position. Locks: the cursor's row.
DELETE FROM events_cursor WHERE workspace_id = %(workspace_id)s AND consumer = %(consumer)s;

-- name: hold_cursor
-- Lock a consumer's cursor. Locks: the cursor's row, waiting for it.
SELECT FROM events_cursor WHERE workspace_id = %(workspace_id)s AND consumer = %(consumer)s FOR UPDATE;

-- name: skip_to_end
-- Move a consumer's position behind the last event below every running transaction. Never back. Locks: the cursor's row.
UPDATE events_cursor SET xid = newest.xid, event_id = newest.id
FROM (
    SELECT xid, id FROM events_event
    WHERE workspace_id = %(workspace_id)s AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid DESC, id DESC LIMIT 1
) AS newest
WHERE events_cursor.workspace_id = %(workspace_id)s AND consumer = %(consumer)s
  AND (newest.xid, newest.id) > (events_cursor.xid, events_cursor.event_id);
