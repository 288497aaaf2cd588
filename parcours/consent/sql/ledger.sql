-- name: record_statements
-- Append statements to the ledger, and make a state of what is the first about its (contact, purpose, channel), for any number of people.
-- Parameters: arrays of equal length (contact_ids, purposes, channels, acts, at, sources, wordings, ips, user_agents, details).
-- Locks: the state rows made; waits for who makes the same ones. Side effects: consent_record, consent_state.
-- Within one call a (contact, purpose, channel) counts once: the latest, the last of equals. Returns of each its record, its position
-- (1-based), and whether it is the first. The others are for `move_on`, which needs a snapshot of its own.
WITH said AS (
    SELECT s.position, s.contact_id, p.id AS purpose_id, s.channel, s.act, s.at, s.source, s.wording, s.ip, s.user_agent, s.detail
    FROM unnest(%(contact_ids)s::uuid[], %(purposes)s::text[], %(channels)s::text[], %(acts)s::text[], %(at)s::timestamptz[],
                %(sources)s::text[], %(wordings)s::text[], %(ips)s::inet[], %(user_agents)s::text[], %(details)s::jsonb[])
         WITH ORDINALITY AS s (contact_id, purpose, channel, act, at, source, wording, ip, user_agent, detail, position)
    JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.code = s.purpose
),
recorded AS (
    INSERT INTO consent_record (workspace_id, contact_id, purpose_id, channel, act, at, source, wording, ip, user_agent, detail)
    SELECT %(workspace_id)s, contact_id, purpose_id, channel, act, at, source, wording, ip, user_agent, detail
    FROM said ORDER BY at, position
    RETURNING id, contact_id, purpose_id, channel, act, at
),
latest AS (
    SELECT DISTINCT ON (contact_id, purpose_id, channel) *
    FROM recorded ORDER BY contact_id, purpose_id, channel, at DESC, id DESC
),
first AS (
    INSERT INTO consent_state (workspace_id, contact_id, purpose_id, channel, act, since, record_id)
    SELECT %(workspace_id)s, contact_id, purpose_id, channel, act, at, id FROM latest
    ORDER BY contact_id, purpose_id, channel
    ON CONFLICT (workspace_id, contact_id, purpose_id, channel) DO NOTHING
    RETURNING record_id
)
SELECT l.id AS record_id, max(s.position) AS position, l.id IN (SELECT record_id FROM first) AS is_first
FROM latest l
JOIN said s ON s.contact_id = l.contact_id AND s.purpose_id = l.purpose_id AND s.channel = l.channel
    AND s.act = l.act AND s.at = l.at
GROUP BY l.id
ORDER BY 2;

-- name: move_on
-- Bring the states in step with these records; returns those that changed one. A record older than the state that is known changes
-- nothing. What was there before is read from the locked row: of two who say the same at once, only the first changes it.
-- Locks: the state rows, in order; waits for who else changes them. Side effects: consent_state.
WITH held AS MATERIALIZED (
    SELECT s.id, s.act AS before, s.since, r.id AS record_id, r.act, r.at
    FROM consent_record r
    JOIN consent_state s ON s.workspace_id = r.workspace_id AND s.contact_id = r.contact_id
        AND s.purpose_id = r.purpose_id AND s.channel = r.channel
    WHERE r.workspace_id = %(workspace_id)s AND r.id = ANY(%(record_ids)s::bigint[])
    ORDER BY s.contact_id, s.purpose_id, s.channel
    FOR NO KEY UPDATE OF s
),
moved AS (
    UPDATE consent_state s SET act = held.act, since = held.at, record_id = held.record_id
    FROM held
    WHERE s.workspace_id = %(workspace_id)s AND s.id = held.id AND held.since <= held.at
    RETURNING held.record_id, held.before, held.act
)
SELECT record_id FROM moved WHERE before <> act;

-- name: move_records
-- Give the ledger of a merged person to the one who is kept. Locks and changes those rows.
UPDATE consent_record SET contact_id = %(kept)s
WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s;

-- name: move_states
-- After a merge: the state of each purpose and channel is the latest act of either person; on a tie, the refusal.
INSERT INTO consent_state (workspace_id, contact_id, purpose_id, channel, act, since, record_id)
SELECT DISTINCT ON (purpose_id, channel) workspace_id, %(kept)s, purpose_id, channel, act, at, id
FROM consent_record
WHERE workspace_id = %(workspace_id)s AND contact_id = %(kept)s
ORDER BY purpose_id, channel, at DESC, (act IN ('withdrawn', 'objected')) DESC, id DESC
ON CONFLICT (workspace_id, contact_id, purpose_id, channel) DO UPDATE
    SET act = excluded.act, since = excluded.since, record_id = excluded.record_id;

-- name: drop_states
-- The state rows of a merged person.
DELETE FROM consent_state WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s;

-- name: move_pace
-- After a merge: the longer pause and the lower frequency of the two persons hold for the one who is kept. Parameters: now.
WITH gone AS (
    DELETE FROM consent_pace WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s RETURNING paused_until, every_days
)
INSERT INTO consent_pace (workspace_id, contact_id, paused_until, every_days, changed_at)
SELECT %(workspace_id)s, %(kept)s, paused_until, every_days, %(now)s FROM gone
ON CONFLICT (workspace_id, contact_id) DO UPDATE
    SET paused_until = greatest(consent_pace.paused_until, excluded.paused_until),
        every_days = greatest(consent_pace.every_days, excluded.every_days), changed_at = excluded.changed_at;

-- name: move_suppressions
-- What is known of whose addresses are suppressed follows a merge. The suppressions themselves stay.
UPDATE consent_suppression SET contact_id = %(kept)s
WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s;
