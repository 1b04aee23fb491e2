-- Each statement finds the differences of one rule: at most $1 rows, each with the number of all of them.

-- name: sizes
-- How much is compared.
SELECT (SELECT count(*) FROM movement), (SELECT count(*) FROM position), (SELECT count(*) FROM reservation_line WHERE live_units > 0);

-- name: on_hand
-- Σ movements of a position = on hand.
SELECT 'ON_HAND' AS rule, sku, location_id, coalesce(m.units, 0)::bigint AS expected_units, coalesce(p.on_hand_units, 0)::bigint AS actual_units,
       '' AS document_id, count(*) OVER () AS all_of_them
FROM (SELECT sku, location_id, sum(quantity_units) AS units FROM movement GROUP BY sku, location_id) m
FULL JOIN position p USING (sku, location_id)
WHERE coalesce(m.units, 0) <> coalesce(p.on_hand_units, 0)
ORDER BY sku, location_id LIMIT $1;

-- name: reserved
-- Σ live reservation lines of a position = reserved.
SELECT 'RESERVED' AS rule, sku, location_id, coalesce(r.units, 0)::bigint AS expected_units, coalesce(p.reserved_units, 0)::bigint AS actual_units,
       '' AS document_id, count(*) OVER () AS all_of_them
FROM (SELECT sku, location_id, sum(live_units) AS units FROM reservation_line WHERE live_units > 0 GROUP BY sku, location_id) r
FULL JOIN (SELECT * FROM position WHERE reserved_units <> 0) p USING (sku, location_id)
WHERE coalesce(r.units, 0) <> coalesce(p.reserved_units, 0)
ORDER BY sku, location_id LIMIT $1;

-- name: reserved_above_on_hand
-- Reserved never exceeds what is there; a CHECK says so too.
SELECT 'RESERVED_ABOVE_ON_HAND' AS rule, sku, location_id, greatest(on_hand_units, 0)::bigint AS expected_units,
       reserved_units::bigint AS actual_units, '' AS document_id, count(*) OVER () AS all_of_them
FROM position WHERE reserved_units > greatest(on_hand_units, 0)
ORDER BY sku, location_id LIMIT $1;

-- name: ended_lines
-- Only a held or committed reservation keeps units, and no line is without its reservation.
SELECT 'RESERVATION_LINE' AS rule, l.sku, l.location_id, 0::bigint AS expected_units, l.live_units::bigint AS actual_units,
       l.reservation_id AS document_id, count(*) OVER () AS all_of_them
FROM reservation_line l LEFT JOIN reservation r USING (reservation_id)
WHERE r.reservation_id IS NULL OR (l.live_units > 0 AND r.state NOT IN (1, 2))
ORDER BY l.reservation_id, l.sku, l.location_id LIMIT $1;

-- name: line_sums
-- Every unit of a line is live, consumed, released or displaced; a CHECK says so too.
SELECT 'RESERVATION_LINE' AS rule, sku, location_id, quantity_units::bigint AS expected_units,
       (live_units + consumed_units + released_units + displaced_units)::bigint AS actual_units, reservation_id AS document_id,
       count(*) OVER () AS all_of_them
FROM reservation_line WHERE quantity_units <> live_units + consumed_units + released_units + displaced_units
ORDER BY reservation_id, sku, location_id LIMIT $1;

-- name: states
-- A live reservation keeps something, a consumed one let something go, and each has lines.
SELECT 'RESERVATION_STATE' AS rule, '' AS sku, '' AS location_id,
       CASE WHEN r.state IN (1, 2) THEN 1 ELSE 0 END::bigint AS expected_units, coalesce(l.live_units, 0)::bigint AS actual_units,
       r.reservation_id AS document_id, count(*) OVER () AS all_of_them
FROM reservation r
LEFT JOIN (
    SELECT reservation_id, sum(live_units) AS live_units, sum(consumed_units) AS consumed_units
    FROM (
        SELECT reservation_id, live_units, consumed_units FROM reservation_line
        UNION ALL
        SELECT reservation_id, live_units, 0 FROM backorder
    ) every_line
    GROUP BY reservation_id
) l USING (reservation_id)
WHERE l.reservation_id IS NULL
   OR (r.state IN (1, 2) AND l.live_units = 0)
   OR (r.state = 3 AND l.consumed_units = 0)
   OR (r.state = 4 AND l.consumed_units > 0)
ORDER BY r.reservation_id LIMIT $1;

-- name: transfers
-- What left for a transfer and what came in by it is what its lines say; with their CHECK: Σ out = Σ in + in transit + lost.
SELECT CASE WHEN m.sent <> m.dispatched THEN 'TRANSFER_OUT' ELSE 'TRANSFER_IN' END AS rule, m.sku,
       CASE WHEN m.sent <> m.dispatched THEN m.source_id ELSE m.destination_id END AS location_id,
       CASE WHEN m.sent <> m.dispatched THEN m.sent ELSE m.came END AS expected_units,
       CASE WHEN m.sent <> m.dispatched THEN m.dispatched ELSE m.received END AS actual_units,
       m.transfer_id AS document_id, count(*) OVER () AS all_of_them
FROM (
    SELECT transfer_id, sku, coalesce(t.source_id, '') AS source_id, coalesce(t.destination_id, '') AS destination_id,
           coalesce(ledger.sent, 0) AS sent, coalesce(ledger.came, 0) AS came,
           coalesce(l.dispatched_units, 0)::bigint AS dispatched, coalesce(l.received_units, 0)::bigint AS received
    FROM (
        SELECT document_id AS transfer_id, sku, -sum(quantity_units) FILTER (WHERE cause = 11) AS sent,
               sum(quantity_units) FILTER (WHERE cause = 12) AS came
        FROM movement WHERE cause IN (11, 12) GROUP BY document_id, sku
    ) ledger
    FULL JOIN transfer_line l USING (transfer_id, sku)
    LEFT JOIN transfer t USING (transfer_id)
) m
WHERE m.sent <> m.dispatched OR m.came <> m.received
ORDER BY m.transfer_id, m.sku LIMIT $1;

-- name: transfer_states
-- Only a transfer that left and has not ended has units on the way.
SELECT 'TRANSFER_STATE' AS rule, '' AS sku, t.destination_id AS location_id, CASE WHEN t.state IN (2, 3) THEN 1 ELSE 0 END::bigint AS expected_units,
       coalesce(l.units, 0)::bigint AS actual_units, t.transfer_id AS document_id, count(*) OVER () AS all_of_them
FROM transfer t
LEFT JOIN (SELECT transfer_id, sum(in_transit_units) AS units FROM transfer_line WHERE in_transit_units > 0 GROUP BY transfer_id) l
    USING (transfer_id)
WHERE (t.state IN (2, 3)) <> (coalesce(l.units, 0) > 0)
ORDER BY t.transfer_id LIMIT $1;

-- name: held
-- Σ live hold lines of a SKU = held.
SELECT 'HELD' AS rule, sku, '' AS location_id, coalesce(h.units, 0)::bigint AS expected_units, coalesce(p.held_units, 0)::bigint AS actual_units,
       '' AS document_id, count(*) OVER () AS all_of_them
FROM (SELECT sku, sum(live_units) AS units FROM hold_line WHERE live_units > 0 GROUP BY sku) h
FULL JOIN (SELECT sku, held_units FROM pool WHERE held_units <> 0) p USING (sku)
WHERE coalesce(h.units, 0) <> coalesce(p.held_units, 0)
ORDER BY sku LIMIT $1;

-- name: held_above_stock
-- What baskets hold is there and promised to nobody else.
SELECT 'HELD_ABOVE_STOCK' AS rule, p.sku, '' AS location_id, coalesce(s.units, 0)::bigint AS expected_units,
       p.held_units::bigint AS actual_units, '' AS document_id, count(*) OVER () AS all_of_them
FROM pool p
CROSS JOIN LATERAL (SELECT sum(greatest(on_hand_units - reserved_units, 0)) AS units FROM position WHERE position.sku = p.sku) s
WHERE p.held_units > coalesce(s.units, 0)
ORDER BY p.sku LIMIT $1;

-- name: hold_states
-- Exactly the holds that are held keep something, each has lines, and no line is without its hold.
SELECT 'HOLD_STATE' AS rule, '' AS sku, '' AS location_id, CASE WHEN h.state = 1 THEN 1 ELSE 0 END::bigint AS expected_units,
       coalesce(l.live_units, 0)::bigint AS actual_units, hold_id AS document_id, count(*) OVER () AS all_of_them
FROM hold h
FULL JOIN (SELECT hold_id, sum(live_units) AS live_units FROM hold_line GROUP BY hold_id) l USING (hold_id)
WHERE h.hold_id IS NULL OR l.hold_id IS NULL OR (h.state = 1) <> (l.live_units > 0)
ORDER BY hold_id LIMIT $1;

-- name: guard
-- A position is guarded exactly when its pool is. Looked at from both sides, since few are: a join of all positions with their pools costs five times as much.
SELECT 'GUARD' AS rule, sku, location_id, expected_units, actual_units, '' AS document_id, count(*) OVER () AS all_of_them
FROM (
    SELECT s.sku, s.location_id, 0::bigint AS expected_units, 1::bigint AS actual_units
    FROM position s WHERE s.guarded AND NOT EXISTS (SELECT FROM pool p WHERE p.sku = s.sku AND p.guarded)
    UNION ALL
    SELECT s.sku, s.location_id, 1, 0 FROM pool p JOIN position s USING (sku) WHERE p.guarded AND NOT s.guarded
) wrong
ORDER BY sku, location_id LIMIT $1;

-- name: channel_promised
-- What a channel control has counted is what reservations made since keep or let go, and till sales since; of the channel, and of all. The
-- document is the channel.
WITH promised AS (
    SELECT c.sku, c.channel_id, coalesce(sum(p.units) FILTER (WHERE p.channel_id = c.channel_id), 0) AS own, coalesce(sum(p.units), 0) AS everybody
    FROM channel_control c
    LEFT JOIN (
        SELECT l.sku, r.channel_id, r.created_at AS since, l.live_units + l.consumed_units AS units
        FROM reservation_line l JOIN reservation r USING (reservation_id)
        WHERE l.sku IN (SELECT sku FROM channel_control)
        UNION ALL
        SELECT sku, channel_id, sold_at, quantity_units FROM channel_sale
    ) p ON p.sku = c.sku AND p.since >= c.counted_from
    GROUP BY c.sku, c.channel_id
)
SELECT CASE WHEN p.own <> c.promised_units THEN 'CHANNEL_PROMISED' ELSE 'CHANNEL_TAKEN' END AS rule, c.sku, '' AS location_id,
       (CASE WHEN p.own <> c.promised_units THEN p.own ELSE p.everybody END)::bigint AS expected_units,
       (CASE WHEN p.own <> c.promised_units THEN c.promised_units ELSE c.taken_units END)::bigint AS actual_units,
       c.channel_id AS document_id, count(*) OVER () AS all_of_them
FROM promised p JOIN channel_control c USING (sku, channel_id)
WHERE p.own <> c.promised_units OR p.everybody <> c.taken_units
ORDER BY c.sku, c.channel_id LIMIT $1;

-- name: channel_held
-- Σ live hold lines of a channel = what its control says; only a controlled SKU has controls.
SELECT 'CHANNEL_HELD' AS rule, c.sku, '' AS location_id, coalesce(h.units, 0)::bigint AS expected_units, c.held_units::bigint AS actual_units,
       c.channel_id AS document_id, count(*) OVER () AS all_of_them
FROM channel_control c
LEFT JOIN pool p USING (sku)
LEFT JOIN (
    SELECT l.sku, h.channel_id, sum(l.live_units) AS units FROM hold_line l JOIN hold h USING (hold_id) WHERE l.live_units > 0 GROUP BY 1, 2
) h USING (sku, channel_id)
WHERE coalesce(h.units, 0) <> c.held_units OR NOT coalesce(p.controlled, false)
ORDER BY c.sku, c.channel_id LIMIT $1;

-- name: supply_promised
-- Σ live backorders of a supply's line = what it says is promised, and that is still to come. The document is the supply.
SELECT CASE WHEN coalesce(b.units, 0) <> coalesce(l.promised_units, 0) THEN 'SUPPLY_PROMISED' ELSE 'PROMISED_ABOVE_SUPPLY' END AS rule,
       sku, coalesce(s.location_id, '') AS location_id,
       (CASE WHEN coalesce(b.units, 0) <> coalesce(l.promised_units, 0) THEN coalesce(b.units, 0) ELSE l.open_units END)::bigint AS expected_units,
       coalesce(l.promised_units, 0)::bigint AS actual_units, supply_id AS document_id, count(*) OVER () AS all_of_them
FROM (SELECT supply_id, sku, sum(live_units) AS units FROM backorder WHERE live_units > 0 GROUP BY supply_id, sku) b
FULL JOIN (
    SELECT supply_id, sku, promised_units, CASE WHEN state = 4 THEN 0 ELSE greatest(expected_units - received_units, 0) END AS open_units
    FROM supply_line JOIN supply USING (supply_id) WHERE promised_units <> 0
) l USING (supply_id, sku)
LEFT JOIN supply s USING (supply_id)
WHERE coalesce(b.units, 0) <> coalesce(l.promised_units, 0) OR l.promised_units > l.open_units
ORDER BY supply_id, sku LIMIT $1;

-- name: backorders
-- Only a live reservation that is known to wait waits, and where its supply comes in.
SELECT 'BACKORDER' AS rule, b.sku, b.location_id, 0::bigint AS expected_units, b.live_units::bigint AS actual_units,
       b.reservation_id AS document_id, count(*) OVER () AS all_of_them
FROM backorder b LEFT JOIN reservation r USING (reservation_id) LEFT JOIN supply s USING (supply_id)
WHERE r.reservation_id IS NULL OR NOT r.on_supply OR (b.live_units > 0 AND r.state NOT IN (1, 2)) OR s.location_id <> b.location_id
ORDER BY b.reservation_id, b.sku LIMIT $1;
