-- Pools and holds. Their place in the lock order is told in `queries.sql`.

-- name: make_positions_lock
-- Positions may be made now; they are born guarded if their SKU is. Many may hold it at once.
SELECT pg_advisory_xact_lock_shared(6010271);

-- name: guard_lock
-- SKUs are about to be guarded: nobody makes positions meanwhile.
SELECT pg_advisory_xact_lock(6010271);

-- name: guarded_skus
-- Which of these are guarded, at a glance.
SELECT sku FROM pool WHERE sku = ANY ($1::text[]) AND guarded;

-- name: make_pools
-- Pools of SKUs that nobody held before.
INSERT INTO pool (sku) SELECT DISTINCT sku FROM unnest($1::text[]) AS wanted (sku) ORDER BY sku ON CONFLICT DO NOTHING;

-- name: lock_pools
-- The one statement that waits for pools, in the one order.
SELECT sku, held_units, guarded, version, controlled FROM pool WHERE sku = ANY ($1::text[]) ORDER BY sku FOR UPDATE;

-- name: lock_pools_free
-- For who finds out late, with positions locked, that they are guarded: waits for nobody, so it may come out of order.
SELECT sku, held_units, guarded, version, controlled FROM pool WHERE sku = ANY ($1::text[]) ORDER BY sku FOR UPDATE SKIP LOCKED;

-- name: positions_of_skus
-- Every position of SKUs that are to be guarded.
SELECT sku, location_id FROM position WHERE sku = ANY ($1::text[]);

-- name: measure_pools
-- What there is and what can be promised of each SKU, once its pool's lock is ours: who takes units of it waits for that lock.
SELECT p.sku, sum(greatest(p.on_hand_units - p.reserved_units, 0))::bigint AS there_units,
       coalesce(sum(greatest(p.on_hand_units - p.reserved_units - p.safety_units, 0)) FILTER (WHERE l.active), 0)::bigint AS promisable_units
FROM position p JOIN location l USING (location_id)
WHERE p.sku = ANY ($1::text[]) GROUP BY p.sku;

-- name: skus_of_holds
-- What holds keep; a hold's SKUs never change, so this needs no lock.
SELECT DISTINCT sku FROM hold_line WHERE hold_id = ANY ($1::text[]);

-- name: find_live_holds
-- Holds of pools that we hold locked: whose units a fact may take.
SELECT DISTINCT hold_id FROM hold_line WHERE sku = ANY ($1::text[]) AND live_units > 0;

-- name: lock_holds
-- The one statement that locks holds, in the one order, after everything that they keep.
SELECT hold_id, channel_id, state, created_at, expire_time, ttl_seconds, event_sequence
FROM hold WHERE hold_id = ANY ($1::text[]) ORDER BY hold_id FOR UPDATE;

-- name: lock_holds_free
-- The same for expiry, which leaves to the next round what somebody else holds.
SELECT hold_id, channel_id, state, created_at, expire_time, ttl_seconds, event_sequence
FROM hold WHERE hold_id = ANY ($1::text[]) ORDER BY hold_id FOR UPDATE SKIP LOCKED;

-- name: hold_lines_of
-- All lines of holds whose lock is ours.
SELECT hold_id, sku, quantity_units, live_units, used_units, released_units, displaced_units
FROM hold_line WHERE hold_id = ANY ($1::text[]) ORDER BY hold_id, sku;

-- name: save_pools
-- Counters of locked pools.
UPDATE pool p SET held_units = n.held_units, guarded = n.guarded, version = n.version, controlled = n.controlled
FROM unnest($1::text[], $2::integer[], $3::boolean[], $4::bigint[], $5::boolean[]) AS n (sku, held_units, guarded, version, controlled)
WHERE p.sku = n.sku;

-- name: guard_positions
-- Every position of newly guarded SKUs; all of them are locked.
UPDATE position SET guarded = true WHERE sku = ANY ($1::text[]) AND NOT guarded;

-- name: insert_holds
-- New holds.
INSERT INTO hold (hold_id, channel_id, state, created_at, expire_time, ttl_seconds, event_sequence)
SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::integer[], $7::integer[]);

-- name: insert_hold_lines
-- What new holds keep.
INSERT INTO hold_line (hold_id, sku, quantity_units, live_units, used_units, released_units, displaced_units)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[]);

-- name: save_holds
-- State of locked holds.
UPDATE hold h SET state = n.state, expire_time = n.expire_time, event_sequence = n.event_sequence
FROM unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::integer[]) AS n (hold_id, state, expire_time, event_sequence)
WHERE h.hold_id = n.hold_id;

-- name: save_hold_lines
-- What locked holds keep.
UPDATE hold_line line
SET live_units = n.live_units, used_units = n.used_units, released_units = n.released_units, displaced_units = n.displaced_units
FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::integer[])
    AS n (hold_id, sku, live_units, used_units, released_units, displaced_units)
WHERE line.hold_id = n.hold_id AND line.sku = n.sku
  AND (line.live_units, line.used_units, line.released_units, line.displaced_units)
      IS DISTINCT FROM (n.live_units, n.used_units, n.released_units, n.displaced_units);

-- name: find_expired_holds
-- Holds whose time is over, oldest first, but for those set aside.
SELECT hold_id FROM hold WHERE state = 1 AND expire_time <= $1 AND hold_id <> ALL ($3::text[]) ORDER BY expire_time LIMIT $2;

-- name: find_hold
-- One hold as it is now.
SELECT hold_id, channel_id, state, created_at, expire_time, ttl_seconds, event_sequence FROM hold WHERE hold_id = $1;

-- name: explained_positions
-- Every position of a SKU, as whoever explains a promise needs it.
SELECT p.sku, p.location_id, p.on_hand_units, p.reserved_units, p.safety_units, p.version, l.active
FROM position p JOIN location l USING (location_id) WHERE p.sku = $1 ORDER BY p.location_id;

-- name: snapshot_pools
-- A chunk of the pools, in order of SKU, for replicas: what is held is missing from the SKU's free units.
SELECT sku, '' AS location_id, -held_units AS free_units, version FROM pool WHERE sku > $1 AND version > 0 ORDER BY sku LIMIT $2;

-- name: snapshot_pools_of
-- The same for some SKUs only.
SELECT sku, '' AS location_id, -held_units AS free_units, version FROM pool
WHERE sku = ANY ($3::text[]) AND sku > $1 AND version > 0 ORDER BY sku LIMIT $2;

-- name: read_pools
-- Pools as they are committed, to publish them.
SELECT sku, held_units, guarded, version, controlled FROM pool WHERE sku = ANY ($1::text[]);
