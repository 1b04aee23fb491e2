-- Transfers: locked by id after all positions and reservations (documents come by kind, then by id).

-- name: find_transfers
-- Transfers as they are committed; lines' SKUs and planned units never change, so that positions can be found by them without a lock.
SELECT transfer_id, source_id, destination_id, state, note, actor, created_at, loss_note, dispatched_at, ended_at
FROM transfer WHERE transfer_id = ANY ($1::text[]);

-- name: lock_transfers
-- The one statement that locks transfers, in the one order.
SELECT transfer_id, source_id, destination_id, state, note, actor, created_at, loss_note, dispatched_at, ended_at
FROM transfer WHERE transfer_id = ANY ($1::text[]) ORDER BY transfer_id FOR UPDATE;

-- name: lines_of_transfers
-- Their lines.
SELECT transfer_id, sku, quantity_units, dispatched_units, received_units, lost_units
FROM transfer_line WHERE transfer_id = ANY ($1::text[]) ORDER BY transfer_id, sku;

-- name: save_transfers
-- New transfers, or the life of locked ones.
INSERT INTO transfer AS t (transfer_id, source_id, destination_id, state, note, actor, created_at, loss_note, dispatched_at, ended_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
                     $9::timestamptz[], $10::timestamptz[])
ON CONFLICT (transfer_id) DO UPDATE
SET state = excluded.state, loss_note = excluded.loss_note, dispatched_at = excluded.dispatched_at, ended_at = excluded.ended_at;

-- name: save_transfer_lines
-- New lines, or the units of locked ones.
INSERT INTO transfer_line AS l (transfer_id, sku, quantity_units, dispatched_units, received_units, lost_units, in_transit_units)
SELECT n.transfer_id, n.sku, n.quantity_units, n.dispatched_units, n.received_units, n.lost_units,
       n.dispatched_units - n.received_units - n.lost_units
FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::integer[])
    AS n (transfer_id, sku, quantity_units, dispatched_units, received_units, lost_units)
ON CONFLICT (transfer_id, sku) DO UPDATE
SET dispatched_units = excluded.dispatched_units, received_units = excluded.received_units, lost_units = excluded.lost_units,
    in_transit_units = excluded.in_transit_units;

-- name: page_transfers
-- A page of transfers, newest first.
SELECT transfer_id, source_id, destination_id, state, note, actor, created_at, loss_note, dispatched_at, ended_at
FROM transfer
WHERE ($1 = '' OR source_id = $1 OR destination_id = $1) AND ($2 = 0 OR state = $2::integer) AND ($3 = '' OR transfer_id < $3)
ORDER BY transfer_id DESC LIMIT $4;

-- name: in_transit
-- Units on the way, per SKU and destination.
SELECT l.sku, t.destination_id, sum(l.in_transit_units) AS quantity_units
FROM transfer_line l JOIN transfer t USING (transfer_id)
WHERE l.sku = ANY ($1::text[]) AND l.in_transit_units > 0
GROUP BY l.sku, t.destination_id ORDER BY l.sku, t.destination_id;
