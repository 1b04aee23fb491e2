-- name: lock_mark
-- Up to where orders were learned from; who learns holds this row.
SELECT learned_until, since FROM demand_mark FOR UPDATE;

-- name: horizon
-- Before this moment every order is committed or never will be: transactions of this role that run are the only ones that write orders, and
-- their rows carry the moment they began at.
SELECT least(now() - interval '1 second', min(a.xact_start)) AS until
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.usename = current_user AND a.pid <> pg_backend_pid();

-- name: first_order
-- The oldest order that is still of interest.
SELECT min(recorded_at) FROM customer_order WHERE recorded_at >= now() - $1::interval;

-- name: learn_orders
-- The orders recorded in [$1, $2), added to what was asked for each day; gives how many there were.
WITH fresh AS MATERIALIZED (
  SELECT order_id, (recorded_at AT TIME ZONE 'UTC')::date AS day, location_id, delivery_address
  FROM customer_order WHERE recorded_at >= $1 AND recorded_at < $2
), wanted AS MATERIALIZED (
  SELECT f.day, l.sku, l.method, l.quantity_units::bigint AS units, f.delivery_address AS address,
    CASE l.method WHEN 2 THEN l.pickup_location_id ELSE f.location_id END AS location_id
  FROM fresh f JOIN order_line l ON l.order_id = f.order_id
), bound AS (
  INSERT INTO bound_demand AS d (sku, location_id, day, units, squares)
  SELECT sku, location_id, day, sum(units), sum(units * units) FROM wanted WHERE method <> 1 AND location_id <> ''
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (sku, location_id, day) DO UPDATE SET units = d.units + excluded.units, squares = d.squares + excluded.squares
), sent AS (
  INSERT INTO sent_demand AS d (sku, latitude_cell, longitude_cell, day, units)
  SELECT sku, floor((address ->> 'latitude')::float8 * 10), floor((address ->> 'longitude')::float8 * 10), day, sum(units)
  FROM wanted WHERE method = 1 AND address ->> 'latitude' IS NOT NULL AND address ->> 'longitude' IS NOT NULL
  GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
  ON CONFLICT (sku, latitude_cell, longitude_cell, day) DO UPDATE SET units = d.units + excluded.units
), parcels AS (
  INSERT INTO planned_parcels AS d (location_id, day, parcels, units)
  SELECT p.location_id, f.day, count(*), sum(u.units)
  FROM fresh f JOIN plan_part p ON p.order_id = f.order_id AND p.method = 1
  CROSS JOIN LATERAL (SELECT sum((line ->> 1)::bigint) AS units FROM json_array_elements(p.lines) AS line) u
  WHERE u.units > 0
  GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (location_id, day) DO UPDATE SET parcels = d.parcels + excluded.parcels, units = d.units + excluded.units
)
SELECT count(*) FROM fresh;

-- name: move_mark
-- They are learned from.
UPDATE demand_mark SET learned_until = $1, since = least(since, $2::date);

-- name: learn_sales
-- Units that left over a till without an order.
INSERT INTO bound_demand AS d (sku, location_id, day, units, squares)
SELECT u.sku, u.location_id, u.day, sum(u.units), sum(u.units * u.units)
FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[]) AS u(sku, location_id, day, units)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (sku, location_id, day) DO UPDATE SET units = d.units + excluded.units, squares = d.squares + excluded.squares;

-- name: since
-- The first day on record is no later than this one; writes only when that is news.
UPDATE demand_mark SET since = $1::date WHERE since IS NULL OR since > $1::date;

-- name: first_day
-- How many days have been watched, today included; null when nothing was asked for yet.
SELECT (now() AT TIME ZONE 'UTC')::date - since + 1 FROM demand_mark;

-- name: forget_bound
-- Demand of long ago.
DELETE FROM bound_demand WHERE day < $1::date;

-- name: forget_sent
-- Likewise.
DELETE FROM sent_demand WHERE day < $1::date;

-- name: forget_parcels
-- Likewise.
DELETE FROM planned_parcels WHERE day < $1::date;

-- name: forget_days
-- The record begins here now.
UPDATE demand_mark SET since = greatest(since, $1::date);

-- name: asked_for
-- The articles that were asked for most.
SELECT sku FROM (
  SELECT sku, sum(units) AS units FROM bound_demand GROUP BY 1
  UNION ALL SELECT sku, sum(units) FROM sent_demand GROUP BY 1) a
GROUP BY sku ORDER BY sum(units) DESC, sku LIMIT $1;

-- name: read_bound
-- Days ago, number of the location and of the article, units, Σ units²: for COPY.
SELECT ((now() AT TIME ZONE 'UTC')::date - d.day)::int4, (l.n - 1)::int4, (s.n - 1)::int4, d.units::int8, d.squares::int8
FROM bound_demand d
JOIN unnest($1::text[]) WITH ORDINALITY AS s(sku, n) ON s.sku = d.sku
JOIN unnest($2::text[]) WITH ORDINALITY AS l(location_id, n) ON l.location_id = d.location_id;

-- name: read_sent
-- Days ago, number of the article, the cell, units: for COPY.
SELECT ((now() AT TIME ZONE 'UTC')::date - d.day)::int4, (s.n - 1)::int4, d.latitude_cell::int4, d.longitude_cell::int4, d.units::int8
FROM sent_demand d JOIN unnest($1::text[]) WITH ORDINALITY AS s(sku, n) ON s.sku = d.sku;

-- name: read_parcels
-- Parcels and their units by location of so many days.
SELECT location_id, sum(parcels)::int8 AS parcels, sum(units)::int8 AS units FROM planned_parcels
WHERE day > (now() AT TIME ZONE 'UTC')::date - $1::int GROUP BY 1;

-- name: keep_book
-- The prices as they are now; an older book never replaces a newer one.
INSERT INTO stock_price_book (version, made_at, content) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, made_at = excluded.made_at, content = excluded.content
WHERE stock_price_book.made_at < excluded.made_at;

-- name: book_version
-- Which prices are kept.
SELECT version FROM stock_price_book;

-- name: read_book
-- The prices.
SELECT content FROM stock_price_book;
