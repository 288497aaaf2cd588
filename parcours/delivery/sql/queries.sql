-- name: newest_messages
-- A page of messages, newest first, of one state or ('') of all, of one mailing or (0) of all.
-- Parameters: state, mailing_id, before_at and before_id (the last one of the page above, or null), limit.
SELECT m.id, m.contact_id, m.mailing_id, l.name, l.origin, l.origin_id, l.origin_version, l.step, p.code AS purpose,
       p.basis, m.run, m.state, m.verdict, m.reasons, m.queued_at, m.due_at, m.expires_at, m.judged_at,
       coalesce(nullif(m.address, ''), CASE WHEN NOT m.is_test THEN c.email END, '') AS address, m.subject, m.transport, m.sent_at, m.delivered_at, m.opened_at,
       m.clicked_at, m.machine_opened_at, m.machine_clicked_at, m.bounced_at, m.complained_at, m.unsubscribed_at, m.measured_opens, m.measured_clicks,
       m.is_test
FROM delivery_message m
JOIN delivery_mailing l ON l.workspace_id = %(workspace_id)s AND l.id = m.mailing_id
JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
LEFT JOIN contacts_contact c ON c.workspace_id = %(workspace_id)s AND c.id = m.contact_id
WHERE m.workspace_id = %(workspace_id)s AND (%(state)s = '' OR m.state = %(state)s) AND (%(mailing_id)s = 0 OR m.mailing_id = %(mailing_id)s)
  AND (%(before_at)s::timestamptz IS NULL OR m.queued_at <= %(before_at)s)
  AND (%(before_at)s::timestamptz IS NULL OR (m.queued_at, m.id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY m.queued_at DESC, m.id DESC LIMIT %(limit)s;

-- name: messages_of_contact
-- A page of the messages of one person, newest first; tests that were made out for them are not theirs. Parameters: contact_id, before_at, before_id, limit (see newest_messages).
SELECT m.id, m.contact_id, m.mailing_id, l.name, l.origin, l.origin_id, l.origin_version, l.step, p.code AS purpose,
       p.basis, m.run, m.state, m.verdict, m.reasons, m.queued_at, m.due_at, m.expires_at, m.judged_at,
       coalesce(nullif(m.address, ''), CASE WHEN NOT m.is_test THEN c.email END, '') AS address, m.subject, m.transport, m.sent_at, m.delivered_at, m.opened_at,
       m.clicked_at, m.machine_opened_at, m.machine_clicked_at, m.bounced_at, m.complained_at, m.unsubscribed_at, m.measured_opens, m.measured_clicks,
       m.is_test
FROM delivery_message m
JOIN delivery_mailing l ON l.workspace_id = %(workspace_id)s AND l.id = m.mailing_id
JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
LEFT JOIN contacts_contact c ON c.workspace_id = %(workspace_id)s AND c.id = m.contact_id
WHERE m.workspace_id = %(workspace_id)s AND m.contact_id = %(contact_id)s AND NOT m.is_test
  AND (%(before_at)s::timestamptz IS NULL OR (m.queued_at, m.id) < (%(before_at)s, %(before_id)s::uuid))
ORDER BY m.queued_at DESC, m.id DESC LIMIT %(limit)s;

-- name: message
-- One message. Parameters: id.
SELECT m.id, m.contact_id, m.mailing_id, l.name, l.origin, l.origin_id, l.origin_version, l.step, p.code AS purpose,
       p.basis, m.run, m.state, m.verdict, m.reasons, m.queued_at, m.due_at, m.expires_at, m.judged_at,
       coalesce(nullif(m.address, ''), CASE WHEN NOT m.is_test THEN c.email END, '') AS address, m.subject, m.transport, m.sent_at, m.delivered_at, m.opened_at,
       m.clicked_at, m.machine_opened_at, m.machine_clicked_at, m.bounced_at, m.complained_at, m.unsubscribed_at, m.measured_opens, m.measured_clicks,
       m.is_test
FROM delivery_message m
JOIN delivery_mailing l ON l.workspace_id = %(workspace_id)s AND l.id = m.mailing_id
JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
LEFT JOIN contacts_contact c ON c.workspace_id = %(workspace_id)s AND c.id = m.contact_id
WHERE m.workspace_id = %(workspace_id)s AND m.id = %(id)s;

-- name: attempts
-- What was tried for one message, in order. Parameters: id.
SELECT fence, connection, started_at, finished_at, outcome, code, reply FROM delivery_attempt
WHERE workspace_id = %(workspace_id)s AND message_id = %(id)s ORDER BY id;

-- name: lawful_ground
-- On which ground a message is sent: its purpose, the record that carries it now, the rules. Parameters: id.
SELECT p.description_fr, p.description_en, p.audience, l.guard, l.template_version_id, s.act, r.id AS record_id, r.at AS recorded_at,
       coalesce(r.source, '') AS source, coalesce(r.wording, '') AS wording
FROM delivery_message m
JOIN delivery_mailing l ON l.workspace_id = %(workspace_id)s AND l.id = m.mailing_id
JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
LEFT JOIN consent_state s ON s.workspace_id = %(workspace_id)s AND s.contact_id = m.contact_id AND s.purpose_id = p.id
     AND s.channel = CASE WHEN p.is_measuring THEN 'any' ELSE l.channel END
LEFT JOIN consent_record r ON r.workspace_id = %(workspace_id)s AND r.id = s.record_id
WHERE m.workspace_id = %(workspace_id)s AND m.id = %(id)s;

-- name: queue_figures
-- How many messages are due, scheduled for later, being sent, in doubt. What is held is not due. Parameters: now. Reads the partial
-- indexes only.
SELECT (SELECT count(*) FROM delivery_message WHERE workspace_id = %(workspace_id)s AND state = 'queued' AND NOT is_held AND due_at <= %(now)s) AS due,
       (SELECT count(*) FROM delivery_message WHERE workspace_id = %(workspace_id)s AND state = 'queued' AND NOT is_held AND due_at > %(now)s) AS later,
       (SELECT count(*) FROM delivery_message WHERE workspace_id = %(workspace_id)s AND state = 'sending') AS sending,
       (SELECT count(*) FROM delivery_message WHERE workspace_id = %(workspace_id)s AND state = 'in_doubt') AS in_doubt,
       (SELECT min(due_at) FROM delivery_message WHERE workspace_id = %(workspace_id)s AND state = 'queued' AND NOT is_held AND due_at <= %(now)s)
           AS oldest_due;

-- name: move_messages
-- Give the messages of a merged person to the one who is kept, except where that one has the same (mailing, run) already.
UPDATE delivery_message m SET contact_id = %(kept)s
WHERE m.workspace_id = %(workspace_id)s AND m.contact_id = %(dropped)s
  AND NOT EXISTS (SELECT FROM delivery_message o WHERE o.workspace_id = %(workspace_id)s AND o.mailing_id = m.mailing_id
                  AND o.run = m.run AND o.contact_id = %(kept)s);

-- name: cancel_twins
-- Of a message that both persons of a merge have, only one goes: what is still queued of the dropped one is cancelled, and what is queued
-- of the kept one too if the dropped one's has gone. Runs after move_messages.
UPDATE delivery_message m SET state = 'cancelled', is_held = false
FROM delivery_message t
WHERE m.workspace_id = %(workspace_id)s AND t.workspace_id = %(workspace_id)s AND m.mailing_id = t.mailing_id AND m.run = t.run
  AND m.state = 'queued'
  AND ((m.contact_id = %(dropped)s AND t.contact_id = %(kept)s)
       OR (m.contact_id = %(kept)s AND t.contact_id = %(dropped)s AND t.state IN ('sending', 'sent', 'in_doubt')));

-- name: move_allowances
-- The places of the day that a merged person had taken count for the kept one, as far as they are free.
WITH gone AS (
    DELETE FROM delivery_allowance WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s RETURNING day, place, message_id
)
INSERT INTO delivery_allowance (workspace_id, contact_id, day, place, message_id)
SELECT %(workspace_id)s, %(kept)s, day, place, message_id FROM gone ORDER BY day, place
ON CONFLICT (workspace_id, contact_id, day, place) DO NOTHING;

-- name: about_mailings
-- What every event of a message says about where it comes from. Parameters: mailing_ids. Reads only.
SELECT l.id AS mailing, p.code AS purpose, l.origin, l.origin_id, l.origin_version, l.step, l.name
FROM delivery_mailing l JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
WHERE l.workspace_id = %(workspace_id)s AND l.id = ANY(%(mailing_ids)s);
