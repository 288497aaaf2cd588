-- name: next_of_segment
-- The next people of a segment after a contact, in the order of their ids. Parameters: segment_id, after, limit. Reads only.
SELECT member.contact_id
FROM audiences_member member
WHERE member.workspace_id = %(workspace_id)s AND member.segment_id = %(segment_id)s AND member.contact_id > %(after)s::uuid
ORDER BY member.contact_id
LIMIT %(limit)s;

-- name: next_of_list
-- The same of a list. Parameters: list_id, after, limit. Reads only.
SELECT member.contact_id
FROM contacts_listmember member
WHERE member.workspace_id = %(workspace_id)s AND member.list_id = %(list_id)s AND member.contact_id > %(after)s::uuid
ORDER BY member.contact_id
LIMIT %(limit)s;

-- name: finish
-- End the running campaigns whose whole audience is frozen and whose every recipient has an outcome; a message in doubt has none.
-- Parameters: now. Locks: those campaigns. Returns the ids of those that have ended.
-- Of the others one message without outcome is remembered (`awaits`), the one likely to be last; until it has one, nothing else is looked at:
-- to look for one may read the whole queue. Each question is of its own, so that each is one probe, or reads the partial index of its state.
WITH seen_to AS (
    SELECT id, mailing_id FROM campaigns_campaign c
    WHERE c.workspace_id = %(workspace_id)s AND c.state = 'running' AND c.frozen_at IS NOT NULL
      AND (SELECT m.state IN ('queued', 'sending', 'in_doubt') FROM delivery_message m
           WHERE m.workspace_id = %(workspace_id)s AND m.id = c.awaits AND m.mailing_id = c.mailing_id LIMIT 1) IS NOT true
), looked_at AS (
    SELECT id, coalesce(
        (SELECT m.id FROM delivery_message m
         WHERE m.workspace_id = %(workspace_id)s AND m.state = 'in_doubt' AND m.mailing_id = seen_to.mailing_id LIMIT 1),
        (SELECT m.id FROM delivery_message m
         WHERE m.workspace_id = %(workspace_id)s AND m.is_held AND m.mailing_id = seen_to.mailing_id LIMIT 1),
        (SELECT m.id FROM delivery_message m
         WHERE m.workspace_id = %(workspace_id)s AND m.state = 'queued' AND NOT m.is_held AND m.mailing_id = seen_to.mailing_id
         ORDER BY m.is_urgent DESC, m.due_at DESC, m.queued_at DESC LIMIT 1),
        (SELECT m.id FROM delivery_message m
         WHERE m.workspace_id = %(workspace_id)s AND m.state = 'sending' AND m.mailing_id = seen_to.mailing_id LIMIT 1)) AS awaits
    FROM seen_to
), changed AS (
    UPDATE campaigns_campaign c
    SET awaits = looked_at.awaits, state = CASE WHEN looked_at.awaits IS NULL THEN 'finished' ELSE c.state END,
        finished_at = CASE WHEN looked_at.awaits IS NULL THEN %(now)s::timestamptz ELSE c.finished_at END
    FROM looked_at
    WHERE c.workspace_id = %(workspace_id)s AND c.id = looked_at.id AND c.state = 'running'
    RETURNING c.id, c.state
)
SELECT id FROM changed WHERE state = 'finished';
