-- name: contact
-- One contact by id.
SELECT id, email, language, time_zone, attributes, source, created_at, updated_at
FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND id = %(contact_id)s;

-- name: contact_of_number
-- The contact whose number this is.
SELECT id, email, language, time_zone, attributes, source, created_at, updated_at
FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND number = %(number)s;

-- name: number_of
-- The number of a contact.
SELECT number FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND id = %(contact_id)s;

-- name: ids_of_numbers
-- Who has these numbers.
SELECT number AS key, id AS contact_id FROM contacts_contact
WHERE workspace_id = %(workspace_id)s AND number = ANY(%(numbers)s::bigint[]);

-- name: ids_of_identities
-- Who has these identities, all of one kind.
SELECT value AS key, contact_id FROM contacts_identity
WHERE workspace_id = %(workspace_id)s AND kind = %(kind)s AND value = ANY(%(values)s::text[]);

-- name: contact_of_identity
-- The contact that owns an identity.
SELECT contact.id, contact.email, contact.language, contact.time_zone, contact.attributes, contact.source,
       contact.created_at, contact.updated_at
FROM contacts_identity AS identity
JOIN contacts_contact AS contact ON contact.workspace_id = %(workspace_id)s AND contact.id = identity.contact_id
WHERE identity.workspace_id = %(workspace_id)s AND identity.kind = %(kind)s AND identity.value = %(value)s;

-- name: identities
-- All that identifies a contact, in the order in which it became known.
SELECT kind, value, created_at FROM contacts_identity
WHERE workspace_id = %(workspace_id)s AND contact_id = %(contact_id)s
ORDER BY id;

-- name: newest_contacts
-- A page of contacts, newest first, after the keyset (before_at, before_id); both null for the first page.
SELECT id, email, language, time_zone, attributes, source, created_at, updated_at
FROM contacts_contact
WHERE workspace_id = %(workspace_id)s
  AND (%(before_at)s::timestamptz IS NULL OR (created_at, id) < (%(before_at)s::timestamptz, %(before_id)s::uuid))
ORDER BY created_at DESC, id DESC
LIMIT %(limit)s;

-- name: count_contacts
-- How many contacts the workspace has.
SELECT count(*) FROM contacts_contact WHERE workspace_id = %(workspace_id)s;
