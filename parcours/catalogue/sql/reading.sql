-- name: list_stated
-- Of some products, those that the shop states, as customers may be shown them. Reads only. Parameters: ids.
SELECT product_id, name, url, image_url, price, currency, category, brand, in_stock
FROM catalogue_product
WHERE workspace_id = %(workspace_id)s AND product_id = ANY (%(ids)s) AND origin <> 'seen';
