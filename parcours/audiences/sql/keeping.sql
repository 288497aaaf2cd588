-- name: hold_rules
-- Lock all segments, in the order of their ids, and give their rules as they are once nobody else changes or evaluates
-- them: two workers never judge a segment from two snapshots at once. Waits for other workers.
SELECT id, slug, name, rule::text AS rule, revision, built_revision
FROM audiences_segment
WHERE workspace_id = %(workspace_id)s
ORDER BY id
FOR NO KEY UPDATE;

-- name: try_hold_segment
-- Lock one segment without waiting, and give the revision that its people follow; nothing when another worker holds it.
SELECT built_revision FROM audiences_segment
WHERE workspace_id = %(workspace_id)s AND id = %(segment_id)s
FOR NO KEY UPDATE SKIP LOCKED;

-- name: hold_unbuilt
-- Lock a segment whose people do not follow its rule yet, without waiting, and say after which contact its building goes on (null: from the
-- beginning); nothing when it is built, or another worker holds it.
SELECT slug, revision, CASE WHEN building_revision = revision THEN building_after END AS after FROM audiences_segment
WHERE workspace_id = %(workspace_id)s AND id = %(segment_id)s AND built_revision <> revision
FOR NO KEY UPDATE SKIP LOCKED;

-- name: end_of_range
-- The last contact of the next range of people to judge; nothing when fewer are left. Parameters: after, size. Reads the primary key.
SELECT id FROM contacts_contact
WHERE workspace_id = %(workspace_id)s AND id > %(after)s::uuid
ORDER BY id OFFSET %(size)s - 1 LIMIT 1;

-- name: go_on_building
-- Remember up to where a segment's people follow its rule as of `revision`. Locks: that segment.
UPDATE audiences_segment SET building_revision = %(revision)s, building_after = %(until)s
WHERE workspace_id = %(workspace_id)s AND id = %(segment_id)s;

-- name: mark_built
-- The members of a segment follow its rule as of `revision`.
UPDATE audiences_segment SET built_revision = %(revision)s, built_at = %(now)s, building_revision = 0, building_after = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(segment_id)s;

-- name: mark_unbuilt
-- The members of these segments no longer follow their rules: a segment that they refer to has changed.
UPDATE audiences_segment SET built_revision = 0, building_revision = 0, building_after = NULL
WHERE workspace_id = %(workspace_id)s AND id = ANY(%(segment_ids)s);

-- name: segments_with_due
-- The segments in which time alone may have changed something by now. One index probe per segment.
SELECT segment.id
FROM audiences_segment AS segment
WHERE segment.workspace_id = %(workspace_id)s
  AND EXISTS (SELECT FROM audiences_recheck AS recheck
              WHERE recheck.workspace_id = %(workspace_id)s AND recheck.segment_id = segment.id
                AND recheck.due_at <= %(now)s);
