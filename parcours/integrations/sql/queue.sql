-- name: notice
-- Make one delivery of each event of a span for each endpoint that wants it and was there before. Paused endpoints get theirs too: they wait.
-- What an endpoint's snapshot hides was received before it, too: on a server that a backup was restored into, the snapshot may be ahead.
-- Parameters: the span of `events.cursor`, now. Side effects: integrations_delivery. Locks: the endpoints, against their deletion.
INSERT INTO integrations_delivery (workspace_id, endpoint_id, event_xid, event_id, event_at, name, state, created_at, due_at)
SELECT v.workspace_id, e.id, v.xid::text::bigint, v.id, v.at, v.name, 'pending', %(now)s, %(now)s
FROM integrations_endpoint e
JOIN events_event v ON v.workspace_id = %(workspace_id)s AND (e.takes_all OR v.name = ANY(e.names))
WHERE e.workspace_id = %(workspace_id)s AND e.state <> 'removed'
  AND (v.xid, v.id) > (%(after_xid)s::text::xid8, %(after_id)s)
  AND (v.xid, v.id) <= (%(until_xid)s::text::xid8, %(until_id)s) AND v.at BETWEEN %(first_at)s AND %(last_at)s
  AND NOT (pg_visible_in_snapshot(v.xid, e.since::pg_snapshot) AND v.received_at <= e.created_at)
ORDER BY v.xid, v.id
ON CONFLICT DO NOTHING;

-- name: requeue_lost
-- Take up what a lost worker left, when its lease has run out. Parameters: now. Locks: those rows, skipping those somebody works on.
WITH lost AS (
    SELECT id FROM integrations_delivery
    WHERE workspace_id = %(workspace_id)s AND state = 'sending' AND lease_until <= %(now)s
    FOR UPDATE SKIP LOCKED
)
UPDATE integrations_delivery d SET state = 'pending', lease_until = NULL, due_at = %(now)s
FROM lost WHERE d.workspace_id = %(workspace_id)s AND d.id = lost.id;

-- name: claim
-- Claim due deliveries of active endpoints, each endpoint's first before anybody's second; at most `places` under way for one endpoint,
-- and one for an endpoint that fails. Parameters: now, lease_until, places, limit. Returns what their bodies say.
-- Locks: the endpoints and the deliveries, skipping those that somebody holds. Side effects: state, lease, fence, tries.
WITH open AS MATERIALIZED (
    SELECT e.id, e.url, e.secret, CASE WHEN e.former_until > %(now)s THEN e.former_secret END AS former_secret,
           CASE WHEN e.failing_since IS NULL THEN %(places)s ELSE 1 END AS places,
           (SELECT count(*) FROM integrations_delivery d
            WHERE d.workspace_id = %(workspace_id)s AND d.endpoint_id = e.id AND d.state = 'sending') AS under_way
    FROM integrations_endpoint e
    WHERE e.workspace_id = %(workspace_id)s AND e.state = 'active'
    FOR NO KEY UPDATE OF e SKIP LOCKED
),
due AS (
    SELECT d.id, d.endpoint_id, d.due_at,
           row_number() OVER (PARTITION BY d.endpoint_id ORDER BY d.due_at, d.id) + open.under_way AS turn
    FROM open CROSS JOIN LATERAL (
        SELECT id, endpoint_id, due_at FROM integrations_delivery
        WHERE workspace_id = %(workspace_id)s AND endpoint_id = open.id AND state = 'pending' AND due_at <= %(now)s
        ORDER BY due_at, id LIMIT greatest(0, open.places - open.under_way) FOR UPDATE SKIP LOCKED
    ) AS d
),
first AS (
    SELECT id FROM due ORDER BY turn, due_at, id LIMIT %(limit)s
),
claimed AS (
    UPDATE integrations_delivery d
    SET state = 'sending', lease_until = %(lease_until)s, fence = fence + 1, tries = tries + 1, tried_at = %(now)s
    FROM first WHERE d.workspace_id = %(workspace_id)s AND d.id = first.id
    RETURNING d.*
)
SELECT c.id, c.fence, c.endpoint_id, open.url, open.secret, open.former_secret, c.tries, c.name, c.event_at AS at, c.event_id,
       v.id IS NOT NULL OR c.event_id IS NULL AS is_there, v.contact_id, p.email, i.value AS external_id, v.properties
FROM claimed c
JOIN open ON open.id = c.endpoint_id
LEFT JOIN events_event v ON v.workspace_id = %(workspace_id)s AND v.xid = c.event_xid::text::xid8 AND v.id = c.event_id AND v.at = c.event_at
LEFT JOIN contacts_contact p ON p.workspace_id = %(workspace_id)s AND p.id = v.contact_id
LEFT JOIN LATERAL (
    SELECT value FROM contacts_identity
    WHERE workspace_id = %(workspace_id)s AND contact_id = v.contact_id AND kind = 'external' ORDER BY id LIMIT 1
) AS i ON true
ORDER BY c.due_at, c.id;

-- name: tell
-- Write how tries ended (JSON: id, fence, endpoint_id, code, trouble, due_at), unless somebody has claimed the delivery since. An endpoint
-- that takes something is well again; one that says 410 is paused, and one that gives a last try up after `patience` without taking any.
-- Parameters: outcomes, now, patience. Locks: those deliveries, and the endpoints that change. Returns the endpoints paused.
WITH told AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(outcomes)s::json)
        AS t (id uuid, fence int, endpoint_id int, code smallint, trouble text, due_at timestamptz)
),
ended AS (
    UPDATE integrations_delivery d
    SET state = CASE WHEN t.code BETWEEN 200 AND 299 THEN 'delivered' WHEN t.due_at IS NULL THEN 'failed' ELSE 'pending' END,
        due_at = coalesce(t.due_at, d.due_at), lease_until = NULL, code = t.code, trouble = t.trouble
    FROM told t
    WHERE d.workspace_id = %(workspace_id)s AND d.id = t.id AND d.fence = t.fence AND d.state IN ('sending', 'pending')
    RETURNING d.endpoint_id, d.state, d.code, d.trouble
),
heard AS (
    SELECT endpoint_id, bool_or(state = 'delivered') AS took, bool_or(code IS NOT DISTINCT FROM 410) AS is_gone,
           bool_or(state = 'failed') AS gave_up
    FROM ended WHERE trouble NOT IN ('event_gone', 'unreadable', 'fault') GROUP BY endpoint_id
),
changed AS (
    SELECT e.id, heard.took,
           CASE WHEN heard.is_gone THEN 'gone'
                WHEN heard.gave_up AND NOT heard.took AND e.failing_since <= %(now)s::timestamptz - %(patience)s::interval THEN 'failing' END AS pause
    FROM integrations_endpoint e JOIN heard ON heard.endpoint_id = e.id
    WHERE e.workspace_id = %(workspace_id)s AND e.state = 'active'
      AND (heard.is_gone OR heard.gave_up OR heard.took <> (e.failing_since IS NULL))
    ORDER BY e.id FOR NO KEY UPDATE OF e
)
UPDATE integrations_endpoint e
SET failing_since = CASE WHEN c.took THEN NULL ELSE coalesce(e.failing_since, %(now)s) END,
    state = CASE WHEN c.pause IS NULL THEN e.state ELSE 'paused' END,
    pause_reason = coalesce(c.pause, e.pause_reason),
    changed_at = CASE WHEN c.pause IS NULL THEN e.changed_at ELSE %(now)s END
FROM changed c
WHERE e.workspace_id = %(workspace_id)s AND e.id = c.id
RETURNING e.id, c.pause;

-- name: replay
-- Let one delivery that has ended begin again, under its own id. Parameters: endpoint_id, delivery_id, now. Locks: that delivery.
UPDATE integrations_delivery SET state = 'pending', due_at = %(now)s, tries = 0, code = NULL, trouble = ''
WHERE workspace_id = %(workspace_id)s AND endpoint_id = %(endpoint_id)s AND id = %(delivery_id)s AND state IN ('failed', 'delivered');

-- name: replay_failed
-- The same for everything that failed. Parameters: endpoint_id, now. Locks: those deliveries.
UPDATE integrations_delivery SET state = 'pending', due_at = %(now)s, tries = 0, code = NULL, trouble = ''
WHERE workspace_id = %(workspace_id)s AND endpoint_id = %(endpoint_id)s AND state = 'failed';

-- name: clear
-- Drop at most `limit` deliveries that are older than an instant, and as many of removed endpoints; one that is under way only when its
-- lease has run out, since nobody takes up what a lost worker left where no endpoint is active. Parameters: before, limit, now.
-- Locks: those rows, skipping those that somebody works on.
WITH old AS (
    SELECT id FROM integrations_delivery
    WHERE workspace_id = %(workspace_id)s AND created_at < %(before)s AND (state <> 'sending' OR lease_until <= %(now)s)
    ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
),
orphaned AS (
    SELECT d.id FROM integrations_endpoint e JOIN integrations_delivery d ON d.workspace_id = %(workspace_id)s AND d.endpoint_id = e.id
    WHERE e.workspace_id = %(workspace_id)s AND e.state = 'removed'
      AND (d.state <> 'sending' OR d.lease_until <= %(now)s)
    LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
)
DELETE FROM integrations_delivery
WHERE workspace_id = %(workspace_id)s AND (id IN (SELECT id FROM old) OR id IN (SELECT id FROM orphaned));

-- name: clear_endpoints
-- Drop removed endpoints that have no delivery any more.
DELETE FROM integrations_endpoint e
WHERE e.workspace_id = %(workspace_id)s AND e.state = 'removed'
  AND NOT EXISTS (SELECT FROM integrations_delivery d WHERE d.workspace_id = %(workspace_id)s AND d.endpoint_id = e.id);

-- name: is_anybody_active
-- Whether the workspace has an endpoint that is written to. Reads only.
SELECT EXISTS (SELECT FROM integrations_endpoint WHERE workspace_id = %(workspace_id)s AND state = 'active');

-- name: is_anybody_there
-- Whether the workspace has an endpoint, paused or not. Reads only.
SELECT EXISTS (SELECT FROM integrations_endpoint WHERE workspace_id = %(workspace_id)s AND state <> 'removed');
