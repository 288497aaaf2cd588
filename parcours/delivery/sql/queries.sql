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
-- A page of the messages of one person, newest first, of one state or ('') of all; tests that were made out for them are not theirs.
-- Parameters: contact_id, state, before_at, before_id, limit (see newest_messages).
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
  AND (%(state)s = '' OR m.state = %(state)s)
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

-- name: hold_messages
-- Keep what both persons of a merge have in the queue from being claimed or started meanwhile. Parameters: kept, dropped. Locks: those messages.
SELECT id FROM delivery_message
WHERE workspace_id = %(workspace_id)s AND contact_id IN (%(kept)s, %(dropped)s) AND state IN ('queued', 'sending')
ORDER BY id FOR UPDATE;

-- name: part_twins
-- Of a message that both persons of a merge have (the same step and run, in whichever version of a journey), the one that has come further
-- counts (of equals the one that is worth longest, then the kept person's; one that came back has come to nothing). The others are given up
-- where they have not begun to leave; but while that one is being handed over they wait in the queue, since it is not known whether it will
-- arrive. All stay theirs: where two are of one mailing, the second gets a negative run that is free, so that nothing is queued under theirs
-- again. All remember the run that they count for (`merged_run`), by which the gate lets one go. Parameters: kept, dropped. Runs after hold_messages, so that what it sees as
-- not begun does not begin. Side effects: places of the day of what is given up, or waits, are returned.
WITH theirs AS MATERIALIZED (
    SELECT m.id, m.mailing_id, m.run, coalesce(m.merged_run, m.run) AS counts_for, m.contact_id = %(kept)s AS is_kept,
           l.origin, l.origin_id, l.step, m.expires_at,
           CASE WHEN m.state = 'in_doubt' OR (m.state = 'sent' AND m.bounced_at IS NULL) THEN 5
                WHEN m.state = 'sending' AND a.has_begun THEN 4
                WHEN m.state = 'sending' THEN 3
                WHEN m.state = 'queued' THEN 2
                WHEN m.state = 'cancelled' THEN 0 ELSE 1 END AS stage
    FROM delivery_message m
    JOIN delivery_mailing l ON l.workspace_id = %(workspace_id)s AND l.id = m.mailing_id
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM delivery_attempt WHERE workspace_id = %(workspace_id)s AND message_id = m.id AND fence = m.fence) AS has_begun
    ) AS a
    WHERE m.workspace_id = %(workspace_id)s AND m.contact_id IN (%(kept)s, %(dropped)s)
),
copies AS (
    SELECT id, counts_for, count(*) OVER same > 1 AS are_several,
           CASE WHEN stage NOT IN (2, 3) OR row_number() OVER (same ORDER BY stage DESC, expires_at DESC, run DESC, is_kept DESC, id) = 1 THEN ''
                WHEN max(stage) OVER same = 4 THEN 'queued' ELSE 'cancelled' END AS becomes
    FROM theirs WINDOW same AS (PARTITION BY origin, origin_id, step, counts_for)
),
second AS (
    SELECT CASE WHEN (d.stage, d.expires_at) > (k.stage, k.expires_at) THEN k.id ELSE d.id END AS id,
           least(0, (SELECT min(o.run) FROM theirs o WHERE o.mailing_id = k.mailing_id))
               - row_number() OVER (PARTITION BY k.mailing_id ORDER BY k.run) AS free_run
    FROM theirs k JOIN theirs d ON d.mailing_id = k.mailing_id AND d.run = k.run AND k.is_kept AND NOT d.is_kept
),
freed AS (
    DELETE FROM delivery_allowance WHERE workspace_id = %(workspace_id)s AND message_id IN (SELECT id FROM copies WHERE becomes <> '')
)
UPDATE delivery_message m
SET run = coalesce(s.free_run, m.run), merged_run = c.counts_for, state = coalesce(nullif(c.becomes, ''), m.state),
    is_held = m.is_held AND c.becomes <> 'cancelled',
    lease_until = CASE WHEN c.becomes = '' THEN m.lease_until END
FROM copies c LEFT JOIN second s ON s.id = c.id
WHERE m.workspace_id = %(workspace_id)s AND m.id = c.id AND (c.are_several OR s.id IS NOT NULL);

-- name: move_messages
-- Give the messages of a merged person to the one who is kept. Parameters: kept, dropped. Runs after part_twins.
UPDATE delivery_message SET contact_id = %(kept)s WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s;

-- name: move_allowances
-- The places of the day that a merged person had taken count for the kept one: on a day on which both had some, all are numbered anew.
-- Parameters: kept, dropped.
WITH taken AS (
    DELETE FROM delivery_allowance
    WHERE workspace_id = %(workspace_id)s
      AND (contact_id = %(dropped)s
           OR (contact_id = %(kept)s
               AND day IN (SELECT day FROM delivery_allowance WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s)))
    RETURNING contact_id, day, place, message_id
)
INSERT INTO delivery_allowance (workspace_id, contact_id, day, place, message_id)
SELECT %(workspace_id)s, %(kept)s, day, row_number() OVER (PARTITION BY day ORDER BY contact_id = %(dropped)s, place), message_id
FROM taken;

-- name: join_runs
-- What the ended runs of a merged person have written counts for the runs that go on; also where those are in another version of the journey,
-- whose mailings are others: `enqueue` asks for it. Parameters: dropped, ended, going_on (arrays of runs).
UPDATE delivery_message m SET run = CASE WHEN m.run = r.ended THEN r.going_on ELSE m.run END, merged_run = r.going_on
FROM unnest(%(ended)s::bigint[], %(going_on)s::bigint[]) AS r (ended, going_on)
WHERE m.workspace_id = %(workspace_id)s AND m.contact_id = %(dropped)s AND r.ended IN (m.run, m.merged_run)
  AND (SELECT origin FROM delivery_mailing WHERE workspace_id = %(workspace_id)s AND id = m.mailing_id) = 'journey';

-- name: about_mailings
-- What every event of a message says about where it comes from. Parameters: mailing_ids. Reads only.
SELECT l.id AS mailing, p.code AS purpose, l.origin, l.origin_id, l.origin_version, l.step, l.name
FROM delivery_mailing l JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
WHERE l.workspace_id = %(workspace_id)s AND l.id = ANY(%(mailing_ids)s);
