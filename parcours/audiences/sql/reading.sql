-- name: segments
-- The segments with their number of people, by name; `slug` null for all. Counting reads one index entry per member.
SELECT segment.id, segment.slug, segment.name, segment.description, segment.rule, segment.revision,
       segment.built_revision, segment.built_at, segment.created_at,
       (SELECT count(*) FROM audiences_member AS member
        WHERE member.workspace_id = %(workspace_id)s AND member.segment_id = segment.id) AS count
FROM audiences_segment AS segment
WHERE segment.workspace_id = %(workspace_id)s AND (%(slug)s::text IS NULL OR segment.slug = %(slug)s::text)
ORDER BY segment.name, segment.id;

-- name: stored_rules
-- Every segment's rule as text, for those who compile it, by id.
SELECT id, slug, name, rule::text AS rule, revision, built_revision
FROM audiences_segment
WHERE workspace_id = %(workspace_id)s
ORDER BY id;

-- name: members
-- A page of a segment's people, newest contacts first, after the keyset `before` (a contact id; null for the first page).
SELECT contact.id, contact.email, contact.attributes, contact.created_at, member.since
FROM audiences_member AS member
JOIN contacts_contact AS contact ON contact.workspace_id = member.workspace_id AND contact.id = member.contact_id
WHERE member.workspace_id = %(workspace_id)s AND member.segment_id = %(segment_id)s
  AND (%(before)s::uuid IS NULL OR member.contact_id < %(before)s::uuid)
ORDER BY member.contact_id DESC
LIMIT %(limit)s;

-- name: count_members
-- How many people are in a segment.
SELECT count(*) FROM audiences_member
WHERE workspace_id = %(workspace_id)s AND segment_id = %(segment_id)s;

-- name: memberships
-- The segments that a contact is in, by name.
SELECT segment.slug, segment.name, member.since
FROM audiences_member AS member
JOIN audiences_segment AS segment ON segment.id = member.segment_id AND segment.workspace_id = member.workspace_id
WHERE member.workspace_id = %(workspace_id)s AND member.contact_id = %(contact_id)s
ORDER BY segment.name, segment.id;
