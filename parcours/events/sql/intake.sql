-- name: prepare
-- Begin a group commit for one workspace: its scope, everybody held in place, the months that it writes to.
-- Locks: advisory, shared (see contacts' `hold_people`); for a missing month, the log.
SELECT set_config('app.workspace', %(workspace_id)s::text, true),
       pg_advisory_xact_lock_shared(hashtext('contacts.people'), %(workspace_id)s::integer),
       (SELECT count(*) FROM (SELECT events_ensure_month(month) FROM unnest(%(months)s::date[]) AS month) AS made);

-- name: take_in
-- Store plain events (JSON: key, name, at; external, anonymous, email, properties where there are any) of people who are known: every identity
-- given leads to one and the same contact, and the key has no receipt yet. Returns the places (from 1) of those whose people are not
-- known and of the `repeated` ones (their key comes earlier in the batch); nothing is stored for them.
-- Side effects: events_receipt. Locks: waits for a transaction that is storing the same key.
WITH batch AS MATERIALIZED (
    SELECT * FROM ROWS FROM (
        jsonb_to_recordset(%(events)s::jsonb)
            AS (key uuid, external text, anonymous text, email text, name text, at timestamptz, properties jsonb)
    ) WITH ORDINALITY AS new (key, external, anonymous, email, name, at, properties, n)
), found AS MATERIALIZED (
    -- Subqueries, not joins: whatever the planner believes about the table, each is one probe of the unique index.
    SELECT batch.*,
           CASE WHEN external IS NOT NULL THEN (
               SELECT contact_id FROM contacts_identity
               WHERE workspace_id = %(workspace_id)s AND kind = 'external' AND value = batch.external) END AS shop,
           CASE WHEN anonymous IS NOT NULL THEN (
               SELECT contact_id FROM contacts_identity
               WHERE workspace_id = %(workspace_id)s AND kind = 'anonymous' AND value = batch.anonymous) END AS browser,
           CASE WHEN email IS NOT NULL THEN (
               SELECT contact_id FROM contacts_identity
               WHERE workspace_id = %(workspace_id)s AND kind = 'email' AND value = batch.email) END AS address
    FROM batch
), known AS MATERIALIZED (
    SELECT n, key, name, at, properties, coalesce(shop, browser, address) AS contact_id
    FROM found
    WHERE n <> ALL (%(repeated)s::bigint[])
      AND (external IS NULL OR shop IS NOT NULL)
      AND (anonymous IS NULL OR browser = coalesce(shop, browser))
      AND (email IS NULL OR address = coalesce(shop, browser, address))
), receipt AS (
    INSERT INTO events_receipt (workspace_id, message_key, received_at)
    SELECT %(workspace_id)s, key, %(now)s FROM known ORDER BY key
    ON CONFLICT DO NOTHING
    RETURNING message_key
), stored AS (
    INSERT INTO events_event (workspace_id, at, received_at, contact_id, name, properties)
    SELECT %(workspace_id)s, known.at, %(now)s, known.contact_id, known.name, coalesce(known.properties, '{}')
    FROM known
    WHERE (known.key IN (SELECT message_key FROM receipt)) IS TRUE  -- IS TRUE: a hashed look-up, never a nested loop
    ORDER BY known.n
)
SELECT n FROM batch WHERE n NOT IN (SELECT n FROM known);
