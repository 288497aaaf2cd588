-- name: move_identities
-- Give all that identifies the dropped contact to the kept one.
UPDATE contacts_identity SET contact_id = %(kept)s
WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s;

-- name: move_memberships
-- Put the kept contact on the lists that the dropped one is on. The dropped one's rows go with it.
INSERT INTO contacts_listmember (workspace_id, list_id, contact_id, added_at)
SELECT workspace_id, list_id, %(kept)s, added_at
FROM contacts_listmember
WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s
ON CONFLICT (workspace_id, list_id, contact_id) DO UPDATE
SET added_at = least(contacts_listmember.added_at, excluded.added_at);

-- name: remove_dropped
-- Delete the dropped contact, its memberships with it, and return what it knew: `inherit` takes it.
DELETE FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND id = %(dropped)s
RETURNING email, language, time_zone, source, attributes::text AS attributes, created_at;

-- name: inherit
-- What the kept contact did not know, it takes from the dropped one; what it knew stays.
UPDATE contacts_contact
SET email = coalesce(email, %(email)s::text),
    language = coalesce(nullif(language, ''), %(language)s),
    time_zone = coalesce(nullif(time_zone, ''), %(time_zone)s),
    source = coalesce(nullif(source, ''), %(source)s),
    attributes = %(attributes)s::jsonb || attributes,
    created_at = least(created_at, %(created_at)s),
    updated_at = %(now)s
WHERE workspace_id = %(workspace_id)s AND id = %(kept)s;
