-- name: list_letters
-- What the messages of a batch are made of: the person's language and attributes, the event that the message is about, the words
-- that a program brought along (a request is the run of its message), the language that a test is asked for in. Reads only.
-- Parameters: ids.
SELECT m.id, coalesce(c.email, '') AS email, coalesce(nullif(t.language, ''), c.language, '') AS language, coalesce(c.attributes, '{}') AS attributes,
       coalesce(e.properties, '{}') AS event, q.content
FROM delivery_message m
JOIN delivery_mailing l ON l.workspace_id = %(workspace_id)s AND l.id = m.mailing_id
LEFT JOIN delivery_request q ON q.workspace_id = %(workspace_id)s AND q.id = m.run AND l.origin = 'api'
LEFT JOIN delivery_trial t ON t.workspace_id = %(workspace_id)s AND t.id = m.run AND m.is_test
LEFT JOIN contacts_contact c ON c.workspace_id = %(workspace_id)s AND c.id = m.contact_id
LEFT JOIN events_event e ON e.workspace_id = %(workspace_id)s AND e.contact_id = m.contact_id AND e.at = m.event_at AND e.id = m.event_id
WHERE m.workspace_id = %(workspace_id)s AND m.id = ANY(%(ids)s::uuid[]);

-- name: list_mailings
-- The mailings of a batch: origin, purpose, template version, coupon. Parameters: mailing_ids.
SELECT l.id, l.template_version_id, l.coupon_id, l.origin, p.code AS purpose, p.basis,
       jsonb_build_object('fr', p.name_fr, 'en', p.name_en) AS names,
       jsonb_build_object('fr', p.description_fr, 'en', p.description_en) AS descriptions
FROM delivery_mailing l JOIN consent_purpose p ON p.workspace_id = %(workspace_id)s AND p.id = l.purpose_id
WHERE l.workspace_id = %(workspace_id)s AND l.id = ANY(%(mailing_ids)s);
