-- name: start_attempts
-- Begin to hand messages over: one committed row each before anything is said to the server. Refused (not returned) is what is
-- not ours any more (fence, lease, state), and what the gate would judge differently now: withdrawn, paused, objected, suppressed, address
-- changed or gone (of a test: its recipient no member any more), mailing held or stopped, purpose archived, sending paused. Parameters: now, arrays: ids, fences, connections, hashes.
-- Locks: those messages. Repeating it with the same connection's name gives the same answer (a lost commit is asked again).
WITH wanted AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(fences)s::int[], %(connections)s::text[], %(hashes)s::bytea[])
        AS w (id, fence, connection, hash)
),
startable AS (
    SELECT m.id, m.fence, w.connection
    FROM wanted w
    JOIN delivery_message m ON m.workspace_id = %(workspace_id)s AND m.id = w.id AND m.fence = w.fence
    JOIN delivery_sending g ON g.workspace_id = %(workspace_id)s AND g.paused_at IS NULL
    JOIN delivery_mailing l ON l.workspace_id = %(workspace_id)s AND l.id = m.mailing_id AND l.held_at IS NULL AND l.stopped_at IS NULL
    JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
         AND p.archived_at IS NULL
    JOIN contacts_contact c ON c.workspace_id = %(workspace_id)s AND c.id = m.contact_id
         AND m.address = CASE WHEN m.is_test THEN (SELECT accounts_member_address(t.workspace_id, t.user_id) FROM delivery_trial t
                                                   WHERE t.workspace_id = %(workspace_id)s AND t.id = m.run)
                              ELSE c.email END
    LEFT JOIN consent_state s ON s.workspace_id = %(workspace_id)s AND s.contact_id = m.contact_id AND s.purpose_id = p.id
         AND s.channel = CASE WHEN p.is_measuring THEN 'any' ELSE l.channel END
    WHERE m.state = 'sending' AND m.lease_until > %(now)s
      AND CASE WHEN l.origin = 'confirm' THEN coalesce(s.act = 'requested', false)
               WHEN m.is_test OR p.basis = 'contract' THEN true
               WHEN p.basis = 'legitimate_interest' THEN coalesce(s.act NOT IN ('objected', 'withdrawn'), true)
               ELSE coalesce(s.act = 'granted', false) END
      AND NOT (p.is_marketing AND l.origin NOT IN ('confirm', 'test')
               AND EXISTS (SELECT FROM consent_pace w WHERE w.workspace_id = %(workspace_id)s AND w.contact_id = m.contact_id
                           AND w.paused_until > %(now)s))
      AND NOT EXISTS (SELECT FROM consent_suppression x WHERE x.workspace_id = %(workspace_id)s AND x.channel = l.channel
                      AND x.address_hash = w.hash)
    FOR UPDATE OF m
)
INSERT INTO delivery_attempt (workspace_id, message_id, fence, connection, started_at)
SELECT %(workspace_id)s, id, fence, connection, %(now)s FROM startable ORDER BY id
ON CONFLICT (workspace_id, message_id, fence) DO UPDATE SET connection = excluded.connection
    WHERE delivery_attempt.connection = excluded.connection AND delivery_attempt.outcome = ''
RETURNING message_id;

-- name: finish_attempts
-- Write how attempts ended, and move their messages. A message under another fence is not touched: its sender came too late.
-- One that was swept into doubt meanwhile is settled by this knowledge. Where everybody's clicks are recorded, what leaves is measured in
-- them whatever the person said: its links name it (`composing`), and rates are over such messages. Parameters: now, transport, arrays: ids, fences,
-- outcomes, codes, replies, due_at (null: not again), subjects. Locks: those rows. Returns what moved, for its events.
WITH tracking AS MATERIALIZED (
    SELECT coalesce((SELECT click_tracking = 'everyone' FROM delivery_sending WHERE workspace_id = %(workspace_id)s), false) AS everybody
),
told AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(fences)s::int[], %(outcomes)s::text[], %(codes)s::int[], %(replies)s::text[],
                         %(due_at)s::timestamptz[], %(subjects)s::text[])
        AS t (id, fence, outcome, code, reply, due_at, subject)
),
ended AS (
    UPDATE delivery_attempt a SET outcome = t.outcome, code = t.code, reply = t.reply, finished_at = %(now)s
    FROM told t
    WHERE a.workspace_id = %(workspace_id)s AND a.message_id = t.id AND a.fence = t.fence AND a.outcome IN ('', 'in_doubt')
),
moved AS (
    UPDATE delivery_message m
    SET state = CASE WHEN t.outcome = 'accepted' THEN 'sent' WHEN t.outcome = 'in_doubt' THEN 'in_doubt'
                     WHEN t.due_at IS NOT NULL THEN 'queued' ELSE 'failed' END,
        sent_at = CASE WHEN t.outcome = 'accepted' THEN %(now)s::timestamptz END,
        due_at = coalesce(t.due_at, m.due_at), lease_until = NULL,
        measured_clicks = m.measured_clicks OR (NOT m.is_test AND (SELECT everybody FROM tracking)),
        subject = CASE WHEN t.subject = '' THEN m.subject ELSE t.subject END, transport = %(transport)s
    FROM told t
    WHERE m.workspace_id = %(workspace_id)s AND m.id = t.id AND m.fence = t.fence AND m.state IN ('sending', 'in_doubt')
    RETURNING m.id, m.mailing_id, m.contact_id, m.address, m.state, m.is_test
),
freed AS (
    DELETE FROM delivery_allowance
    WHERE workspace_id = %(workspace_id)s AND message_id IN (SELECT id FROM moved WHERE state IN ('queued', 'failed'))
)
SELECT id, mailing_id, contact_id, address, state, is_test FROM moved;

-- name: mark_sent
-- Mark claimed messages as sent without a transport (history that is delivered nowhere). Parameters: now, transport, and told: JSON
-- rows of id, fence, subject. Locks: those rows.
-- Clicks are measured as in `finish_attempts`.
-- `state || ''` keeps the planner from the index of all that is being sent, which is full of dead rows between two vacuums.
UPDATE delivery_message m
SET state = 'sent', sent_at = %(now)s, lease_until = NULL, transport = %(transport)s, subject = t.subject,
    measured_clicks = m.measured_clicks OR (NOT m.is_test AND coalesce(
        (SELECT click_tracking = 'everyone' FROM delivery_sending WHERE workspace_id = %(workspace_id)s), false))
FROM json_to_recordset(%(told)s::json) AS t (id uuid, fence int, subject text)
WHERE m.workspace_id = %(workspace_id)s AND m.id = t.id AND m.fence = t.fence AND m.state || '' = 'sending'
RETURNING m.id, m.mailing_id, m.contact_id, m.address, m.state, m.is_test;

-- name: count_attempts
-- How often these messages have been tried, and since when: what a retry waits by. Parameters: ids.
SELECT message_id, count(*) AS tries, min(started_at) AS first_at FROM delivery_attempt
WHERE workspace_id = %(workspace_id)s AND message_id = ANY(%(ids)s) AND outcome <> 'not_sent'
GROUP BY message_id;

-- name: is_refused_alone
-- Whether the server has accepted another message of the workspace since it first refused this one. Parameters: id. Reads only; asked
-- only where a refusal reads like a fault of ours.
SELECT EXISTS (
    SELECT FROM delivery_attempt
    WHERE workspace_id = %(workspace_id)s AND outcome = 'accepted'
      AND id > (SELECT min(id) FROM delivery_attempt
                WHERE workspace_id = %(workspace_id)s AND message_id = %(id)s AND outcome = 'refused')
);

-- name: settle
-- What a person found out about a message in doubt. The time in doubt does not count towards its expiry (nor does a pause or a hold that goes
-- on: what ends it counts it). Parameters: id, was_sent, now. Locks: that message.
WITH settled AS (
    UPDATE delivery_message m
    SET state = CASE WHEN %(was_sent)s THEN 'sent' ELSE 'queued' END,
        sent_at = CASE WHEN %(was_sent)s THEN coalesce(
            (SELECT max(a.started_at) FROM delivery_attempt a WHERE a.workspace_id = m.workspace_id AND a.message_id = m.id), %(now)s) END,
        due_at = CASE WHEN %(was_sent)s THEN m.due_at ELSE %(now)s END,
        expires_at = m.expires_at + greatest(interval '0', least(
            %(now)s::timestamptz,
            (SELECT paused_at FROM delivery_sending WHERE workspace_id = %(workspace_id)s),
            (SELECT held_at FROM delivery_mailing WHERE workspace_id = %(workspace_id)s AND id = m.mailing_id)
        ) - (SELECT max(finished_at) FROM delivery_attempt
             WHERE workspace_id = %(workspace_id)s AND message_id = m.id AND outcome = 'in_doubt'))
    WHERE m.workspace_id = %(workspace_id)s AND m.id = %(id)s AND m.state = 'in_doubt'
    RETURNING m.id, m.mailing_id, m.contact_id, m.address, m.state, m.is_test
),
freed AS (
    DELETE FROM delivery_allowance
    WHERE workspace_id = %(workspace_id)s AND message_id IN (SELECT id FROM settled WHERE state = 'queued')
)
SELECT id, mailing_id, contact_id, address, state, is_test FROM settled;

-- name: withhold_unmade
-- Withhold a claimed message that could not be made. Parameters: id, fence, reasons, now. Locks: that message; its place is returned.
WITH withheld AS (
    UPDATE delivery_message SET state = 'withheld', verdict = 'withhold', reasons = %(reasons)s, judged_at = %(now)s, lease_until = NULL
    WHERE workspace_id = %(workspace_id)s AND id = %(id)s AND fence = %(fence)s AND state = 'sending'
    RETURNING id, mailing_id, contact_id, address, state, is_test
),
freed AS (
    DELETE FROM delivery_allowance WHERE workspace_id = %(workspace_id)s AND message_id IN (SELECT id FROM withheld)
)
SELECT id, mailing_id, contact_id, address, state, is_test FROM withheld;
