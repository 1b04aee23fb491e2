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
