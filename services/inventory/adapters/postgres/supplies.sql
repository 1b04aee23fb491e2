-- Supplies: locked by id after all positions and reservations.

-- name: lock_supplies
-- The one statement that locks supplies, in the one order.
SELECT supply_id, location_id, state, expected_at, event_sequence, version FROM supply
WHERE supply_id = ANY ($1::text[]) ORDER BY supply_id FOR UPDATE;

-- name: find_supplies
-- Supplies to look at before anything is locked.
SELECT supply_id, location_id, state, expected_at, event_sequence, version FROM supply WHERE supply_id = ANY ($1::text[]);

-- name: lines_of_supplies
-- Their lines.
SELECT supply_id, sku, expected_units, received_units, promised_units FROM supply_line WHERE supply_id = ANY ($1::text[]) ORDER BY supply_id, sku;

-- name: insert_supplies
-- New supplies; one that somebody else wrote at the same time is a unique violation, and a second look sees it.
INSERT INTO supply (supply_id, location_id, state, expected_at, event_sequence, version)
SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::timestamptz[], $5::integer[], $6::bigint[]) AS n (supply_id) ORDER BY supply_id;

-- name: update_supplies
-- The life of locked ones.
UPDATE supply s SET state = n.state, expected_at = n.expected_at, event_sequence = n.event_sequence, version = n.version
FROM unnest($1::text[], $2::text[], $3::smallint[], $4::timestamptz[], $5::integer[], $6::bigint[])
    AS n (supply_id, location_id, state, expected_at, event_sequence, version)
WHERE s.supply_id = n.supply_id;

-- name: save_supply_lines
-- New lines, or the units of locked ones.
INSERT INTO supply_line (supply_id, sku, expected_units, received_units, promised_units)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::integer[])
ON CONFLICT (supply_id, sku) DO UPDATE
SET expected_units = excluded.expected_units, received_units = excluded.received_units, promised_units = excluded.promised_units;

-- name: page_supplies
-- A page of supplies.
SELECT supply_id, location_id, state, expected_at, event_sequence, version FROM supply
WHERE supply_id > $2 AND ($1 = '' OR location_id = $1)
ORDER BY supply_id LIMIT $3;

-- name: page_supplies_of_sku
-- A page of supplies that still bring a SKU.
SELECT s.supply_id, s.location_id, s.state, s.expected_at, s.event_sequence, s.version
FROM supply_line l JOIN supply s USING (supply_id)
WHERE l.sku = $1 AND l.expected_units > l.received_units AND l.supply_id > $3 AND s.state <> 4 AND ($2 = '' OR s.location_id = $2)
ORDER BY l.supply_id LIMIT $4;

-- name: read_open
-- What every supply still brings, supply by supply; of some SKUs, whole supplies all the same, since versions are theirs.
SELECT supply_id, s.location_id, s.expected_at, s.version, l.sku, l.expected_units - l.received_units AS open_units, l.promised_units
FROM supply_line l JOIN supply s USING (supply_id)
WHERE l.expected_units > l.received_units AND s.state <> 4
  AND (cardinality($1::text[]) = 0
       OR supply_id IN (SELECT o.supply_id FROM supply_line o WHERE o.sku = ANY ($1) AND o.expected_units > o.received_units))
ORDER BY supply_id;
