-- name: measured_messages
-- For messages whose pixel or link was called: whose they are, what they are about, when they were accepted, and whether this
-- person may be measured now (compliance C11, C12): withdrawing counts for mail that was sent before. Parameters: ids (distinct). Reads only.
SELECT message.id AS message_id, message.contact_id, message.sent_at, mailing.id AS mailing_id,
       jsonb_build_object('message', message.id, 'mailing', mailing.id, 'purpose', purpose.code, 'origin', mailing.origin,
                          'origin_id', mailing.origin_id, 'origin_version', mailing.origin_version, 'step', mailing.step,
                          'name', mailing.name) AS about,
       EXISTS (SELECT FROM consent_purpose AS measuring JOIN consent_state AS state
               ON state.workspace_id = %(workspace_id)s AND state.contact_id = message.contact_id
                  AND state.purpose_id = measuring.id AND state.act = 'granted'
               WHERE measuring.workspace_id = %(workspace_id)s AND measuring.code = 'measure_opens' AND measuring.is_measuring) AS opens,
       coalesce((SELECT click_tracking = 'everyone' FROM delivery_sending WHERE workspace_id = %(workspace_id)s), false)
       OR EXISTS (SELECT FROM consent_purpose AS measuring JOIN consent_state AS state
                  ON state.workspace_id = %(workspace_id)s AND state.contact_id = message.contact_id
                     AND state.purpose_id = measuring.id AND state.act = 'granted'
                  WHERE measuring.workspace_id = %(workspace_id)s AND measuring.code = 'measure_clicks'
                    AND measuring.is_measuring) AS clicks
FROM unnest(%(ids)s::uuid[]) AS called (id)
JOIN delivery_message AS message ON message.workspace_id = %(workspace_id)s AND message.id = called.id
JOIN delivery_mailing AS mailing ON mailing.workspace_id = %(workspace_id)s AND mailing.id = message.mailing_id
JOIN consent_purpose AS purpose ON purpose.workspace_id = %(workspace_id)s AND purpose.id = mailing.purpose_id;

-- name: count_anonymous_clicks
-- Count clicks without saying who: parallel arrays of mailings, template versions (used where no mailing is known: the latest mailing
-- of that version), links. Inserts one row a click.
INSERT INTO delivery_anonymousclick (workspace_id, mailing_id, link, day)
SELECT %(workspace_id)s, coalesce(clicked.mailing_id, latest.id), clicked.link, %(day)s
FROM unnest(%(mailings)s::integer[], %(versions)s::integer[], %(links)s::integer[]) AS clicked (mailing_id, version_id, link)
LEFT JOIN LATERAL (
    SELECT mailing.id FROM delivery_mailing AS mailing
    WHERE clicked.mailing_id IS NULL AND mailing.workspace_id = %(workspace_id)s AND mailing.template_version_id = clicked.version_id
    ORDER BY mailing.id DESC LIMIT 1
) AS latest ON true
WHERE coalesce(clicked.mailing_id, latest.id) IS NOT NULL AND clicked.link BETWEEN 0 AND 32767;
