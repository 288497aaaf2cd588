-- name: measured_messages
-- For messages whose pixel or link was called: whose they are, what they are about, when they were accepted, and whether this
-- person may be measured now (compliance C11, C12): withdrawing counts for mail that was sent before. Parameters: ids (distinct). Reads only.
-- Subqueries behind OFFSET 0, not joins: whatever the planner believes about the tables, each message costs a few index probes.
WITH measuring AS MATERIALIZED (
    SELECT code, id FROM consent_purpose
    WHERE workspace_id = %(workspace_id)s AND code IN ('measure_opens', 'measure_clicks') AND is_measuring
), rule AS MATERIALIZED (
    SELECT (SELECT id FROM measuring WHERE code = 'measure_opens') AS opens,
           (SELECT id FROM measuring WHERE code = 'measure_clicks') AS clicks,
           coalesce((SELECT click_tracking = 'everyone' FROM delivery_sending WHERE workspace_id = %(workspace_id)s), false) AS all_clicks
)
SELECT message.id AS message_id, message.contact_id, message.sent_at, message.mailing_id,
       mailing.purpose, mailing.origin, mailing.origin_id, mailing.origin_version, mailing.step, mailing.name,
       coalesce((SELECT true FROM consent_state AS state
                 WHERE state.workspace_id = %(workspace_id)s AND state.contact_id = message.contact_id
                   AND state.purpose_id = rule.opens AND state.act = 'granted' LIMIT 1), false) AS opens,
       rule.all_clicks OR coalesce((SELECT true FROM consent_state AS state
                 WHERE state.workspace_id = %(workspace_id)s AND state.contact_id = message.contact_id
                   AND state.purpose_id = rule.clicks AND state.act = 'granted' LIMIT 1), false) AS clicks
FROM rule
CROSS JOIN unnest(%(ids)s::uuid[]) AS called (id)
CROSS JOIN LATERAL (
    SELECT id, contact_id, sent_at, mailing_id FROM delivery_message
    WHERE workspace_id = %(workspace_id)s AND id = called.id
    OFFSET 0
) AS message
CROSS JOIN LATERAL (
    SELECT l.origin, l.origin_id, l.origin_version, l.step, l.name,
           (SELECT code FROM consent_purpose WHERE workspace_id = %(workspace_id)s AND id = l.purpose_id) AS purpose
    FROM delivery_mailing AS l
    WHERE l.workspace_id = %(workspace_id)s AND l.id = message.mailing_id
    OFFSET 0
) AS mailing;

-- name: count_anonymous_clicks
-- Count clicks without saying who: parallel arrays of mailings, template versions (used where no mailing is known: the latest mailing
-- of that version that is no test), links, whether a machine followed it. Inserts one row a click.
INSERT INTO delivery_anonymousclick (workspace_id, mailing_id, link, day, is_machine)
SELECT %(workspace_id)s, coalesce(clicked.mailing_id, latest.id), clicked.link, %(day)s, clicked.is_machine
FROM unnest(%(mailings)s::integer[], %(versions)s::integer[], %(links)s::integer[], %(machines)s::boolean[])
     AS clicked (mailing_id, version_id, link, is_machine)
LEFT JOIN LATERAL (
    SELECT mailing.id FROM delivery_mailing AS mailing
    WHERE clicked.mailing_id IS NULL AND mailing.workspace_id = %(workspace_id)s AND mailing.template_version_id = clicked.version_id
      AND mailing.origin <> 'test'
    ORDER BY mailing.id DESC LIMIT 1
) AS latest ON true
WHERE coalesce(clicked.mailing_id, latest.id) IS NOT NULL AND clicked.link BETWEEN 0 AND 32767;
