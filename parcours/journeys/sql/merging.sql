-- name: end_repeated_runs
-- Two people who prove to be one may both have run for the same entry key: the dropped one's run ends, under a key of its own.
-- Parameters: kept, dropped, now. Locks and changes those runs. Returns which run goes on in the place of which.
UPDATE journeys_run run
SET entry_key = 'merged ' || run.id, due_at = NULL, finished_at = coalesce(run.finished_at, %(now)s)
FROM journeys_run other
WHERE run.workspace_id = %(workspace_id)s AND run.contact_id = %(dropped)s
  AND other.workspace_id = %(workspace_id)s AND other.contact_id = %(kept)s
  AND other.journey_id = run.journey_id AND other.entry_key = run.entry_key
RETURNING run.id AS ended, other.id AS going_on;

-- name: move_runs
-- Give the dropped person's runs to the one who is kept. Parameters: kept, dropped. Locks and changes those runs.
UPDATE journeys_run SET contact_id = %(kept)s
WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s;
