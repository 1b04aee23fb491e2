-- The statements of the catalogue. Writers take `next_version` first: its row lock puts them into one order, so that
-- what they check beforehand still holds when they write, and no version is seen before the ones below it.

-- name: next_version
-- The version that this transaction will write; every other writer waits until it has ended.
UPDATE catalogue SET version = version + 1, changed_at = $1 RETURNING version;

-- name: current_version
-- The newest committed version; and its lineage, which is another one once a backup was put back: versions of two lineages may have one number.
-- A backup comes with a start of the server, with a table made anew, or with rows loaded into one that was emptied.
SELECT version,
       concat_ws('.', (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint, 'catalogue'::regclass::oid,
                 pg_relation_filenode('catalogue')) AS lineage
FROM catalogue;

-- name: owners_of
-- To which products these SKUs belong; SKUs that do not exist are left out.
SELECT sku, product_id FROM variant WHERE sku = ANY($1::text[]);

-- name: holders_of
-- Which articles these 14-digit barcodes stand for.
SELECT gtin, barcode, sku FROM barcode WHERE gtin = ANY($1::text[]);

-- name: upsert_products
-- Creates or replaces products; category paths come as JSON arrays, since unnest would flatten arrays of arrays.
INSERT INTO product (product_id, name_en, name_es, brand, category_path, changed_version)
SELECT r.product_id, r.name_en, r.name_es, r.brand,
       ARRAY(SELECT json_array_elements_text(r.category_path::json)), $6::bigint
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
  AS r(product_id, name_en, name_es, brand, category_path)
ON CONFLICT (product_id) DO UPDATE SET
  name_en = excluded.name_en, name_es = excluded.name_es, brand = excluded.brand,
  category_path = excluded.category_path, changed_version = excluded.changed_version;

-- name: upsert_variants
-- Creates or replaces variants; whether one is discontinued stays as it is.
INSERT INTO variant (sku, product_id, position, attributes, tax_class, changed_version)
SELECT r.*, $6::bigint FROM unnest($1::text[], $2::text[], $3::integer[], $4::jsonb[], $5::text[])
  AS r(sku, product_id, position, attributes, tax_class)
ON CONFLICT (sku) DO UPDATE SET
  position = excluded.position, attributes = excluded.attributes, tax_class = excluded.tax_class,
  changed_version = excluded.changed_version;

-- name: drop_variants
-- Discontinues the variants that their products ($1) no longer name ($2), and has them read anew with the product's name.
UPDATE variant SET discontinued_at = coalesce(discontinued_at, $3), changed_version = $4
WHERE product_id = ANY($1::text[]) AND sku <> ALL($2::text[]);

-- name: clear_barcodes
-- Takes the barcodes off articles that are about to get theirs anew.
DELETE FROM barcode WHERE sku = ANY($1::text[]);

-- name: insert_barcodes
-- Gives articles their barcodes.
INSERT INTO barcode (gtin, barcode, sku) SELECT * FROM unnest($1::text[], $2::text[], $3::text[]);

-- name: discontinue_variants
-- Takes articles out of sale; gives those that were still sold.
UPDATE variant SET discontinued_at = $2, changed_version = $3
WHERE sku = ANY($1::text[]) AND discontinued_at IS NULL RETURNING sku;

-- name: price_lists_by_id
-- These price lists.
SELECT price_list_id, name_en, name_es, currency_code, tax_inclusive, valid_from, valid_until
FROM price_list WHERE price_list_id = ANY($1::text[]);

-- name: upsert_price_lists
-- Creates or replaces price lists; their prices stay.
INSERT INTO price_list (price_list_id, name_en, name_es, currency_code, tax_inclusive, valid_from, valid_until, changed_version)
SELECT r.*, $8::bigint FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::timestamptz[], $7::timestamptz[]) AS r
ON CONFLICT (price_list_id) DO UPDATE SET
  name_en = excluded.name_en, name_es = excluded.name_es, currency_code = excluded.currency_code,
  tax_inclusive = excluded.tax_inclusive, valid_from = excluded.valid_from, valid_until = excluded.valid_until,
  changed_version = excluded.changed_version;

-- name: upsert_prices
-- Sets prices of one list; a price is known by list, SKU and beginning.
INSERT INTO price (price_list_id, sku, valid_from, valid_until, unit_price_minor, changed_version)
SELECT $1::text, r.*, $6::bigint FROM unnest($2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[]) AS r
ON CONFLICT (price_list_id, sku, valid_from) DO UPDATE SET
  valid_until = excluded.valid_until, unit_price_minor = excluded.unit_price_minor,
  changed_version = excluded.changed_version;

-- name: channels_by_list
-- The channels that sell from one of these price lists.
SELECT channel_id, name_en, name_es, currency_code, price_list_ids, explicit_assortment, methods
FROM channel WHERE price_list_ids && $1::text[];

-- name: channel_by_id
-- One channel.
SELECT channel_id, name_en, name_es, currency_code, price_list_ids, explicit_assortment, methods
FROM channel WHERE channel_id = $1;

-- name: channels_page
-- Channels after a given one, in order of id.
SELECT channel_id, name_en, name_es, currency_code, price_list_ids, explicit_assortment, methods
FROM channel WHERE channel_id > $1 ORDER BY channel_id LIMIT $2;

-- name: upsert_channels
-- Creates or replaces channels; their assortments stay.
INSERT INTO channel (channel_id, name_en, name_es, currency_code, price_list_ids, explicit_assortment, methods, changed_version)
SELECT r.channel_id, r.name_en, r.name_es, r.currency_code,
       ARRAY(SELECT json_array_elements_text(r.price_list_ids::json)), r.explicit_assortment,
       ARRAY(SELECT json_array_elements_text(r.methods::json)::integer), $8::bigint
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[])
  AS r(channel_id, name_en, name_es, currency_code, price_list_ids, explicit_assortment, methods)
ON CONFLICT (channel_id) DO UPDATE SET
  name_en = excluded.name_en, name_es = excluded.name_es, currency_code = excluded.currency_code,
  price_list_ids = excluded.price_list_ids, explicit_assortment = excluded.explicit_assortment,
  methods = excluded.methods, changed_version = excluded.changed_version;

-- name: list_articles
-- Puts articles into a channel's assortment; those that are in already are left alone.
INSERT INTO assortment AS a (channel_id, sku, listed, changed_version)
SELECT $1, sku, true, $3::bigint FROM unnest($2::text[]) AS r(sku)
ON CONFLICT (channel_id, sku) DO UPDATE SET listed = true, changed_version = excluded.changed_version WHERE NOT a.listed;

-- name: unlist_articles
-- Takes articles out of a channel's assortment.
UPDATE assortment SET listed = false, changed_version = $3
WHERE channel_id = $1 AND sku = ANY($2::text[]) AND listed;

-- name: assortment_size
-- How many articles a channel's assortment has.
SELECT count(*) FROM assortment WHERE channel_id = $1 AND listed;

-- name: upsert_promotions
-- Creates or replaces promotions; scopes come as JSON arrays.
INSERT INTO promotion (promotion_id, name_en, name_es, scope_skus, scope_categories, scope_channels, benefit, basis_points,
  amount_minor, minimum_minor, currency_code, buy_units, pay_units, coupon_code, priority, stackable, valid_from, valid_until,
  withdrawn, changed_version)
SELECT r.promotion_id, r.name_en, r.name_es,
  ARRAY(SELECT json_array_elements_text(r.scope_skus::json)), ARRAY(SELECT json_array_elements_text(r.scope_categories::json)),
  ARRAY(SELECT json_array_elements_text(r.scope_channels::json)), r.benefit, r.basis_points, r.amount_minor, r.minimum_minor,
  r.currency_code, r.buy_units, r.pay_units, r.coupon_code, r.priority, r.stackable, r.valid_from, r.valid_until, r.withdrawn, $20::bigint
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::bigint[],
  $10::bigint[], $11::text[], $12::integer[], $13::integer[], $14::text[], $15::integer[], $16::boolean[], $17::timestamptz[],
  $18::timestamptz[], $19::boolean[])
  AS r(promotion_id, name_en, name_es, scope_skus, scope_categories, scope_channels, benefit, basis_points, amount_minor,
  minimum_minor, currency_code, buy_units, pay_units, coupon_code, priority, stackable, valid_from, valid_until, withdrawn)
ON CONFLICT (promotion_id) DO UPDATE SET
  name_en = excluded.name_en, name_es = excluded.name_es, scope_skus = excluded.scope_skus,
  scope_categories = excluded.scope_categories, scope_channels = excluded.scope_channels, benefit = excluded.benefit,
  basis_points = excluded.basis_points, amount_minor = excluded.amount_minor, minimum_minor = excluded.minimum_minor,
  currency_code = excluded.currency_code, buy_units = excluded.buy_units, pay_units = excluded.pay_units,
  coupon_code = excluded.coupon_code, priority = excluded.priority, stackable = excluded.stackable,
  valid_from = excluded.valid_from, valid_until = excluded.valid_until, withdrawn = excluded.withdrawn,
  changed_version = excluded.changed_version;

-- name: promotions_page
-- Promotions after a given one, in order of id.
SELECT promotion_id, name_en, name_es, scope_skus, scope_categories, scope_channels, benefit, basis_points, amount_minor,
  minimum_minor, currency_code, buy_units, pay_units, coupon_code, priority, stackable, valid_from, valid_until, withdrawn
FROM promotion WHERE promotion_id > $1 ORDER BY promotion_id LIMIT $2;

-- name: upsert_tax_rates
-- Sets tax rates by class and place.
INSERT INTO tax_rate (tax_class, country_code, region, rate_ppm, changed_version)
SELECT r.*, $5::bigint FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[]) AS r
ON CONFLICT (tax_class, country_code, region) DO UPDATE SET
  rate_ppm = excluded.rate_ppm, changed_version = excluded.changed_version;

-- name: products_page
-- Products after a given one, in order of id: of a category ('' for all) and a channel ('' for all; $4: it sells everything).
SELECT p.product_id, p.name_en, p.name_es, p.brand, p.category_path FROM product p
WHERE p.product_id > $1
  AND ($2::text = '' OR p.category_path @> ARRAY[$2::text])
  AND ($3::text = '' OR EXISTS (
    SELECT FROM variant v WHERE v.product_id = p.product_id AND v.discontinued_at IS NULL
      AND ($4::boolean OR EXISTS (SELECT FROM assortment a WHERE a.channel_id = $3 AND a.sku = v.sku AND a.listed))))
ORDER BY p.product_id LIMIT $5;

-- name: products_by_id
-- These products.
SELECT product_id, name_en, name_es, brand, category_path FROM product WHERE product_id = ANY($1::text[]);

-- name: variants_of
-- The variants of these products, with their barcodes as printed.
SELECT v.sku, v.product_id, v.attributes, v.tax_class, v.discontinued_at,
  ARRAY(SELECT b.barcode FROM barcode b WHERE b.sku = v.sku ORDER BY b.gtin) AS barcodes
FROM variant v WHERE v.product_id = ANY($1::text[]) ORDER BY v.product_id, v.position, v.sku;

-- name: products_by_words
-- Products after a given one, in order of id, that have a word beginning with each of the wanted ones.
SELECT p.product_id, p.name_en, p.name_es, p.brand, p.category_path FROM product p
WHERE product_words(p.name_en, p.name_es, p.brand) @@ to_tsquery('pg_catalog.simple', $1) AND p.product_id > $2
ORDER BY p.product_id LIMIT $3;

-- name: product_of_sku_or_gtin
-- The product that a SKU, a barcode or a product id stands for.
SELECT product_id FROM variant WHERE sku = $1
UNION SELECT v.product_id FROM barcode b JOIN variant v USING (sku) WHERE b.gtin = $2
UNION SELECT product_id FROM product WHERE product_id = $1;

-- name: described_variants
-- These variants with what their products say.
SELECT v.sku, v.product_id, v.attributes, v.tax_class, v.discontinued_at, p.name_en, p.name_es, p.brand, p.category_path,
  ARRAY(SELECT b.barcode FROM barcode b WHERE b.sku = v.sku ORDER BY b.gtin) AS barcodes
FROM variant v JOIN product p USING (product_id) WHERE v.sku = ANY($1::text[]) ORDER BY v.sku;

-- name: article_by_gtin
-- The article that a 14-digit barcode stands for.
SELECT v.sku, v.product_id FROM barcode b JOIN variant v USING (sku) WHERE b.gtin = $1;

-- name: changed_articles
-- For the snapshot: articles written after version $1, with what the price engine needs of their products.
SELECT v.sku, p.product_id, p.name_en, p.name_es, v.tax_class, p.category_path, v.discontinued_at, p.brand, v.attributes::text
FROM variant v JOIN product p USING (product_id) WHERE v.changed_version > $1;

-- name: changed_price_lists
-- For the snapshot: price lists written after version $1.
SELECT price_list_id, name_en, name_es, currency_code, tax_inclusive, valid_from, valid_until
FROM price_list WHERE changed_version > $1;

-- name: changed_prices
-- For the snapshot: prices written after version $1.
SELECT price_list_id, sku, unit_price_minor, valid_from, valid_until FROM price WHERE changed_version > $1;

-- name: changed_channels
-- For the snapshot: channels written after version $1.
SELECT channel_id, name_en, name_es, currency_code, price_list_ids, explicit_assortment, methods
FROM channel WHERE changed_version > $1;

-- name: changed_listings
-- For the snapshot: what was put into or out of assortments after version $1.
SELECT channel_id, sku, listed FROM assortment WHERE changed_version > $1;

-- name: changed_promotions
-- For the snapshot: promotions written after version $1.
SELECT promotion_id, name_en, name_es, scope_skus, scope_categories, scope_channels, benefit, basis_points, amount_minor,
  minimum_minor, currency_code, buy_units, pay_units, coupon_code, priority, stackable, valid_from, valid_until, withdrawn
FROM promotion WHERE changed_version > $1;

-- name: changed_tax_rates
-- For the snapshot: tax rates written after version $1.
SELECT tax_class, country_code, region, rate_ppm FROM tax_rate WHERE changed_version > $1;
