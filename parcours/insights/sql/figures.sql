-- name: roll_up
-- Add a span of the log to the daily roll-up, by day of the workspace's zone. Opens and clicks of machines are left out. Amounts are
-- the totals in the workspace's currency (those that name none are), as numbers or as text; what cannot be one counts as nothing.
-- A write key is public: each amount stays below 10^12, and a day's sum, 28 digits before the point, holds more of them than a log does.
-- Parameters: the span of `events.cursor`, zone, currency. Locks: the daily rows touched. Side effects: insights_daily.
INSERT INTO insights_daily AS kept (workspace_id, day, name, count, amount)
SELECT workspace_id, (at AT TIME ZONE %(zone)s)::date, name, count(*),
       coalesce(sum(total) FILTER (WHERE abs(total) < 1e12
                                     AND upper(coalesce(nullif(properties ->> 'currency', ''), %(currency)s)) = upper(%(currency)s)), 0)
FROM events_event
CROSS JOIN LATERAL (
    SELECT CASE WHEN properties ->> 'total' ~ '^-?[0-9]{1,20}([.][0-9]{1,20})?$' THEN (properties ->> 'total')::numeric END AS total
) AS amount
WHERE workspace_id = %(workspace_id)s
  AND (xid, id) > (%(after_xid)s::text::xid8, %(after_id)s)
  AND (xid, id) <= (%(until_xid)s::text::xid8, %(until_id)s) AND at BETWEEN %(first_at)s AND %(last_at)s
  AND NOT (name IN ('Email Opened', 'Email Link Clicked') AND properties -> 'machine' IS NOT DISTINCT FROM 'true'::jsonb)
GROUP BY 1, 2, 3
ORDER BY 2, 3
ON CONFLICT (workspace_id, day, name) DO UPDATE
    SET count = kept.count + excluded.count, amount = kept.amount + excluded.amount;

-- name: daily
-- The roll-up of some names between two days, both included. Reads only.
SELECT day, name, count, amount
FROM insights_daily
WHERE workspace_id = %(workspace_id)s AND name = ANY (%(names)s) AND day BETWEEN %(first)s AND %(last)s
ORDER BY day, name;

-- name: mailing_figures
-- What became of the messages of some mailings: every message is in exactly one of the states, so that they add up.
-- Rates are over the sent messages of those who may be measured, above the line as below it; clicks in all add those of the others,
-- counted without their names. Reads only.
WITH unnamed AS (
    SELECT mailing_id, count(*) FILTER (WHERE NOT is_machine) AS by_people, count(*) FILTER (WHERE is_machine) AS by_machines
    FROM delivery_anonymousclick
    WHERE workspace_id = %(workspace_id)s AND mailing_id = ANY (%(mailings)s)
    GROUP BY mailing_id
)
SELECT mailing_id,
       count(*) AS targeted,
       count(*) FILTER (WHERE state = 'queued' AND verdict <> 'delay') AS queued,
       count(*) FILTER (WHERE state = 'queued' AND verdict = 'delay') AS delayed,
       count(*) FILTER (WHERE state = 'sending') AS sending,
       count(*) FILTER (WHERE state = 'sent') AS sent,
       count(*) FILTER (WHERE state = 'withheld') AS withheld,
       count(*) FILTER (WHERE state = 'failed') AS failed,
       count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt,
       count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE state = 'sent' AND measured_opens) AS open_measured,
       count(opened_at) FILTER (WHERE state = 'sent' AND measured_opens) AS opened,
       count(machine_opened_at) FILTER (WHERE state = 'sent' AND measured_opens) AS opened_by_machines,
       count(*) FILTER (WHERE state = 'sent' AND measured_clicks) AS click_measured,
       count(clicked_at) FILTER (WHERE state = 'sent' AND measured_clicks) AS clicked,
       count(machine_clicked_at) FILTER (WHERE state = 'sent' AND measured_clicks) AS clicked_by_machines,
       coalesce(min(unnamed.by_people), 0) AS unnamed_clicks,
       coalesce(min(unnamed.by_machines), 0) AS unnamed_clicks_by_machines,
       count(unsubscribed_at) AS unsubscribed,
       count(bounced_at) FILTER (WHERE state = 'sent') AS bounced,
       count(complained_at) AS complained
FROM delivery_message LEFT JOIN unnamed USING (mailing_id)
WHERE workspace_id = %(workspace_id)s AND mailing_id = ANY (%(mailings)s)
GROUP BY mailing_id;

-- name: event_names
-- The names of what happened since a day, by name, a hundred at most. Reads only.
SELECT DISTINCT name FROM insights_daily WHERE workspace_id = %(workspace_id)s AND day >= %(since)s ORDER BY name LIMIT 100;
