-- name: record_statements
-- Append statements to the ledger and bring the current state in step, for any number of people at once.
-- Parameters: arrays of equal length (contact_ids, purposes, channels, acts, at, sources, wordings, ips, user_agents, details).
-- Locks: the state rows touched. Side effects: consent_record, consent_state.
-- Returns the position (1-based) of each statement that changed the state. An act older than the state that is known is kept
-- in the ledger but changes nothing. Within one call a (contact, purpose, channel) counts once: the latest, the last of equals.
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
    SELECT newest.*, (SELECT s.act FROM consent_state s
                      WHERE s.workspace_id = %(workspace_id)s AND s.contact_id = newest.contact_id
                        AND s.purpose_id = newest.purpose_id AND s.channel = newest.channel) AS before
    FROM (SELECT DISTINCT ON (contact_id, purpose_id, channel) *
          FROM recorded ORDER BY contact_id, purpose_id, channel, at DESC, id DESC) AS newest
),
moved AS (
    INSERT INTO consent_state (workspace_id, contact_id, purpose_id, channel, act, since, record_id)
    SELECT %(workspace_id)s, contact_id, purpose_id, channel, act, at, id FROM latest
    ORDER BY contact_id, purpose_id, channel
    ON CONFLICT (workspace_id, contact_id, purpose_id, channel) DO UPDATE
        SET act = excluded.act, since = excluded.since, record_id = excluded.record_id
        WHERE consent_state.since <= excluded.since
    RETURNING contact_id, purpose_id, channel, act, since
)
SELECT max(s.position) AS position
FROM moved m
JOIN said s ON s.contact_id = m.contact_id AND s.purpose_id = m.purpose_id AND s.channel = m.channel
    AND s.act = m.act AND s.at = m.since
JOIN latest l ON l.contact_id = m.contact_id AND l.purpose_id = m.purpose_id AND l.channel = m.channel
WHERE l.before IS DISTINCT FROM m.act
GROUP BY m.contact_id, m.purpose_id, m.channel
ORDER BY 1;

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
