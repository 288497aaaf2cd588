-- name: list_shown
-- The different facts about products that a span of the log shows, oldest first, each with the newest instant at which they were shown:
-- of an event's `products`, or of the event itself. At most `most_lines` of an event are read, and `most_together` in all, which bounds
-- the work. Parameters: the span of `events.cursor`, names, most_lines, most_together. Reads only.
WITH shown AS (
    SELECT event.at, event.properties -> 'currency' AS currency, line.product, line.identity
    FROM events_event AS event
    CROSS JOIN LATERAL (
        SELECT product, CASE WHEN jsonb_typeof(product -> 'product_id') IN ('string', 'number') THEN product -> 'product_id' ELSE product -> 'sku' END AS identity
        FROM jsonb_array_elements(CASE WHEN jsonb_typeof(event.properties -> 'products') = 'array' THEN event.properties -> 'products'
                                       ELSE jsonb_build_array(event.properties) END) AS product
        LIMIT %(most_lines)s
    ) AS line
    WHERE event.workspace_id = %(workspace_id)s
      AND (xid, id) > (%(after_xid)s::text::xid8, %(after_id)s)
      AND (xid, id) <= (%(until_xid)s::text::xid8, %(until_id)s) AND at BETWEEN %(first_at)s AND %(last_at)s
      AND event.name = ANY (%(names)s)
    LIMIT %(most_together)s
), facts AS (
    SELECT identity, max(at) AS at,
           jsonb_build_object('name', product -> 'name', 'url', product -> 'url', 'image_url', product -> 'image_url', 'price', product -> 'price',
                              'currency', coalesce(product -> 'currency', currency), 'category', product -> 'category', 'brand', product -> 'brand') AS facts
    FROM shown
    WHERE jsonb_typeof(identity) IN ('string', 'number')
    GROUP BY identity, 3
)
SELECT identity, at, facts
FROM facts
WHERE length(facts::text) < 10000 AND length(identity::text) < 1000
ORDER BY at, identity, facts;

-- name: keep_seen
-- Write what was seen of products. Of two instants the newer one's facts hold, and the older one's where it shows none. What somebody
-- states stays as it is, and so does the day on which it was last seen. No more than `most` products are known only so: the newest
-- products beyond are left out.
-- Parameters: rows (JSON: product_id, seen_at, facts as texts), most, now. Locks: the rows touched, in the order of their ids.
-- Side effects: catalogue_product.
WITH seen AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS row (product_id text, seen_at timestamptz, facts jsonb)
), known AS MATERIALIZED (
    SELECT kept.product_id, kept.origin, kept.seen_at,
           jsonb_strip_nulls(jsonb_build_object('name', nullif(kept.name, ''), 'url', nullif(kept.url, ''), 'image_url', nullif(kept.image_url, ''),
               'price', kept.price::text, 'currency', nullif(kept.currency, ''), 'category', nullif(kept.category, ''), 'brand', nullif(kept.brand, ''))) AS facts
    FROM catalogue_product AS kept
    WHERE kept.workspace_id = %(workspace_id)s AND kept.product_id IN (SELECT product_id FROM seen)
), fresh AS MATERIALIZED (
    SELECT product_id FROM seen WHERE product_id NOT IN (SELECT product_id FROM known)
), admitted AS (
    SELECT product_id FROM fresh ORDER BY product_id COLLATE "C"
    LIMIT CASE WHEN EXISTS (SELECT FROM fresh)
               THEN greatest(0, %(most)s - (SELECT count(*) FROM catalogue_product WHERE workspace_id = %(workspace_id)s AND origin = 'seen'))
               ELSE 0 END
), merged AS (
    SELECT seen.product_id, greatest(seen.seen_at, known.seen_at) AS seen_at,
           CASE WHEN known.seen_at > seen.seen_at THEN seen.facts || known.facts ELSE coalesce(known.facts, '{}') || seen.facts END AS facts
    FROM seen LEFT JOIN known USING (product_id)
    WHERE known.origin = 'seen' OR seen.product_id IN (SELECT product_id FROM admitted)
)
INSERT INTO catalogue_product AS kept
    (workspace_id, product_id, name, url, image_url, price, currency, category, brand, attributes, origin, seen_at, created_at, changed_at)
SELECT %(workspace_id)s, product_id, coalesce(facts ->> 'name', ''), coalesce(facts ->> 'url', ''), coalesce(facts ->> 'image_url', ''),
       (facts ->> 'price')::numeric, coalesce(facts ->> 'currency', ''), coalesce(facts ->> 'category', ''), coalesce(facts ->> 'brand', ''),
       '{}', 'seen', seen_at, %(now)s, %(now)s
FROM merged
ORDER BY product_id COLLATE "C"
ON CONFLICT (workspace_id, product_id) DO UPDATE
    SET (name, url, image_url, price, currency, category, brand, seen_at, changed_at)
      = (excluded.name, excluded.url, excluded.image_url, excluded.price, excluded.currency, excluded.category, excluded.brand,
         excluded.seen_at, excluded.changed_at)
    WHERE kept.origin = 'seen'
      AND ((kept.name, kept.url, kept.image_url, kept.price, kept.currency, kept.category, kept.brand)
               IS DISTINCT FROM
           (excluded.name, excluded.url, excluded.image_url, excluded.price, excluded.currency, excluded.category, excluded.brand)
           OR excluded.seen_at >= kept.seen_at + interval '1 day');
