-- name: move_events
-- Make the dropped contact's events the kept one's. Changes nothing but whose they are.
UPDATE events_event SET contact_id = %(kept)s
WHERE workspace_id = %(workspace_id)s AND contact_id = %(dropped)s;
