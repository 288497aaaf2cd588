-- name: keep_products
-- Write what is stated of products, whole: facts that are not named are emptied. Answers each row that is new or differs from before.
-- Parameters: rows (JSON), origin, now. Locks: the rows touched, in the order of their ids. Side effects: catalogue_product.
INSERT INTO catalogue_product AS kept
    (workspace_id, product_id, name, url, image_url, price, currency, category, brand, in_stock, attributes, origin, created_at, changed_at)
SELECT %(workspace_id)s, product_id, name, url, image_url, price, currency, category, brand, in_stock, attributes, %(origin)s, %(now)s, %(now)s
FROM json_to_recordset(%(rows)s::json) AS stated
    (product_id text, name text, url text, image_url text, price numeric, currency text, category text, brand text, in_stock boolean,
     attributes jsonb)
ORDER BY product_id COLLATE "C"
ON CONFLICT (workspace_id, product_id) DO UPDATE
    SET (name, url, image_url, price, currency, category, brand, in_stock, attributes, origin, seen_at, changed_at)
      = (excluded.name, excluded.url, excluded.image_url, excluded.price, excluded.currency, excluded.category, excluded.brand,
         excluded.in_stock, excluded.attributes, excluded.origin, NULL, excluded.changed_at)
    WHERE (kept.name, kept.url, kept.image_url, kept.price, kept.currency, kept.category, kept.brand, kept.in_stock, kept.attributes, kept.origin)
        IS DISTINCT FROM
          (excluded.name, excluded.url, excluded.image_url, excluded.price, excluded.currency, excluded.category, excluded.brand,
           excluded.in_stock, excluded.attributes, excluded.origin)
RETURNING kept.product_id, kept.id, kept.xmax::text = '0' AS is_new;
