-- name: start_forgetting
-- Make the place of a workspace's pass over the receipts, at the beginning, if it has none.
INSERT INTO events_forgetting (workspace_id, next_at) VALUES (%(workspace_id)s, %(now)s)
ON CONFLICT DO NOTHING;

-- name: lock_forgetting
-- The block of the receipts' table at which the pass goes on, and how many blocks there are; no row before it is time, or while another
-- worker is at it. Locks: the place.
SELECT block, pg_relation_size('events_receipt') / current_setting('block_size')::bigint AS blocks
FROM events_forgetting
WHERE workspace_id = %(workspace_id)s AND next_at <= %(now)s
FOR NO KEY UPDATE SKIP LOCKED;

-- name: forget_receipts
-- Drop the receipts older than an instant that stand in some blocks of the table (tids: from `first` to before `until`). Reads these blocks
-- alone: the table has no index by time, which each new receipt would have to pay for.
DELETE FROM events_receipt
WHERE workspace_id = %(workspace_id)s AND received_at < %(before)s AND ctid >= %(first)s::tid AND ctid < %(until)s::tid;

-- name: go_on_forgetting
-- Where the pass goes on, and when.
UPDATE events_forgetting SET block = %(block)s, next_at = %(next_at)s WHERE workspace_id = %(workspace_id)s;
