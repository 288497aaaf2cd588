-- name: change_contact
-- Change one contact (JSON `fields`: those of email, language, time_zone and attributes that change; '' empties a field, a null
-- attribute is removed). Returns {name: {from, to}} of what did change; no row when nothing did or there is no such contact.
-- Locks: the contact's row.
WITH before AS (
    SELECT id, email, language, time_zone, attributes
    FROM contacts_contact
    WHERE workspace_id = %(workspace_id)s AND id = %(contact_id)s
    FOR NO KEY UPDATE
), states AS (
    SELECT id,
           jsonb_build_object('email', email, 'language', language, 'time_zone', time_zone) || attributes AS was,
           jsonb_build_object('email', email, 'language', language, 'time_zone', time_zone) || attributes
               || (%(fields)s::jsonb - 'attributes') || coalesce(%(fields)s::jsonb -> 'attributes', '{}') AS becomes
    FROM before
), changed AS (
    SELECT states.id,
           (SELECT coalesce(jsonb_object_agg(key, jsonb_build_object('from', states.was -> key, 'to', value)), '{}')
            FROM jsonb_each(states.becomes)
            WHERE coalesce(states.was -> key, 'null') IS DISTINCT FROM value) AS changes
    FROM states
)
UPDATE contacts_contact AS contact
SET email = coalesce(%(fields)s::jsonb ->> 'email', contact.email),
    language = coalesce(%(fields)s::jsonb ->> 'language', contact.language),
    time_zone = coalesce(%(fields)s::jsonb ->> 'time_zone', contact.time_zone),
    attributes = jsonb_strip_nulls(contact.attributes || coalesce(%(fields)s::jsonb -> 'attributes', '{}')),
    updated_at = %(now)s
FROM changed
WHERE contact.workspace_id = %(workspace_id)s AND contact.id = changed.id AND changed.changes <> '{}'
RETURNING changed.changes;

-- name: add_identity
-- Give a contact one more identity, unless somebody has it. Returns its owner then, and whether the identity is new.
-- Locks: the new row; waits for a transaction that stores the same identity.
WITH added AS (
    INSERT INTO contacts_identity (workspace_id, contact_id, kind, value, created_at)
    SELECT %(workspace_id)s, id, %(kind)s, %(value)s, %(now)s
    FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND id = %(contact_id)s
    ON CONFLICT (workspace_id, kind, value) DO NOTHING
    RETURNING contact_id
)
SELECT contact_id, true AS is_new FROM added
UNION ALL
SELECT contact_id, false FROM contacts_identity
WHERE workspace_id = %(workspace_id)s AND kind = %(kind)s AND value = %(value)s
LIMIT 1;

-- name: remove_identity
-- Take an identity from a contact; the address that is written to, if it was this one, becomes the oldest of the others.
-- Returns that address ({from, to} as email_before, email), a row only when the contact had the identity.
-- Locks: the identity's and the contact's rows.
WITH removed AS (
    DELETE FROM contacts_identity
    WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s AND kind = %(kind)s AND value = %(value)s
    RETURNING value
), before AS (
    SELECT id, email FROM contacts_contact
    WHERE workspace_id = %(workspace_id)s AND id = %(contact_id)s
    FOR NO KEY UPDATE
), written AS (
    UPDATE contacts_contact AS contact
    SET email = CASE WHEN %(kind)s = 'email' AND before.email = removed.value
                     THEN (SELECT other.value FROM contacts_identity AS other
                           WHERE other.workspace_id = %(workspace_id)s AND other.contact_id = %(contact_id)s
                             AND other.kind = 'email' AND other.value <> removed.value
                           ORDER BY other.id LIMIT 1)
                     ELSE before.email END,
        updated_at = %(now)s
    FROM removed, before
    WHERE contact.workspace_id = %(workspace_id)s AND contact.id = before.id
    RETURNING before.email AS email_before, contact.email
)
SELECT email_before, email FROM written;

-- name: count_identities
-- How many identities a contact has.
SELECT count(*) FROM contacts_identity WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s;
