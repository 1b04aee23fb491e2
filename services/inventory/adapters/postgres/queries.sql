-- Lock order of every transaction: the lock of making positions, pool rows by SKU, new position rows by (sku, location), position rows by
-- (sku, location), reservation rows by id, documents by kind and id, hold rows by id, new documents, new reservation rows by (order,
-- attempt), request keys. Who follows it cannot deadlock; a line is changed only under both its locks.
--
-- The statements of the hot path take their text columns joined by a separator, which is a parameter too: asyncpg needs a tenth of the
-- time for one long text that it needs for an array (`joined.py`).

-- name: find_reservations_of_orders
-- The reservations that stand already for (order, attempt).
SELECT r.reservation_id
FROM unnest(string_to_array($2, $1), $3::integer[]) AS wanted (order_id, attempt)
JOIN reservation r ON r.order_id = wanted.order_id AND r.attempt = wanted.attempt;

-- name: find_line_positions
-- Where reservations keep units or will, and the supplies they wait for; neither ever changes, so this needs no lock.
SELECT sku, location_id, '' AS supply_id FROM reservation_line WHERE reservation_id = ANY ($1::text[])
UNION
SELECT sku, location_id, supply_id FROM backorder WHERE reservation_id = ANY ($1::text[]);

-- name: find_not_held
-- Those whose commit may need their positions.
SELECT reservation_id FROM reservation WHERE reservation_id = ANY ($1::text[]) AND state = 5;

-- name: find_missing_positions
-- Positions that the book does not know, at places that it does.
SELECT wanted.sku, wanted.location_id
FROM unnest($1::text[], $2::text[]) AS wanted (sku, location_id)
JOIN location USING (location_id)
WHERE NOT EXISTS (SELECT FROM position p WHERE p.sku = wanted.sku AND p.location_id = wanted.location_id)
ORDER BY wanted.sku, wanted.location_id;

-- name: make_positions
-- Facts may concern positions that the book never knew. The lock of making positions is held: a new one is guarded if its SKU is.
INSERT INTO position (sku, location_id, guarded)
SELECT wanted.sku, wanted.location_id, EXISTS (SELECT FROM pool WHERE pool.sku = wanted.sku AND guarded)
FROM unnest($1::text[], $2::text[]) AS wanted (sku, location_id)
ORDER BY wanted.sku, wanted.location_id
ON CONFLICT DO NOTHING;

-- name: lock_positions
-- The one statement that locks positions, in the one order. Rows come as they are once the lock is ours.
SELECT p.sku, p.location_id, p.on_hand_units, p.reserved_units, p.safety_units, p.version, l.active, p.guarded
FROM unnest(string_to_array($2, $1), string_to_array($3, $1)) AS wanted (sku, location_id)
JOIN position p ON p.sku = wanted.sku AND p.location_id = wanted.location_id
JOIN location l ON l.location_id = p.location_id
ORDER BY p.sku, p.location_id
FOR UPDATE OF p;

-- name: find_locations
-- Which of these locations exist, and whether they take orders.
SELECT location_id, active FROM location WHERE location_id = ANY ($1::text[]);

-- name: find_promises
-- Reservations that keep units at positions that we hold locked: whose promise may be displaced.
SELECT DISTINCT line.reservation_id
FROM unnest($1::text[], $2::text[]) AS wanted (sku, location_id)
JOIN reservation_line line ON line.sku = wanted.sku AND line.location_id = wanted.location_id AND line.live_units > 0;

-- name: lock_reservations
-- The one statement that locks reservations, in the one order, after their positions.
SELECT reservation_id, order_id, attempt, state, channel_id, created_at, expire_time, accepted, event_sequence, on_supply
FROM reservation WHERE reservation_id = ANY ($1::text[])
ORDER BY reservation_id
FOR UPDATE;

-- name: lock_reservations_free
-- The same for expiry, which leaves to the next round what somebody else holds.
SELECT reservation_id, order_id, attempt, state, channel_id, created_at, expire_time, accepted, event_sequence, on_supply
FROM reservation WHERE reservation_id = ANY ($1::text[])
ORDER BY reservation_id
FOR UPDATE SKIP LOCKED;

-- name: lines_of
-- All lines of reservations whose lock is ours.
SELECT reservation_id, sku, location_id, quantity_units, live_units, consumed_units, released_units, displaced_units, revivable_units
FROM reservation_line WHERE reservation_id = ANY ($1::text[])
ORDER BY reservation_id, sku, location_id;

-- name: save_reserved
-- A group of new reservations in one statement: counters, reservations, lines. Reservations go in by (order, attempt), the lock order.
WITH counted AS (
    UPDATE position p SET reserved_units = n.reserved_units, version = n.version
    FROM unnest(string_to_array($2, $1), string_to_array($3, $1), $4::integer[], $5::bigint[])
        AS n (sku, location_id, reserved_units, version)
    WHERE p.sku = n.sku AND p.location_id = n.location_id
), made AS (
    INSERT INTO reservation (reservation_id, order_id, attempt, state, channel_id, created_at, expire_time)
    -- A single empty text joins to no element at all, hence the coalesce.
    SELECT reservation_id, order_id, attempt, state, coalesce(channel_id, ''), $6::timestamptz, expire_time
    FROM unnest(string_to_array($7, $1), string_to_array($8, $1), $9::integer[], $10::smallint[], string_to_array($11, $1), $12::timestamptz[])
        AS n (reservation_id, order_id, attempt, state, channel_id, expire_time)
    ORDER BY order_id, attempt
)
INSERT INTO reservation_line (reservation_id, sku, location_id, quantity_units, live_units)
SELECT reservation_id, sku, location_id, quantity_units, quantity_units
FROM unnest(string_to_array($13, $1), string_to_array($14, $1), string_to_array($15, $1), $16::integer[])
    AS n (reservation_id, sku, location_id, quantity_units);

-- name: take_plain
-- A group of plain reservations in one call, all or an error (migration 0027); who locks, locks in the one order.
SELECT on_hand, reserved, safety, versions
FROM take_plain($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: not_plain
-- What was in the way of such a group (migration 0027).
SELECT unfit, standing FROM not_plain($1, $2, $3, $4, $5, $6);

-- name: commit_plain
-- Held reservations of accepted orders, each named once, all of them committed in one call, or the book must go over them (migration 0027).
SELECT commit_plain($1::text[]);

-- name: save_positions
-- Counters of locked positions.
UPDATE position p
SET on_hand_units = n.on_hand_units, reserved_units = n.reserved_units, safety_units = n.safety_units, version = n.version
FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::bigint[])
    AS n (sku, location_id, on_hand_units, reserved_units, safety_units, version)
WHERE p.sku = n.sku AND p.location_id = n.location_id;

-- name: insert_movements
-- New lines of the ledger.
INSERT INTO movement (movement_id, sku, location_id, quantity_units, cause, document_id, actor, note, idempotency_key, on_hand_after_units)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::integer[]);

-- name: save_reservations
-- State of locked reservations.
UPDATE reservation r
SET state = n.state, expire_time = n.expire_time, accepted = n.accepted, event_sequence = n.event_sequence
FROM unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::boolean[], $5::integer[])
    AS n (reservation_id, state, expire_time, accepted, event_sequence)
WHERE r.reservation_id = n.reservation_id;

-- name: save_lines
-- What locked reservations keep.
UPDATE reservation_line line
SET live_units = n.live_units, consumed_units = n.consumed_units, released_units = n.released_units, displaced_units = n.displaced_units,
    revivable_units = n.revivable_units
FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::integer[])
    AS n (reservation_id, sku, location_id, live_units, consumed_units, released_units, displaced_units, revivable_units)
WHERE line.reservation_id = n.reservation_id AND line.sku = n.sku AND line.location_id = n.location_id
  AND (line.live_units, line.consumed_units, line.released_units, line.displaced_units, line.revivable_units)
      IS DISTINCT FROM (n.live_units, n.consumed_units, n.released_units, n.displaced_units, n.revivable_units);

-- name: find_expired
-- Held reservations whose time is over, oldest first; without those that are set aside.
SELECT reservation_id FROM reservation WHERE state = 1 AND expire_time <= $1 AND reservation_id <> ALL ($3::text[])
ORDER BY expire_time LIMIT $2;

-- name: load_missing_locations
-- Locations of a load that do not exist.
SELECT DISTINCT wanted.location_id FROM unnest($1::text[]) AS wanted (location_id)
WHERE NOT EXISTS (SELECT FROM location l WHERE l.location_id = wanted.location_id) ORDER BY 1;

-- name: load_positions
-- Adds loaded units to positions, made when missing, in the lock order; nothing that is promised can be uncovered by adding, so pools need
-- no lock. The lock of making positions is held.
WITH changed AS (
    INSERT INTO position AS p (sku, location_id, on_hand_units, safety_units, version, guarded)
    SELECT sku, location_id, quantity_units, safety_units, 1, EXISTS (SELECT FROM pool WHERE pool.sku = n.sku AND guarded)
    FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[]) AS n (sku, location_id, quantity_units, safety_units)
    ORDER BY sku, location_id
    ON CONFLICT (sku, location_id) DO UPDATE
    SET on_hand_units = p.on_hand_units + excluded.on_hand_units, safety_units = excluded.safety_units, version = p.version + 1
    RETURNING sku, location_id, on_hand_units, reserved_units, safety_units, version
), booked AS (
    INSERT INTO movement (movement_id, sku, location_id, quantity_units, cause, document_id, actor, note, idempotency_key, on_hand_after_units)
    SELECT n.movement_id, n.sku, n.location_id, n.quantity_units, 1, $6, $7, '', $8 || '|' || n.number, c.on_hand_units
    FROM unnest($1::text[], $2::text[], $3::integer[], $5::text[]) WITH ORDINALITY AS n (sku, location_id, quantity_units, movement_id, number)
    JOIN changed c USING (sku, location_id)
    WHERE n.quantity_units > 0
)
SELECT sku, location_id, on_hand_units, reserved_units, safety_units, version FROM changed;

-- name: find_reservation
-- One reservation as it is now.
SELECT reservation_id, order_id, attempt, state, channel_id, created_at, expire_time, accepted, event_sequence, on_supply
FROM reservation WHERE reservation_id = $1;

-- name: positions_of_sku
-- A page of a SKU's positions.
SELECT sku, location_id, on_hand_units, reserved_units, safety_units, version FROM position
WHERE sku = $1 AND ($2 = '' OR location_id = $2) AND location_id > $3 ORDER BY location_id LIMIT $4;

-- name: positions_of_location
-- A page of a location's positions.
SELECT sku, location_id, on_hand_units, reserved_units, safety_units, version FROM position
WHERE location_id = $1 AND sku > $2 ORDER BY sku LIMIT $3;

-- name: movements_of_document
-- A page of a document's movements, newest first.
SELECT * FROM movement
WHERE document_id = $1 AND ($2 = '' OR sku = $2) AND ($3 = '' OR location_id = $3) AND movement_id >= $4 AND movement_id < $5
  AND (cardinality($6::smallint[]) = 0 OR cause = ANY ($6)) ORDER BY movement_id DESC LIMIT $7;

-- name: movements_of_position
-- A page of a position's movements, newest first.
SELECT * FROM movement
WHERE sku = $1 AND location_id = $2 AND movement_id >= $3 AND movement_id < $4
  AND (cardinality($5::smallint[]) = 0 OR cause = ANY ($5)) ORDER BY movement_id DESC LIMIT $6;

-- name: movements_of_sku
-- A page of a SKU's movements over all locations, newest first.
SELECT * FROM movement
WHERE sku = $1 AND movement_id >= $2 AND movement_id < $3
  AND (cardinality($4::smallint[]) = 0 OR cause = ANY ($4)) ORDER BY movement_id DESC LIMIT $5;

-- name: movements_of_location
-- A page of a location's movements, newest first.
SELECT * FROM movement
WHERE location_id = $1 AND movement_id >= $2 AND movement_id < $3
  AND (cardinality($4::smallint[]) = 0 OR cause = ANY ($4)) ORDER BY movement_id DESC LIMIT $5;

-- name: reservation_claims
-- A page of what live reservations keep of a SKU, at a location ('' for all), behind (location, reservation).
SELECT l.location_id, l.reservation_id AS document_id, r.order_id, r.channel_id, l.live_units, r.created_at,
       CASE WHEN r.state = 1 THEN r.expire_time END AS expire_time
FROM reservation_line l JOIN reservation r USING (reservation_id)
WHERE l.sku = $1 AND l.live_units > 0 AND ($2 = '' OR l.location_id = $2) AND (l.location_id, l.reservation_id) > ($3, $4)
ORDER BY l.location_id, l.reservation_id LIMIT $5;

-- name: hold_claims
-- A page of what live holds keep of a SKU, behind one.
SELECT '' AS location_id, l.hold_id AS document_id, '' AS order_id, h.channel_id, l.live_units, h.created_at, h.expire_time
FROM hold_line l JOIN hold h USING (hold_id)
WHERE l.sku = $1 AND l.live_units > 0 AND l.hold_id > $2 ORDER BY l.hold_id LIMIT $3;

-- name: snapshot_skus
-- A chunk of every SKU, in order, with its positions in order of location, for replicas; locations in one text, separated by $3. Reads the index of
-- the primary key in its order, so that nothing is sorted.
SELECT sku, string_agg(location_id, $3 ORDER BY location_id) AS location_ids,
       array_agg(on_hand_units - reserved_units - safety_units ORDER BY location_id) AS free_units, array_agg(version ORDER BY location_id) AS versions
FROM position WHERE sku > $1 GROUP BY sku ORDER BY sku LIMIT $2;

-- name: snapshot_positions_of
-- A chunk of the positions of some SKUs, in order of SKU and location.
SELECT sku, location_id, on_hand_units - reserved_units - safety_units AS free_units, version FROM position
WHERE sku = ANY ($4::text[]) AND (sku, location_id) > ($1, $2) ORDER BY sku, location_id LIMIT $3;

-- name: read_positions
-- Positions as they are committed, to publish them.
SELECT p.sku, p.location_id, p.on_hand_units, p.reserved_units, p.safety_units, p.version
FROM unnest($1::text[], $2::text[]) AS wanted (sku, location_id)
JOIN position p ON p.sku = wanted.sku AND p.location_id = wanted.location_id;

-- name: list_locations
-- A page of the locations.
SELECT * FROM location WHERE location_id > $1 ORDER BY location_id LIMIT $2;

-- name: find_location
-- One location.
SELECT * FROM location WHERE location_id = $1;

-- name: lock_locations
-- Locations that are about to be replaced, in their one order.
SELECT * FROM location WHERE location_id = ANY ($1::text[]) ORDER BY location_id FOR NO KEY UPDATE;

-- name: save_locations
-- Creates or replaces locations; a new one that somebody else made meanwhile is replaced too.
INSERT INTO location AS l (location_id, name, kind, address, latitude, longitude, time_zone, hours, capabilities, active, holidays,
                           ship_cut_off_minute, preparation_minutes, daily_capacity_units, handover_days, event_sequence)
SELECT n.location_id, n.name, n.kind, n.address::jsonb, n.latitude, n.longitude, n.time_zone, n.hours::jsonb,
       ARRAY(SELECT jsonb_array_elements_text(n.capabilities::jsonb)::smallint), n.active, n.holidays::jsonb,
       n.ship_cut_off_minute, n.preparation_minutes, n.daily_capacity_units,
       ARRAY(SELECT jsonb_array_elements_text(n.handover_days::jsonb)::smallint), 1
FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::double precision[], $6::double precision[], $7::text[], $8::text[],
            $9::text[], $10::boolean[], $11::text[], $12::integer[], $13::integer[], $14::integer[], $15::text[])
    AS n (location_id, name, kind, address, latitude, longitude, time_zone, hours, capabilities, active, holidays, ship_cut_off_minute,
          preparation_minutes, daily_capacity_units, handover_days)
ORDER BY n.location_id
ON CONFLICT (location_id) DO UPDATE
SET name = excluded.name, kind = excluded.kind, address = excluded.address, latitude = excluded.latitude, longitude = excluded.longitude,
    time_zone = excluded.time_zone, hours = excluded.hours, capabilities = excluded.capabilities, active = excluded.active,
    holidays = excluded.holidays, ship_cut_off_minute = excluded.ship_cut_off_minute, preparation_minutes = excluded.preparation_minutes,
    daily_capacity_units = excluded.daily_capacity_units, handover_days = excluded.handover_days,
    event_sequence = l.event_sequence + 1, changed_at = now()
RETURNING location_id, event_sequence;

-- name: activity_of_locations
-- Which locations take orders.
SELECT location_id, active FROM location;
