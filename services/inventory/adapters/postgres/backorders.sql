-- Backorders: changed under the locks of their positions and reservations; terms: documents, locked like these.

-- name: find_waiting
-- Reservations that wait for a SKU of a supply; their positions are held locked, so nobody else begins or ceases to.
SELECT DISTINCT b.reservation_id
FROM unnest($1::text[], $2::text[]) AS wanted (supply_id, sku)
JOIN backorder b ON b.sku = wanted.sku AND b.supply_id = wanted.supply_id AND b.live_units > 0;

-- name: backorders_of
-- What reservations whose lock is ours wait for.
SELECT reservation_id, sku, location_id, supply_id, quantity_units, live_units, expected_at, arrived_units, released_units, displaced_units, moved
FROM backorder WHERE reservation_id = ANY ($1::text[])
ORDER BY reservation_id, sku, supply_id;

-- name: mark_waiting
-- New reservations that wait for something.
UPDATE reservation SET on_supply = true WHERE reservation_id = ANY ($1::text[]);

-- name: save_backorders
-- New ones, or what became of those of locked reservations.
INSERT INTO backorder (reservation_id, sku, location_id, supply_id, quantity_units, live_units, expected_at, arrived_units, released_units,
                       displaced_units, moved)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::integer[], $7::timestamptz[], $8::integer[], $9::integer[],
                     $10::integer[], $11::boolean[])
ON CONFLICT (reservation_id, sku, supply_id) DO UPDATE
SET live_units = excluded.live_units, expected_at = excluded.expected_at, arrived_units = excluded.arrived_units,
    released_units = excluded.released_units, displaced_units = excluded.displaced_units, moved = excluded.moved;

-- name: save_grown_lines
-- Lines of locked reservations with what has come for them.
INSERT INTO reservation_line (reservation_id, sku, location_id, quantity_units, live_units, consumed_units, released_units, displaced_units,
                              revivable_units)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::integer[], $9::integer[])
ON CONFLICT (reservation_id, sku, location_id) DO UPDATE
SET quantity_units = excluded.quantity_units, live_units = excluded.live_units, consumed_units = excluded.consumed_units,
    released_units = excluded.released_units, displaced_units = excluded.displaced_units, revivable_units = excluded.revivable_units;

-- name: lock_terms
-- The one statement that locks terms, in the one order.
SELECT sku, channel_id, mode, release_time, furthest_days, share_percent, unasked, version FROM backorder_terms
WHERE (channel_id, sku) IN (SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY channel_id, sku FOR UPDATE;

-- name: insert_terms
-- New terms; those that somebody else set at the same time are a unique violation, and a second look sees them.
INSERT INTO backorder_terms (sku, channel_id, mode, release_time, furthest_days, share_percent, unasked, version)
SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::timestamptz[], $5::integer[], $6::integer[], $7::boolean[], $8::bigint[]);

-- name: update_terms
-- Locked ones.
UPDATE backorder_terms t
SET mode = n.mode, release_time = n.release_time, furthest_days = n.furthest_days, share_percent = n.share_percent, unasked = n.unasked,
    version = n.version
FROM unnest($1::text[], $2::text[], $3::smallint[], $4::timestamptz[], $5::integer[], $6::integer[], $7::boolean[], $8::bigint[])
    AS n (sku, channel_id, mode, release_time, furthest_days, share_percent, unasked, version)
WHERE t.sku = n.sku AND t.channel_id = n.channel_id;

-- name: page_terms
-- A page of the terms that stand, in order of SKU and channel.
SELECT sku, channel_id, mode, release_time, furthest_days, share_percent, unasked, version FROM backorder_terms
WHERE mode <> 0 AND ($1 = '' OR sku = $1) AND (sku, channel_id) > ($2, $3) ORDER BY sku, channel_id LIMIT $4;

-- name: read_terms
-- Every set of terms, removed ones included, for replicas; of some SKUs if any are named.
SELECT sku, channel_id, mode, release_time, furthest_days, share_percent, unasked, version FROM backorder_terms
WHERE cardinality($1::text[]) = 0 OR sku = ANY ($1) ORDER BY sku, channel_id;

-- name: page_backorders
-- A page of who waits for a SKU or a supply, in order of arrival at each supply.
SELECT b.supply_id, b.sku, b.location_id, b.reservation_id, r.order_id, r.channel_id, b.live_units, b.expected_at, r.created_at
FROM backorder b JOIN reservation r USING (reservation_id)
WHERE b.live_units > 0 AND ($1 = '' OR b.sku = $1) AND ($2 = '' OR b.supply_id = $2)
  AND (b.supply_id, b.sku, b.reservation_id) > ($3, $4, $5)
ORDER BY b.supply_id, b.sku, b.reservation_id LIMIT $6;
