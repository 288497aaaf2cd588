-- name: ensure_months
-- Make the partitions of these months (first days) where they are missing.
-- Locks: for a missing one, others who need it until the transaction ends, and maintenance of the log. Call it before anything else.
SELECT events_ensure_month(month) FROM unnest(%(months)s::date[]) AS month;

-- name: append
-- Insert events (JSON: n, contact_id, name, at, properties, key) in the order of `n`. Those with a key are stored only if
-- the key has no receipt yet, and get one.
-- Side effects: events_receipt. Locks: waits for a transaction that is storing the same key.
WITH batch AS (
    SELECT * FROM jsonb_to_recordset(%(events)s::jsonb)
        AS new (n integer, contact_id uuid, name text, at timestamptz, properties jsonb, key uuid)
), receipt AS (
    INSERT INTO events_receipt (workspace_id, message_key, received_at)
    SELECT DISTINCT %(workspace_id)s::integer, key, %(now)s::timestamptz FROM batch WHERE key IS NOT NULL ORDER BY key
    ON CONFLICT DO NOTHING
    RETURNING message_key
)
INSERT INTO events_event (workspace_id, at, received_at, contact_id, name, properties)
SELECT %(workspace_id)s, batch.at, %(now)s, batch.contact_id, batch.name, batch.properties
FROM batch
WHERE batch.key IS NULL OR batch.key IN (SELECT message_key FROM receipt)
ORDER BY batch.n;

-- name: append_one
-- Insert one event without a key and return its id.
INSERT INTO events_event (workspace_id, at, received_at, contact_id, name, properties)
VALUES (%(workspace_id)s, %(at)s, %(now)s, %(contact_id)s, %(name)s, %(properties)s::jsonb)
RETURNING id;

-- name: receive
-- Give receipts to message keys; returns those that had none.
INSERT INTO events_receipt (workspace_id, message_key, received_at)
SELECT %(workspace_id)s, key, %(now)s FROM unnest(%(keys)s::uuid[]) AS key ORDER BY key
ON CONFLICT DO NOTHING
RETURNING message_key;

-- name: timeline
-- A contact's events, newest first, after the keyset (before_at, before_id); both null for the first page. `names` null: all.
SELECT id, at, name, properties
FROM events_event
WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
  AND (%(names)s::text[] IS NULL OR name = ANY(%(names)s::text[]))
  AND (%(before_at)s::timestamptz IS NULL OR (at, id) < (%(before_at)s::timestamptz, %(before_id)s::bigint))
ORDER BY at DESC, id DESC
LIMIT %(limit)s;

-- name: latest_of
-- Which contact, still there, something of this name happened to last, among the latest `most` entries of the log: however long it is, and however rare the
-- name, no more of it is read. Reads the primary key backwards.
SELECT contact_id
FROM (
    SELECT xid, id, name, contact_id FROM events_event
    WHERE workspace_id = %(workspace_id)s
    ORDER BY xid DESC, id DESC
    LIMIT %(most)s
) AS latest
WHERE name = %(name)s AND EXISTS (SELECT FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND contacts_contact.id = contact_id)
ORDER BY xid DESC, latest.id DESC
LIMIT 1;

-- name: is_in_log
-- Whether something of this name, with these properties (JSON) among its own, happened to a contact. Reads the index of the contact's events.
SELECT EXISTS (
    SELECT FROM events_event
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND name = %(name)s AND properties @> %(properties)s::jsonb
);
