-- name: hold_people
-- Keep everybody of the workspace from being merged away until the transaction ends. Holders do not wait for each other.
-- Take it before the statement that reads who is who (the lock must be older than that statement's snapshot).
-- Locks: advisory, shared, by workspace; waits for a merge that is under way.
SELECT pg_advisory_xact_lock_shared(hashtext('contacts.people'), %(workspace_id)s);

-- name: count_missing
-- How many of some contacts do not exist. Parameters: contact_ids. Reads only.
SELECT count(*) FROM unnest(%(contact_ids)s::uuid[]) AS wanted (id)
WHERE NOT EXISTS (SELECT FROM contacts_contact AS contact WHERE contact.workspace_id = %(workspace_id)s AND contact.id = wanted.id);

-- name: hold_people_for_merging
-- Keep everybody else from relying on who is who, until the transaction ends. Waits for every holder, but not for long: those who come
-- after a waiting one wait behind it. Cancelled by the server (lock_not_available) after `patience`.
-- Locks: advisory, exclusive, by workspace.
WITH before AS MATERIALIZED (SELECT current_setting('lock_timeout') AS patience)
SELECT set_config('lock_timeout', %(patience)s::text, true), pg_advisory_xact_lock(hashtext('contacts.people'), %(workspace_id)s),
       set_config('lock_timeout', before.patience, true)
FROM before;

-- name: owned_identities
-- Which contacts own these identities (parallel arrays of kinds and values). Reads the unique index once per identity.
SELECT identity.kind, identity.value, identity.contact_id, contact.created_at, contact.email,
       EXISTS (SELECT FROM contacts_identity AS shop
               WHERE shop.workspace_id = %(workspace_id)s AND shop.contact_id = contact.id AND shop.kind = 'external') AS has_external
FROM unnest(%(kinds)s::text[], %(values)s::text[]) AS wanted (kind, value)
JOIN contacts_identity AS identity
  ON identity.workspace_id = %(workspace_id)s AND identity.kind = wanted.kind AND identity.value = wanted.value
JOIN contacts_contact AS contact ON contact.workspace_id = %(workspace_id)s AND contact.id = identity.contact_id;

-- name: add_people
-- Insert contacts (JSON: id, email, language, time_zone, attributes, source) and identities (JSON: contact_id, kind, value).
-- Returns how many of each went in: fewer than given means that another writer was faster, and the caller starts over.
-- Locks: the new rows; sorted, so that two writers of the same people wait rather than deadlock.
WITH contact AS (
    INSERT INTO contacts_contact (id, workspace_id, email, language, time_zone, attributes, source, created_at, updated_at)
    SELECT id, %(workspace_id)s, email, language, time_zone, attributes, source, %(now)s, %(now)s
    FROM jsonb_to_recordset(%(contacts)s::jsonb)
        AS new (id uuid, email text, language text, time_zone text, attributes jsonb, source text)
    ORDER BY email, id
    ON CONFLICT DO NOTHING
    RETURNING id
), identity AS (
    INSERT INTO contacts_identity (workspace_id, contact_id, kind, value, created_at)
    SELECT %(workspace_id)s, contact_id, kind, value, %(now)s
    FROM jsonb_to_recordset(%(identities)s::jsonb) AS new (contact_id uuid, kind text, value text)
    ORDER BY kind, value
    ON CONFLICT DO NOTHING
    RETURNING contact_id
)
SELECT (SELECT count(*) FROM contact) AS contacts, (SELECT count(*) FROM identity) AS identities;

-- name: change_people
-- Write what is new about stored contacts (JSON: id, email, language, time_zone, possible_language, possible_time_zone, source,
-- attributes). Empty text leaves a field, what is possible fills an empty one, a null attribute removes it, the source is written once. Returns the contacts that did change, each with
-- {name: {from, to}}.
-- Locks: the contacts' rows, in the order of their ids.
WITH news AS (
    SELECT * FROM jsonb_to_recordset(%(contacts)s::jsonb)
        AS new (id uuid, email text, language text, time_zone text, possible_language text, possible_time_zone text,
                source text, attributes jsonb)
), before AS (
    SELECT contact.id, contact.email, contact.language, contact.time_zone, contact.source, contact.attributes
    FROM contacts_contact AS contact JOIN news ON news.id = contact.id
    WHERE contact.workspace_id = %(workspace_id)s
    ORDER BY contact.id
    FOR NO KEY UPDATE OF contact
), after AS (
    SELECT before.id,
           coalesce(news.email, before.email) AS email,
           coalesce(nullif(news.language, ''), nullif(before.language, ''), news.possible_language) AS language,
           coalesce(nullif(news.time_zone, ''), nullif(before.time_zone, ''), news.possible_time_zone) AS time_zone,
           coalesce(nullif(before.source, ''), news.source) AS source,
           jsonb_strip_nulls(before.attributes || news.attributes) AS attributes,
           before.source AS source_before,
           jsonb_build_object('email', before.email, 'language', before.language, 'time_zone', before.time_zone)
               || before.attributes AS was,
           jsonb_build_object(
               'email', coalesce(news.email, before.email),
               'language', coalesce(nullif(news.language, ''), nullif(before.language, ''), news.possible_language),
               'time_zone', coalesce(nullif(news.time_zone, ''), nullif(before.time_zone, ''), news.possible_time_zone)
           ) || before.attributes || news.attributes AS becomes
    FROM before JOIN news ON news.id = before.id
), changed AS (
    SELECT after.*,
           (SELECT coalesce(jsonb_object_agg(key, jsonb_build_object('from', after.was -> key, 'to', value)), '{}')
            FROM jsonb_each(after.becomes)
            WHERE coalesce(after.was -> key, 'null') IS DISTINCT FROM value) AS changes
    FROM after
)
UPDATE contacts_contact AS contact
SET email = changed.email, language = changed.language, time_zone = changed.time_zone, source = changed.source,
    attributes = changed.attributes, updated_at = %(now)s
FROM changed
WHERE contact.workspace_id = %(workspace_id)s AND contact.id = changed.id
  AND (changed.changes <> '{}' OR changed.source <> changed.source_before)
RETURNING contact.id, changed.changes;

-- name: change_attribute
-- Set one attribute (JSON value; null removes it) of these contacts. Returns those that did change, with the value before and after.
-- Locks: the contacts' rows, in the order of their ids.
WITH before AS (
    SELECT id, attributes -> %(name)s::text AS value
    FROM contacts_contact
    WHERE workspace_id = %(workspace_id)s AND id = ANY(%(contact_ids)s)
      AND coalesce(attributes -> %(name)s::text, 'null') IS DISTINCT FROM %(value)s::jsonb
    ORDER BY id
    FOR NO KEY UPDATE
)
UPDATE contacts_contact AS contact
SET attributes = jsonb_strip_nulls(contact.attributes || jsonb_build_object(%(name)s::text, %(value)s::jsonb)),
    updated_at = %(now)s
FROM before
WHERE contact.workspace_id = %(workspace_id)s AND contact.id = before.id
RETURNING contact.id AS contact_id, before.value AS before, contact.attributes -> %(name)s::text AS after;

-- name: declare_attributes
-- Declare attributes by parallel arrays of names and types; names declared meanwhile are left as they are.
INSERT INTO contacts_attribute (workspace_id, name, label_fr, label_en, type, options)
SELECT %(workspace_id)s, name, label, label, type, '{}'
FROM unnest(%(names)s::text[], %(labels)s::text[], %(types)s::text[]) AS new (name, label, type)
ORDER BY name
ON CONFLICT (workspace_id, name) DO NOTHING;

-- name: declared_attributes
-- What the workspace has declared.
SELECT name, type, options FROM contacts_attribute WHERE workspace_id = %(workspace_id)s;
