-- name: unread_import
-- The oldest import whose file waits to be read, unless another worker reads it. Reads everything but the content.
-- Locks: advisory, by import, until the transaction ends. Not the row: reading takes seconds, in which a person may cancel, and a
-- transaction that wrote or locked a row would keep every consumer of the log waiting (`events.cursor`).
SELECT * FROM (
    SELECT id, options, total, position, "offset", line, octet_length(content) AS size
    FROM contacts_import
    WHERE workspace_id = %(workspace_id)s AND state = 'mapped'
    ORDER BY created_at, id
    LIMIT 1
) AS oldest
WHERE pg_try_advisory_xact_lock(hashtext('contacts.importing ' || oldest.id), %(workspace_id)s::integer);

-- name: claim_import
-- Lock the oldest import under way that no other worker holds. Reads everything but the content.
-- Locks: the import's row until the transaction ends; a person who cancels waits for that (one portion).
SELECT id, options, total, position, "offset", line, octet_length(content) AS size
FROM contacts_import
WHERE workspace_id = %(workspace_id)s AND state = 'running'
ORDER BY created_at, id
LIMIT 1
FOR NO KEY UPDATE SKIP LOCKED;

-- name: import_slice
-- A part of the content: `size` bytes from byte `after` on. Content is stored uncompressed, so that only these bytes are read.
SELECT substring(content FROM %(after)s + 1 FOR %(size)s)
FROM contacts_import
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: advance_import
-- Note what a portion came to, in the portion's own transaction.
UPDATE contacts_import
SET position = position + %(rows)s, "offset" = "offset" + %(bytes)s, line = line + %(lines)s,
    created_count = created_count + %(created)s, updated_count = updated_count + %(updated)s,
    skipped_count = skipped_count + %(skipped)s, refused_count = refused_count + %(refused)s,
    suppressed_count = suppressed_count + %(suppressed)s, refusing_count = refusing_count + %(refusing)s
WHERE workspace_id = %(workspace_id)s AND id = %(id)s;

-- name: refuse_rows
-- Write refused rows (arrays of equal length: lines, codes, values) into the report.
INSERT INTO contacts_importrefusal (workspace_id, run_id, line, code, value)
SELECT %(workspace_id)s, %(id)s, r.line, r.code, r.value
FROM unnest(%(lines)s::int[], %(codes)s::text[], %(values)s::text[]) AS r (line, code, value);

-- name: superseded_lines
-- Lines of a portion whose address comes again further down in the file.
SELECT line FROM contacts_importrefusal
WHERE workspace_id = %(workspace_id)s AND run_id = %(id)s AND line >= %(first)s AND line <= %(last)s
  AND code IN ('duplicate', 'duplicate_opted_out');

-- name: opted_out_before
-- Which of some addresses (as the report shows them) opt out in a row that was superseded.
SELECT DISTINCT value FROM contacts_importrefusal
WHERE workspace_id = %(workspace_id)s AND run_id = %(id)s AND code = 'duplicate_opted_out' AND value = ANY(%(addresses)s::text[]);

-- name: already_known
-- What is stored about the people whose identities (parallel arrays of kinds and values) are given: for rules that spare it.
SELECT i.kind, i.value, i.contact_id, c.language, c.time_zone, c.attributes
FROM unnest(%(kinds)s::text[], %(values)s::text[]) AS wanted (kind, value)
JOIN contacts_identity i ON i.workspace_id = %(workspace_id)s AND i.kind = wanted.kind AND i.value = wanted.value
JOIN contacts_contact c ON c.workspace_id = %(workspace_id)s AND c.id = i.contact_id;
