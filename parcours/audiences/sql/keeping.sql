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

-- name: mark_built
-- The members of a segment follow its rule as of `revision`.
UPDATE audiences_segment SET built_revision = %(revision)s, built_at = %(now)s
WHERE workspace_id = %(workspace_id)s AND id = %(segment_id)s;

-- name: mark_unbuilt
-- The members of these segments no longer follow their rules: a segment that they refer to has changed.
UPDATE audiences_segment SET built_revision = 0
WHERE workspace_id = %(workspace_id)s AND id = ANY(%(segment_ids)s);

-- name: segments_with_due
-- The segments in which time alone may have changed something by now, by id. One index probe per segment.
SELECT segment.id
FROM audiences_segment AS segment
WHERE segment.workspace_id = %(workspace_id)s
  AND EXISTS (SELECT FROM audiences_recheck AS recheck
              WHERE recheck.workspace_id = %(workspace_id)s AND recheck.segment_id = segment.id
                AND recheck.due_at <= %(now)s)
ORDER BY segment.id;
