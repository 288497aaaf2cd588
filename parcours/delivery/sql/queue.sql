-- name: enqueue
-- Queue messages, once per (mailing, run, contact): a repeated row is skipped in silence, also where the person has the message of that step
-- and run from another version of the journey, since they were two contacts (few messages have a `merged_run`, and an index knows them).
-- Parameters: rows (JSON: mailing_id, run, contact_id, event_at, event_id, due_at), now. Locks: none but the new rows.
INSERT INTO delivery_message (workspace_id, mailing_id, run, contact_id, event_at, event_id, state, is_urgent, is_test, queued_at, due_at,
                              expires_at)
SELECT %(workspace_id)s, q.mailing_id, q.run, q.contact_id, q.event_at, q.event_id, 'queued',
       p.basis = 'contract' OR l.origin IN ('confirm', 'test'), l.origin = 'test', %(now)s, q.due_at, q.due_at + l.valid_for
FROM ROWS FROM (
    json_to_recordset(%(rows)s::json)
        AS (mailing_id int, run bigint, contact_id uuid, event_at timestamptz, event_id bigint, due_at timestamptz)
) WITH ORDINALITY AS q (mailing_id, run, contact_id, event_at, event_id, due_at, position)
JOIN delivery_mailing l ON l.workspace_id = %(workspace_id)s AND l.id = q.mailing_id
JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
WHERE NOT EXISTS (
    SELECT FROM delivery_message o
    JOIN delivery_mailing ol ON ol.workspace_id = %(workspace_id)s AND ol.id = o.mailing_id
    WHERE o.workspace_id = %(workspace_id)s AND o.contact_id = q.contact_id AND o.merged_run = q.run
      AND (ol.origin, ol.origin_id, ol.step) = (l.origin, l.origin_id, l.step)
)
ORDER BY q.position
ON CONFLICT (workspace_id, mailing_id, run, contact_id) DO NOTHING;

-- name: add_mailing
-- Make a mailing, or find it again by its place (origin, version, step). Locks: the new row.
-- Never changes one that exists: what was announced under a place stays.
WITH added AS (
    INSERT INTO delivery_mailing (workspace_id, origin, origin_id, origin_version, step, name, name_fr, name_en, channel,
                                  purpose_id, template_version_id, coupon_id, guard, valid_for, created_at)
    VALUES (%(workspace_id)s, %(origin)s, %(origin_id)s, %(origin_version)s, %(step)s, %(name)s, %(name_fr)s, %(name_en)s,
            'email', %(purpose_id)s, %(template_version_id)s, %(coupon_id)s, %(guard)s, %(valid_for)s, %(now)s)
    ON CONFLICT (workspace_id, origin, origin_id, origin_version, step) DO NOTHING
    RETURNING id
)
SELECT id FROM added
UNION ALL
SELECT id FROM delivery_mailing
WHERE workspace_id = %(workspace_id)s AND origin = %(origin)s AND origin_id = %(origin_id)s AND origin_version = %(origin_version)s
  AND step = %(step)s
LIMIT 1;

-- name: claim_due
-- Lock due messages, urgent ones first, then by due time (of equals the one that waited longest), skipping held mailings and what
-- another judge holds. A test goes to a member (no address: not one any more). Parameters: now, limit. Locks: the messages returned, until
-- the transaction ends. Changes nothing.
WITH held AS MATERIALIZED (
    SELECT coalesce(array_agg(id), '{}') AS ids FROM delivery_mailing
    WHERE workspace_id = %(workspace_id)s AND held_at IS NOT NULL AND stopped_at IS NULL
),
urgent AS (
    SELECT m.* FROM delivery_message m
    WHERE m.workspace_id = %(workspace_id)s AND m.state = 'queued' AND NOT m.is_held AND m.is_urgent AND m.due_at <= %(now)s
      AND m.mailing_id <> ALL ((SELECT ids FROM held)::int[])
    ORDER BY m.due_at, m.queued_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
),
ordinary AS (
    SELECT m.* FROM delivery_message m
    WHERE m.workspace_id = %(workspace_id)s AND m.state = 'queued' AND NOT m.is_held AND NOT m.is_urgent AND m.due_at <= %(now)s
      AND m.mailing_id <> ALL ((SELECT ids FROM held)::int[])
    ORDER BY m.due_at, m.queued_at LIMIT %(limit)s - (SELECT count(*) FROM urgent) FOR UPDATE SKIP LOCKED
)
SELECT q.id, q.mailing_id, q.run, q.contact_id, q.event_at, q.event_id, q.verdict, nullif(q.reasons, '[]') AS reasons,
       coalesce(CASE WHEN q.is_test THEN (SELECT accounts_member_address(t.workspace_id, t.user_id) FROM delivery_trial t
                                          WHERE t.workspace_id = %(workspace_id)s AND t.id = q.run)
                     ELSE c.email END, '') AS email,
       coalesce(c.time_zone, '') AS time_zone, q.is_test
FROM (SELECT * FROM urgent UNION ALL SELECT * FROM ordinary) q
LEFT JOIN LATERAL (
    SELECT email, time_zone FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND id = q.contact_id LIMIT 1
) AS c ON true
ORDER BY q.is_urgent DESC, q.due_at, q.queued_at, q.id;

-- name: set_aside
-- Take due messages of held mailings out of the way of claims, which would walk over them again and again. Looks at the first `limit`
-- due messages of each urgency, as a claim does. Parameters: now, limit. Locks: the held mailings (against their release meanwhile), and those
-- messages, skipping those that somebody works on. Returns nothing.
WITH held AS MATERIALIZED (
    SELECT id FROM delivery_mailing
    WHERE workspace_id = %(workspace_id)s AND held_at IS NOT NULL AND stopped_at IS NULL
    ORDER BY id FOR SHARE
),
front AS MATERIALIZED (
    SELECT first.id, first.mailing_id
    FROM (VALUES (true), (false)) AS kind (is_urgent)
    CROSS JOIN LATERAL (
        SELECT m.id, m.mailing_id FROM delivery_message m
        WHERE m.workspace_id = %(workspace_id)s AND m.state = 'queued' AND NOT m.is_held AND m.is_urgent = kind.is_urgent
          AND m.due_at <= %(now)s
        ORDER BY m.due_at, m.queued_at LIMIT %(limit)s
    ) AS first
    WHERE EXISTS (SELECT FROM held)
),
met AS (
    SELECT m.id FROM delivery_message m
    WHERE m.workspace_id = %(workspace_id)s AND m.id IN (SELECT id FROM front WHERE mailing_id IN (SELECT id FROM held))
      AND m.state = 'queued'
    FOR UPDATE SKIP LOCKED
)
UPDATE delivery_message m SET is_held = true FROM met WHERE m.workspace_id = %(workspace_id)s AND m.id = met.id;

-- name: release
-- Let held mailings go on: what is still queued of them is worth as much longer as it has been held; while all sending is paused, as it had been
-- held before that: `lengthen` counts the pause. Parameters: mailing_ids, now.
-- Locks: those mailings and messages.
WITH held AS MATERIALIZED (
    SELECT id, held_at FROM delivery_mailing
    WHERE workspace_id = %(workspace_id)s AND id = ANY(%(mailing_ids)s) AND held_at IS NOT NULL
    ORDER BY id FOR NO KEY UPDATE
),
released AS (
    UPDATE delivery_mailing l SET held_at = NULL FROM held WHERE l.workspace_id = %(workspace_id)s AND l.id = held.id
)
UPDATE delivery_message m
SET is_held = false,
    expires_at = m.expires_at
        + greatest(interval '0', least(%(now)s::timestamptz, (SELECT paused_at FROM delivery_sending WHERE workspace_id = %(workspace_id)s))
                                 - greatest(held.held_at, m.queued_at))
FROM held
WHERE m.workspace_id = %(workspace_id)s AND m.mailing_id = held.id AND m.state = 'queued';

-- name: lengthen
-- Make everything queued worth as much longer as sending has been paused; of a mailing that is held, as it had been paused before that: `release`
-- counts the hold. Parameters: paused_at, now. Locks: those messages.
UPDATE delivery_message m
SET expires_at = m.expires_at
        + greatest(interval '0', least(%(now)s::timestamptz, l.held_at) - greatest(%(paused_at)s::timestamptz, m.queued_at))
FROM delivery_mailing l
WHERE l.workspace_id = %(workspace_id)s AND l.id = m.mailing_id
  AND m.workspace_id = %(workspace_id)s AND ((m.state = 'queued' AND NOT m.is_held) OR m.is_held);

-- name: cancel_queued
-- Give up what is still queued of some mailings. Parameters: mailing_ids. Locks: those messages.
WITH cancelled AS (
    UPDATE delivery_message SET state = 'cancelled', is_held = false
    WHERE workspace_id = %(workspace_id)s AND state = 'queued' AND mailing_id = ANY(%(mailing_ids)s)
    RETURNING id
),
freed AS (
    DELETE FROM delivery_allowance WHERE workspace_id = %(workspace_id)s AND message_id IN (SELECT id FROM cancelled)
)
SELECT count(*) FROM cancelled;

-- name: give_back
-- Queue again what was claimed and never started, so that the gate judges it anew. Parameters: ids, fences (arrays).
-- A message claimed by somebody else since (another fence), or whose attempt has begun, is left alone. Its allowance is returned.
WITH returned AS (
    UPDATE delivery_message m SET state = 'queued', lease_until = NULL
    FROM unnest(%(ids)s::uuid[], %(fences)s::int[]) AS g (id, fence)
    WHERE m.workspace_id = %(workspace_id)s AND m.id = g.id AND m.fence = g.fence AND m.state = 'sending'
      AND NOT EXISTS (SELECT FROM delivery_attempt a
                      WHERE a.workspace_id = m.workspace_id AND a.message_id = m.id AND a.fence = m.fence)
    RETURNING m.id
),
freed AS (
    DELETE FROM delivery_allowance WHERE workspace_id = %(workspace_id)s AND message_id IN (SELECT id FROM returned)
)
SELECT count(*) FROM returned;

-- name: renew
-- Keep the leases of messages that are being worked on. Parameters: ids, fences, lease_until.
UPDATE delivery_message m SET lease_until = %(lease_until)s
FROM unnest(%(ids)s::uuid[], %(fences)s::int[]) AS g (id, fence)
WHERE m.workspace_id = %(workspace_id)s AND m.id = g.id AND m.fence = g.fence AND m.state = 'sending';

-- name: sweep
-- What a lost sender left behind, when its lease has run out: a message whose attempt had begun is in doubt, for a person to
-- settle; one that had not is queued again. Parameters: now. Locks: those messages, skipping those that somebody works on.
-- Side effects: states, the attempts' outcomes, returned allowances. Returns how many of each.
WITH expired AS (
    SELECT id, fence FROM delivery_message
    WHERE workspace_id = %(workspace_id)s AND state = 'sending' AND lease_until <= %(now)s
    ORDER BY lease_until LIMIT 5000 FOR UPDATE SKIP LOCKED
),
begun AS (
    UPDATE delivery_attempt a SET outcome = 'in_doubt', finished_at = %(now)s
    FROM expired e
    WHERE a.workspace_id = %(workspace_id)s AND a.message_id = e.id AND a.fence = e.fence AND a.outcome = ''
    RETURNING a.message_id
),
moved AS (
    UPDATE delivery_message m
    SET state = CASE WHEN b.message_id IS NULL THEN 'queued' ELSE 'in_doubt' END, lease_until = NULL
    FROM expired e LEFT JOIN begun b ON b.message_id = e.id
    WHERE m.workspace_id = %(workspace_id)s AND m.id = e.id
    RETURNING m.id, m.state
),
freed AS (
    DELETE FROM delivery_allowance
    WHERE workspace_id = %(workspace_id)s AND message_id IN (SELECT id FROM moved WHERE state = 'queued')
)
SELECT count(*) FILTER (WHERE state = 'queued') AS requeued, count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt FROM moved;

-- name: reconsider
-- Judge again, now, what waits for somebody because of what they chose. Parameters: contact_id, codes (of reasons), now.
-- Locks: those messages.
UPDATE delivery_message SET due_at = %(now)s
WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND state = 'queued' AND verdict = 'delay' AND due_at > %(now)s
  AND EXISTS (SELECT FROM jsonb_array_elements(reasons) AS reason WHERE reason ->> 'code' = ANY(%(codes)s::text[]));
