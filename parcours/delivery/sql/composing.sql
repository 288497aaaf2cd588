-- name: list_letters
-- What the messages of a batch are made of: the person's language and attributes, the event that the message is about, the words
-- that a program brought along (a request is the run of its message), the language that a test is asked for in. LIMIT 1 makes each one probe. Reads only.
-- Parameters: ids.
SELECT m.id, coalesce(c.email, '') AS email, coalesce(nullif(t.language, ''), c.language, '') AS language, coalesce(c.attributes, '{}') AS attributes,
       coalesce(e.properties, '{}') AS event, q.content
FROM unnest(%(ids)s::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT id, mailing_id, run, contact_id, event_at, event_id, is_test FROM delivery_message
    WHERE workspace_id = %(workspace_id)s AND id = wanted.id LIMIT 1
) AS m
CROSS JOIN LATERAL (SELECT origin FROM delivery_mailing WHERE workspace_id = %(workspace_id)s AND id = m.mailing_id LIMIT 1) AS l
LEFT JOIN LATERAL (
    SELECT content FROM delivery_request WHERE workspace_id = %(workspace_id)s AND id = m.run AND l.origin = 'api' LIMIT 1
) AS q ON true
LEFT JOIN LATERAL (
    SELECT language FROM delivery_trial WHERE workspace_id = %(workspace_id)s AND id = m.run AND m.is_test LIMIT 1
) AS t ON true
LEFT JOIN LATERAL (
    SELECT email, language, attributes FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND id = m.contact_id LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (
    SELECT properties FROM events_event
    WHERE workspace_id = %(workspace_id)s AND contact_id = m.contact_id AND at = m.event_at AND id = m.event_id LIMIT 1
) AS e ON true;

-- name: list_mailings
-- The mailings of a batch: origin, purpose, template version, coupon. Parameters: mailing_ids.
SELECT l.id, l.template_version_id, l.coupon_id, l.origin, p.code AS purpose, p.basis,
       jsonb_build_object('fr', p.name_fr, 'en', p.name_en) AS names,
       jsonb_build_object('fr', p.description_fr, 'en', p.description_en) AS descriptions
FROM delivery_mailing l JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
WHERE l.workspace_id = %(workspace_id)s AND l.id = ANY(%(mailing_ids)s);
