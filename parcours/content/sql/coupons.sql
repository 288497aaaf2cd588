-- name: issue_codes
-- Give each person a code of a coupon; who has one that is valid keeps it, an expired one gives way to a new one. Parameters: coupon_id,
-- contact_ids and codes (arrays of equal length), now. Locks: the rows of these people. Returns the code of every person named, new or
-- kept, but for those to whom another transaction gave one at the same moment.
WITH coupon AS (
    SELECT id, valid_days FROM content_coupon WHERE workspace_id = %(workspace_id)s AND id = %(coupon_id)s
),
issued AS (
    INSERT INTO content_couponcode (workspace_id, coupon_id, contact_id, code, issued_at, expires_at)
    SELECT %(workspace_id)s, coupon.id, n.contact_id, n.code, %(now)s::timestamptz, %(now)s::timestamptz + make_interval(days => coupon.valid_days)
    FROM coupon, unnest(%(contact_ids)s::uuid[], %(codes)s::text[]) AS n (contact_id, code)
    ORDER BY n.contact_id
    ON CONFLICT (workspace_id, coupon_id, contact_id) DO UPDATE
        SET code = excluded.code, issued_at = excluded.issued_at, expires_at = excluded.expires_at
        WHERE content_couponcode.expires_at <= %(now)s
    RETURNING contact_id, code, expires_at
)
SELECT contact_id, code, expires_at FROM issued
UNION ALL
SELECT k.contact_id, k.code, k.expires_at FROM content_couponcode k
WHERE k.workspace_id = %(workspace_id)s AND k.coupon_id = %(coupon_id)s AND k.contact_id = ANY(%(contact_ids)s)
  AND k.expires_at > %(now)s;

-- name: move_codes
-- Give the codes of a merged person to the one who is kept, except for coupons of which that one has a code already.
UPDATE content_couponcode k SET contact_id = %(kept)s
WHERE k.workspace_id = %(workspace_id)s AND k.contact_id = %(dropped)s
  AND NOT EXISTS (SELECT FROM content_couponcode o
                  WHERE o.workspace_id = %(workspace_id)s AND o.coupon_id = k.coupon_id AND o.contact_id = %(kept)s);
