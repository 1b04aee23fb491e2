-- The online audit of a range of SKUs, $1 < sku <= $2: each statement of a rule finds its differences, at most $3.

-- name: slice_end
-- The last of the next $2 SKUs behind $1; null when none is left. Skips from SKU to SKU in the index instead of reading every position.
WITH RECURSIVE next_sku (sku, number) AS (
    (SELECT sku, 1 FROM position WHERE sku > $1 ORDER BY sku LIMIT 1)
    UNION ALL
    SELECT (SELECT p.sku FROM position p WHERE p.sku > n.sku ORDER BY p.sku LIMIT 1), n.number + 1
    FROM next_sku n WHERE n.number < $2 AND n.sku IS NOT NULL
)
SELECT max(sku COLLATE "C") FROM next_sku;

-- name: on_hand
-- Σ movements of a position = on hand; gives the movements read in every row, and a row without a rule when all is well.
WITH summed AS MATERIALIZED (
    SELECT sku, location_id, sum(quantity_units) AS units, count(*) AS movements
    FROM movement WHERE sku > $1 AND sku <= $2 GROUP BY sku, location_id
), wrong AS (
    SELECT sku, location_id, coalesce(m.units, 0)::bigint AS expected_units, coalesce(p.on_hand_units, 0)::bigint AS actual_units
    FROM summed m
    FULL JOIN (SELECT sku, location_id, on_hand_units FROM position WHERE sku > $1 AND sku <= $2) p USING (sku, location_id)
    WHERE coalesce(m.units, 0) <> coalesce(p.on_hand_units, 0)
    ORDER BY sku, location_id LIMIT $3
)
SELECT CASE WHEN w.sku IS NOT NULL THEN 'ON_HAND' END AS rule, w.sku, w.location_id, w.expected_units, w.actual_units, '' AS document_id,
       t.movements
FROM (SELECT coalesce(sum(movements), 0)::bigint AS movements FROM summed) t LEFT JOIN wrong w ON true;

-- name: reserved
-- Σ live reservation lines of a position = reserved, and never above what is there.
SELECT CASE WHEN coalesce(r.units, 0) <> coalesce(p.reserved_units, 0) THEN 'RESERVED' ELSE 'RESERVED_ABOVE_ON_HAND' END AS rule,
       sku, location_id, coalesce(r.units, 0)::bigint AS expected_units, coalesce(p.reserved_units, 0)::bigint AS actual_units, '' AS document_id
FROM (
    SELECT sku, location_id, sum(live_units) AS units FROM reservation_line
    WHERE live_units > 0 AND sku > $1 AND sku <= $2 GROUP BY sku, location_id
) r
FULL JOIN (
    SELECT sku, location_id, on_hand_units, reserved_units FROM position WHERE sku > $1 AND sku <= $2 AND reserved_units <> 0
) p USING (sku, location_id)
WHERE coalesce(r.units, 0) <> coalesce(p.reserved_units, 0) OR p.reserved_units > greatest(p.on_hand_units, 0)
ORDER BY sku, location_id LIMIT $3;

-- name: ended_lines
-- Only a held or committed reservation keeps units, and no line is without its reservation.
SELECT 'RESERVATION_LINE' AS rule, l.sku, l.location_id, 0::bigint AS expected_units, l.live_units::bigint AS actual_units,
       l.reservation_id AS document_id
FROM reservation_line l LEFT JOIN reservation r USING (reservation_id)
WHERE l.live_units > 0 AND l.sku > $1 AND l.sku <= $2 AND (r.reservation_id IS NULL OR r.state NOT IN (1, 2))
ORDER BY l.sku, l.location_id, l.reservation_id LIMIT $3;

-- name: in_transit
-- What is on the way of a SKU is what left less what came in and what is lost, by the ledger.
SELECT 'TRANSFER_OUT' AS rule, l.sku, t.destination_id AS location_id,
       (coalesce(m.units, 0) - l.lost_units)::bigint AS expected_units, l.in_transit_units::bigint AS actual_units, l.transfer_id AS document_id
FROM transfer_line l JOIN transfer t USING (transfer_id)
LEFT JOIN LATERAL (
    SELECT -sum(quantity_units) AS units FROM movement
    WHERE document_id = l.transfer_id AND sku = l.sku AND cause IN (11, 12)
) m ON true
WHERE l.in_transit_units > 0 AND l.sku > $1 AND l.sku <= $2 AND coalesce(m.units, 0) - l.lost_units <> l.in_transit_units
ORDER BY l.sku, l.transfer_id LIMIT $3;

-- name: held
-- Σ live hold lines of a SKU = held.
SELECT 'HELD' AS rule, sku, '' AS location_id, coalesce(h.units, 0)::bigint AS expected_units, coalesce(p.held_units, 0)::bigint AS actual_units,
       '' AS document_id
FROM (SELECT sku, sum(live_units) AS units FROM hold_line WHERE live_units > 0 AND sku > $1 AND sku <= $2 GROUP BY sku) h
FULL JOIN (SELECT sku, held_units FROM pool WHERE held_units <> 0 AND sku > $1 AND sku <= $2) p USING (sku)
WHERE coalesce(h.units, 0) <> coalesce(p.held_units, 0)
ORDER BY sku LIMIT $3;

-- name: channel_promised
-- What a channel control has counted is what reservations made since keep or let go, and till sales since; of the channel, and of all. Goes
-- from the controls of the range to their SKUs' lines, so a range without controls costs one look into an index. The document is the channel.
WITH controlled AS MATERIALIZED (
    SELECT sku, min(counted_from) AS since FROM channel_control WHERE sku > $1 AND sku <= $2 GROUP BY sku
), taken AS MATERIALIZED (
    SELECT c.sku, r.channel_id, r.created_at AS since, l.units
    FROM controlled c
    CROSS JOIN LATERAL (
        SELECT reservation_id, live_units AS units FROM reservation_line WHERE sku = c.sku AND live_units > 0
        UNION ALL
        SELECT reservation_id, consumed_units FROM reservation_line WHERE sku = c.sku AND consumed_units > 0
    ) l
    JOIN reservation r USING (reservation_id)
    WHERE r.created_at >= c.since
    UNION ALL
    SELECT c.sku, s.channel_id, s.sold_at, s.quantity_units
    FROM controlled c JOIN channel_sale s ON s.sku = c.sku AND s.sold_at >= c.since
), counted AS (
    SELECT c.sku, c.channel_id, c.promised_units, c.taken_units,
           coalesce(sum(t.units) FILTER (WHERE t.channel_id = c.channel_id), 0)::bigint AS own, coalesce(sum(t.units), 0)::bigint AS everybody
    FROM channel_control c LEFT JOIN taken t ON t.sku = c.sku AND t.since >= c.counted_from
    WHERE c.sku > $1 AND c.sku <= $2
    GROUP BY c.sku, c.channel_id
)
SELECT CASE WHEN own <> promised_units THEN 'CHANNEL_PROMISED' ELSE 'CHANNEL_TAKEN' END AS rule, sku, '' AS location_id,
       CASE WHEN own <> promised_units THEN own ELSE everybody END AS expected_units,
       (CASE WHEN own <> promised_units THEN promised_units ELSE taken_units END)::bigint AS actual_units, channel_id AS document_id
FROM counted WHERE own <> promised_units OR everybody <> taken_units
ORDER BY sku, channel_id LIMIT $3;

-- name: channel_held
-- Σ live hold lines of a channel = what its control says; only a controlled SKU has controls. The document is the channel.
SELECT 'CHANNEL_HELD' AS rule, c.sku, '' AS location_id, coalesce(h.units, 0)::bigint AS expected_units, c.held_units::bigint AS actual_units,
       c.channel_id AS document_id
FROM channel_control c
LEFT JOIN pool p USING (sku)
LEFT JOIN LATERAL (
    SELECT sum(l.live_units) AS units FROM hold_line l JOIN hold d USING (hold_id)
    WHERE l.sku = c.sku AND l.live_units > 0 AND d.channel_id = c.channel_id
) h ON true
WHERE c.sku > $1 AND c.sku <= $2 AND (coalesce(h.units, 0) <> c.held_units OR NOT coalesce(p.controlled, false))
ORDER BY c.sku, c.channel_id LIMIT $3;

-- name: supply_promised
-- Σ live backorders of a supply's line = what it says is promised, and that is still to come. The document is the supply.
SELECT CASE WHEN coalesce(b.units, 0) <> coalesce(l.promised_units, 0) THEN 'SUPPLY_PROMISED' ELSE 'PROMISED_ABOVE_SUPPLY' END AS rule,
       sku, coalesce(s.location_id, '') AS location_id,
       (CASE WHEN coalesce(b.units, 0) <> coalesce(l.promised_units, 0) THEN coalesce(b.units, 0) ELSE l.open_units END)::bigint AS expected_units,
       coalesce(l.promised_units, 0)::bigint AS actual_units, supply_id AS document_id
FROM (
    SELECT supply_id, sku, sum(live_units) AS units FROM backorder
    WHERE live_units > 0 AND sku > $1 AND sku <= $2 GROUP BY supply_id, sku
) b
FULL JOIN (
    SELECT supply_id, sku, promised_units, CASE WHEN state = 4 THEN 0 ELSE greatest(expected_units - received_units, 0) END AS open_units
    FROM supply_line JOIN supply USING (supply_id) WHERE promised_units > 0 AND sku > $1 AND sku <= $2
) l USING (supply_id, sku)
LEFT JOIN supply s USING (supply_id)
WHERE coalesce(b.units, 0) <> coalesce(l.promised_units, 0) OR l.promised_units > l.open_units
ORDER BY sku, supply_id LIMIT $3;

-- name: backorders
-- Only a live reservation that is known to wait waits.
SELECT 'BACKORDER' AS rule, b.sku, b.location_id, 0::bigint AS expected_units, b.live_units::bigint AS actual_units,
       b.reservation_id AS document_id
FROM backorder b LEFT JOIN reservation r USING (reservation_id)
WHERE b.live_units > 0 AND b.sku > $1 AND b.sku <= $2 AND (r.reservation_id IS NULL OR NOT r.on_supply OR r.state NOT IN (1, 2))
ORDER BY b.sku, b.reservation_id LIMIT $3;

-- name: progress
-- How far the round under way has come.
SELECT after_sku, differences, began_at, last_ended_at, last_differences FROM audit_round WHERE name = 'stock';

-- name: go_on
-- One more slice of the round is done.
UPDATE audit_round SET after_sku = $1, differences = differences + $2 WHERE name = 'stock';

-- name: end_round
-- The round is done, and the next begins.
UPDATE audit_round
SET after_sku = '', differences = 0, began_at = now(), last_ended_at = now(), last_differences = differences + $1
WHERE name = 'stock'
RETURNING last_ended_at, last_differences;

-- name: sizes_of_skus
-- How much of these SKUs is compared.
SELECT (SELECT count(*) FROM position WHERE sku = ANY ($1::text[])),
       (SELECT count(*) FROM reservation_line WHERE sku = ANY ($1::text[]) AND live_units > 0);
