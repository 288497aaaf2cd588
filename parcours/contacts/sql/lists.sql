-- name: add_to_list
-- Put contacts on a list; returns those who were not on it. LIMIT 1: one probe for each, whatever the size of the table.
INSERT INTO contacts_listmember (workspace_id, list_id, contact_id, added_at)
SELECT %(workspace_id)s, list.id, contact.id, %(now)s
FROM contacts_list AS list, unnest(%(contact_ids)s::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT id FROM contacts_contact WHERE workspace_id = %(workspace_id)s AND id = wanted.id LIMIT 1) AS contact
WHERE list.workspace_id = %(workspace_id)s AND list.slug = %(slug)s
ORDER BY contact.id
ON CONFLICT (workspace_id, list_id, contact_id) DO NOTHING
RETURNING contact_id;

-- name: remove_from_list
-- Take contacts off a list; returns those who were on it.
DELETE FROM contacts_listmember AS member
USING contacts_list AS list
WHERE member.workspace_id = %(workspace_id)s AND list.workspace_id = %(workspace_id)s
  AND list.slug = %(slug)s AND member.list_id = list.id AND member.contact_id = ANY(%(contact_ids)s)
RETURNING member.contact_id;

-- name: lists
-- The lists with the number of people on each, by name.
SELECT list.id, list.slug, list.name, list.created_at,
       (SELECT count(*) FROM contacts_listmember AS member
        WHERE member.workspace_id = %(workspace_id)s AND member.list_id = list.id) AS count
FROM contacts_list AS list
WHERE list.workspace_id = %(workspace_id)s
ORDER BY lower(list.name), list.id;

-- name: lists_of_contact
-- The lists that a contact is on, by name.
SELECT list.id, list.slug, list.name, member.added_at AS created_at, 0 AS count
FROM contacts_listmember AS member JOIN contacts_list AS list ON list.workspace_id = %(workspace_id)s AND list.id = member.list_id
WHERE member.workspace_id = %(workspace_id)s AND member.contact_id = %(contact_id)s
ORDER BY lower(list.name), list.id;

-- name: members_of_list
-- A page of the people on a list, in the order of their ids, after the id `after`; null for the first page.
SELECT contact.id, contact.email, contact.language, contact.time_zone, contact.attributes, contact.source,
       contact.created_at, contact.updated_at
FROM contacts_list AS list
JOIN contacts_listmember AS member ON member.workspace_id = %(workspace_id)s AND member.list_id = list.id
JOIN contacts_contact AS contact ON contact.workspace_id = %(workspace_id)s AND contact.id = member.contact_id
WHERE list.workspace_id = %(workspace_id)s AND list.slug = %(slug)s
  AND (%(after)s::uuid IS NULL OR member.contact_id > %(after)s::uuid)
ORDER BY member.contact_id
LIMIT %(limit)s;
