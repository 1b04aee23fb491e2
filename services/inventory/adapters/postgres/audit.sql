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
    SELECT reservation_id, sum(live_units) AS live_units, sum(consumed_units) AS consumed_units FROM reservation_line GROUP BY reservation_id
) l USING (reservation_id)
WHERE l.reservation_id IS NULL
   OR (r.state IN (1, 2) AND l.live_units = 0)
   OR (r.state = 3 AND l.consumed_units = 0)
   OR (r.state = 4 AND l.consumed_units > 0)
ORDER BY r.reservation_id LIMIT $1;
