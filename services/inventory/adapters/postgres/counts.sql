-- Count sheets: locked by id after all positions and reservations; the lines of a sheet change only under its lock.

-- name: find_sheets
-- Sheets as they are committed.
SELECT count_id, location_id, state, note, actor, started_at, ended_at, difference_units, displaced_units
FROM count_sheet WHERE count_id = ANY ($1::text[]);

-- name: lock_sheets
-- The one statement that locks sheets, in the one order.
SELECT count_id, location_id, state, note, actor, started_at, ended_at, difference_units, displaced_units
FROM count_sheet WHERE count_id = ANY ($1::text[]) ORDER BY count_id FOR UPDATE;

-- name: lines_of_sheets
-- The lines that were asked for.
SELECT l.count_id, l.sku, l.snapshot_units, l.counted_units, l.book_units, l.booked
FROM unnest($1::text[], $2::text[]) AS wanted (count_id, sku)
JOIN count_line l ON l.count_id = wanted.count_id AND l.sku = wanted.sku;

-- name: save_sheets
-- New sheets, or the life of locked ones.
INSERT INTO count_sheet (count_id, location_id, state, note, actor, started_at, ended_at, difference_units, displaced_units)
SELECT * FROM unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::bigint[],
                     $9::bigint[])
ON CONFLICT (count_id) DO UPDATE
SET state = excluded.state, ended_at = excluded.ended_at, difference_units = excluded.difference_units, displaced_units = excluded.displaced_units;

-- name: take_book
-- Lines of a new sheet with the book as it is committed: of the SKUs named, or of the whole location.
INSERT INTO count_line (count_id, sku, snapshot_units)
SELECT $1, wanted.sku, coalesce(p.on_hand_units, 0)
FROM unnest($3::text[]) AS wanted (sku) LEFT JOIN position p ON p.sku = wanted.sku AND p.location_id = $2
UNION ALL
SELECT $1, p.sku, p.on_hand_units FROM position p WHERE p.location_id = $2 AND cardinality($3::text[]) = 0;

-- name: save_count_lines
-- What was counted or booked; a SKU that the sheet does not name comes on it.
INSERT INTO count_line (count_id, sku, snapshot_units, counted_units, book_units, booked)
SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[], $5::integer[], $6::boolean[])
ON CONFLICT (count_id, sku) DO UPDATE
SET counted_units = excluded.counted_units, book_units = excluded.book_units, booked = excluded.booked;

-- name: find_waiting
-- Lines that are not booked yet, and the units that each difference takes.
SELECT sku, CASE WHEN counted_units IS NULL THEN snapshot_units ELSE book_units - counted_units END AS taken_units
FROM count_line WHERE count_id = $1 AND NOT booked AND (counted_units IS NOT NULL OR $2)
ORDER BY sku LIMIT $3;

-- name: page_sheets
-- A page of a location's sheets in a state (0: any) before one ('' is none), newest first.
SELECT count_id, location_id, state, note, actor, started_at, ended_at, difference_units, displaced_units FROM count_sheet
WHERE location_id = $1 AND ($2 = 0 OR state = $2) AND ($3 = '' OR count_id < $3) ORDER BY count_id DESC LIMIT $4;

-- name: page_count_lines
-- A page of a sheet.
SELECT count_id, sku, snapshot_units, counted_units, book_units, booked FROM count_line
WHERE count_id = $1 AND sku > $3 AND (NOT $2 OR counted_units <> book_units) ORDER BY sku LIMIT $4;

-- name: moved_since
-- What moved at locked positions in the last seconds.
SELECT wanted.number, coalesce(sum(m.quantity_units), 0)::integer AS quantity_units
FROM unnest($1::text[], $2::text[], $3::interval[]) WITH ORDINALITY AS wanted (sku, location_id, ago, number)
LEFT JOIN movement m ON m.sku = wanted.sku AND m.location_id = wanted.location_id AND m.record_time > now() - wanted.ago
GROUP BY wanted.number;
