-- name: examine
-- What speaks against each message of a locked batch, on the facts of this instant, and what lets it go. Reads only.
-- Parameters: now, and cases: JSON rows of n, id, hash (hex of the address's keyed hash, null without one), day (the person's local
-- date), outside and unguarded (null, or why the rule of the purpose or of the mailing leaves this person out).
-- `against`: reasons to withhold, all of them (null: none). `ground`: the basis on which it may go, as JSON text. `taken`: the
-- messages that hold the person's places of that day; a copy of this one that is being handed over does not count, which gives its place
-- back if it comes to nothing. `paused_until`, `every_days`: what the person chose on the preference page, with the last local day within
-- `every_days` on which they had marketing. A purpose whose basis is not known, or that is about measuring, lets nothing pass. A message that asks for
-- the confirmation of a double opt-in goes on the open request alone, and is no marketing whatever its purpose. A test goes to a member of the
-- workspace: what its contact said is not asked, nothing of it is measured, and it is no marketing either.
-- `copy_due_at`, and had_already: of a message that two contacts had who proved to be one while a copy was being handed over, none follows
-- another that has left, or may have, and has not come back. While another is being handed over, or is queued before it (the first by run and
-- id goes), it waits: `copy_due_at` is when that one was or is due. Nothing is read for messages that nobody else had.
-- LIMIT 1 makes each question one probe of a unique index for each message; a join might read everybody's answers and hash them.
WITH measuring AS MATERIALIZED (
    SELECT (SELECT id FROM consent_purpose WHERE workspace_id = %(workspace_id)s AND code = 'measure_opens' AND is_measuring) AS opens,
           (SELECT id FROM consent_purpose WHERE workspace_id = %(workspace_id)s AND code = 'measure_clicks' AND is_measuring) AS clicks
)
SELECT b.id, coalesce(p.is_marketing AND l.origin NOT IN ('confirm', 'test'), true) AS is_marketing, found.against,
       jsonb_build_object('code', CASE l.origin WHEN 'confirm' THEN 'confirmation_asked' WHEN 'test' THEN 'test_asked' ELSE 'basis_' || p.basis END,
           'evidence', jsonb_strip_nulls(jsonb_build_object(
               'purpose', p.code,
               'record', CASE WHEN p.basis = 'consent' AND NOT m.is_test THEN s.record_id END,
               'since', CASE WHEN p.basis = 'consent' AND NOT m.is_test THEN s.since END,
               'rule', CASE WHEN p.basis = 'legitimate_interest' AND NOT m.is_test THEN p.audience END)))::text AS ground,
       ARRAY(SELECT a.message_id FROM delivery_allowance a
             WHERE a.workspace_id = %(workspace_id)s AND a.contact_id = m.contact_id AND a.day = b.day AND a.message_id <> ALL (mine.ids)
             ORDER BY a.place) AS taken,
       twin.due_at AS copy_due_at,
       CASE WHEN w.paused_until > %(now)s THEN w.paused_until END AS paused_until, w.every_days,
       (SELECT max(a.day) FROM delivery_allowance a
        WHERE a.workspace_id = %(workspace_id)s AND a.contact_id = m.contact_id AND a.day > b.day - w.every_days AND a.day <= b.day
          AND a.message_id <> ALL (mine.ids)) AS last_day,
       NOT m.is_test AND coalesce((SELECT true FROM consent_state o WHERE o.workspace_id = %(workspace_id)s AND o.contact_id = m.contact_id
                 AND o.purpose_id = (SELECT opens FROM measuring) AND o.act = 'granted' LIMIT 1), false) AS measured_opens,
       NOT m.is_test AND coalesce((SELECT true FROM consent_state o WHERE o.workspace_id = %(workspace_id)s AND o.contact_id = m.contact_id
                 AND o.purpose_id = (SELECT clicks FROM measuring) AND o.act = 'granted' LIMIT 1), false) AS measured_clicks
FROM json_to_recordset(%(cases)s::json) AS b (n int, id uuid, hash text, day date, outside jsonb, unguarded jsonb)
JOIN delivery_message m ON m.workspace_id = %(workspace_id)s AND m.id = b.id
LEFT JOIN delivery_mailing l ON l.workspace_id = %(workspace_id)s AND l.id = m.mailing_id
LEFT JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
LEFT JOIN LATERAL (
    SELECT paused_until, every_days FROM consent_pace WHERE workspace_id = %(workspace_id)s AND contact_id = m.contact_id LIMIT 1
) AS w ON true
LEFT JOIN LATERAL (
    SELECT id FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND id = m.contact_id LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (
    SELECT id, act, since, record_id FROM consent_state
    WHERE workspace_id = %(workspace_id)s AND contact_id = m.contact_id AND purpose_id = l.purpose_id
      AND channel = CASE WHEN p.is_measuring THEN 'any' ELSE l.channel END LIMIT 1
) AS s ON true
LEFT JOIN LATERAL (
    SELECT id, at, reason, detail FROM consent_suppression
    WHERE workspace_id = %(workspace_id)s AND channel = l.channel AND address_hash = decode(b.hash, 'hex') LIMIT 1
) AS x ON true
LEFT JOIN LATERAL (
    SELECT array_agg(o.id) FILTER (WHERE o.state = 'sending') AS leaving,
           max(o.due_at) FILTER (WHERE o.state = 'sending' OR (o.state = 'queued' AND (o.run, o.id) > (m.run, m.id))) AS due_at,
           bool_or(o.state = 'in_doubt' OR (o.state = 'sent' AND o.bounced_at IS NULL)) AS has_left
    FROM delivery_message o
    JOIN delivery_mailing ol ON ol.workspace_id = %(workspace_id)s AND ol.id = o.mailing_id
    WHERE m.merged_run IS NOT NULL
      AND o.workspace_id = %(workspace_id)s AND o.contact_id = m.contact_id AND o.merged_run = m.merged_run AND o.id <> m.id
      AND (ol.origin, ol.origin_id, ol.step) = (l.origin, l.origin_id, l.step)
) AS twin ON true
CROSS JOIN LATERAL (SELECT coalesce(twin.leaving, '{}') || b.id AS ids) AS mine
CROSS JOIN LATERAL (SELECT l.origin NOT IN ('confirm', 'test') AS consent) AS by
CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('code', r.code, 'evidence', jsonb_strip_nulls(CASE r.evidence
               WHEN 'ledger' THEN jsonb_build_object('purpose', p.code, 'channel', l.channel, 'record', s.record_id, 'since', s.since)
               WHEN 'address' THEN jsonb_build_object('since', x.at, 'cause', x.reason, 'detail', nullif(x.detail, ''), 'record', x.id)
               WHEN 'outside' THEN jsonb_build_object('purpose', p.code) || b.outside
               WHEN 'unguarded' THEN b.unguarded
               WHEN 'stopped' THEN jsonb_build_object('since', l.stopped_at)
               WHEN 'archived' THEN jsonb_build_object('purpose', p.code, 'since', p.archived_at)
               WHEN 'expired' THEN jsonb_build_object('since', m.expires_at, 'queued_at', m.queued_at)
               ELSE '{}'::jsonb END)) ORDER BY r.position) AS against
    FROM (VALUES
        (1, 'not_judged', coalesce(p.basis, '') NOT IN ('contract', 'legitimate_interest', 'consent')
                          OR l.channel IS DISTINCT FROM 'email' OR (p.is_measuring AND l.origin <> 'confirm'), 'ledger'),
        (2, 'purpose_archived', p.archived_at IS NOT NULL, 'archived'),
        (3, 'stopped', l.stopped_at IS NOT NULL, 'stopped'),
        (4, 'contact_gone', c.id IS NULL, ''),
        (5, 'no_address', c.id IS NOT NULL AND b.hash IS NULL AND NOT m.is_test, ''),
        (6, 'suppressed', x.id IS NOT NULL, 'address'),
        (7, 'no_consent', p.basis = 'consent' AND by.consent AND s.id IS NULL, 'ledger'),
        (8, 'consent_pending', p.basis = 'consent' AND by.consent AND s.act = 'requested', 'ledger'),
        (9, 'consent_withdrawn', p.basis = 'consent' AND by.consent AND s.act IN ('withdrawn', 'objected'), 'ledger'),
        (10, 'objected', p.basis = 'legitimate_interest' AND NOT m.is_test AND s.act IN ('objected', 'withdrawn'), 'ledger'),
        (11, 'nothing_to_confirm', l.origin = 'confirm' AND s.act IS DISTINCT FROM 'requested', 'ledger'),
        (12, 'outside_purpose_audience', p.basis = 'legitimate_interest' AND NOT m.is_test AND b.outside IS NOT NULL, 'outside'),
        (13, 'guard', b.unguarded IS NOT NULL, 'unguarded'),
        (14, 'expired', m.expires_at <= %(now)s, 'expired'),
        (15, 'not_a_member', m.is_test AND b.hash IS NULL, ''),
        (16, 'had_already', twin.has_left, '')
    ) AS r (position, code, holds, evidence)
    WHERE r.holds
) AS found
ORDER BY b.n;

-- name: take_places
-- Give one place of a local day to each of these people's messages, where it is free. The primary key decides between judges:
-- the second waits for the first's commit and then goes without. Parameters: place, and wishes: JSON rows of id, contact_id, day.
-- Locks: the new rows, always in the order of contacts, so that two judges cannot block each other. Returns who got one.
INSERT INTO delivery_allowance (workspace_id, contact_id, day, place, message_id)
SELECT %(workspace_id)s, t.contact_id, t.day, %(place)s, t.id
FROM json_to_recordset(%(wishes)s::json) AS t (id uuid, contact_id uuid, day date)
ORDER BY t.contact_id, t.day
ON CONFLICT (workspace_id, contact_id, day, place) DO NOTHING
RETURNING message_id;

-- name: conclude
-- Write the verdicts of a batch. What would have to wait for longer than it is worth is judged again when it expires. Parameters: now,
-- lease_until, and verdicts: JSON rows of id, verdict, reasons, due_at (null: unchanged), address, opens, clicks. Locks: none that the claim has not taken. Who may go is claimed under the next fence, which is returned.
UPDATE delivery_message m
SET verdict = j.verdict, reasons = j.reasons, judged_at = %(now)s::timestamptz,
    due_at = CASE WHEN j.due_at IS NULL THEN m.due_at ELSE least(j.due_at, m.expires_at) END,
    state = CASE j.verdict WHEN 'send' THEN 'sending' WHEN 'withhold' THEN 'withheld' ELSE 'queued' END,
    lease_until = CASE WHEN j.verdict = 'send' THEN %(lease_until)s::timestamptz END,
    fence = CASE WHEN j.verdict = 'send' THEN m.fence + 1 ELSE m.fence END,
    address = CASE WHEN j.verdict = 'send' THEN j.address ELSE m.address END,
    measured_opens = j.opens, measured_clicks = j.clicks
FROM json_to_recordset(%(verdicts)s::json)
     AS j (id uuid, verdict text, reasons jsonb, due_at timestamptz, address text, opens bool, clicks bool)
WHERE m.workspace_id = %(workspace_id)s AND m.id = j.id AND m.state = 'queued'
RETURNING m.id, m.fence;

-- name: list_rules
-- The rules that a batch has to be judged by, as text. Parameters: mailing_ids.
SELECT l.id AS mailing_id, l.guard::text AS guard, CASE WHEN p.basis = 'legitimate_interest' THEN p.audience::text END AS audience
FROM delivery_mailing l JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
WHERE l.workspace_id = %(workspace_id)s AND l.id = ANY(%(mailing_ids)s);
