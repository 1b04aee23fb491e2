-- What `bench/bulk.py` writes. $1 and $2 are the first article and the one behind the last, $3 the locations, $4 the units of each position.

-- name: settings
-- Of the session that writes: triggers off, no wait for the disk at each commit.
SET search_path = inventory; SET synchronous_commit = off; SET session_replication_role = replica; SET maintenance_work_mem = '1GB'

-- name: positions
-- An article's name is made once for all its positions.
INSERT INTO position (sku, location_id, on_hand_units, version)
SELECT sku, location_id, $4::integer, 1
FROM (SELECT 'MORE-' || lpad(n::text, 8, '0') AS sku FROM generate_series($1::integer, $2::integer - 1) AS n OFFSET 0) AS article
CROSS JOIN unnest($3::text[]) AS place (location_id);

-- name: keys
-- The keys of these movements, which the ledger's trigger would have kept.
INSERT INTO movement_key (idempotency_key)
SELECT 'bulk|' || sku || number
FROM (SELECT 'MORE-' || lpad(n::text, 8, '0') AS sku FROM generate_series($1::integer, $2::integer - 1) AS n OFFSET 0) AS article
CROSS JOIN unnest($3::text[]) WITH ORDINALITY AS place (location_id, number);

-- name: movements
-- An opening movement of each position, in the month {part} whose ids begin with {prefix}.
INSERT INTO {part} (movement_id, sku, location_id, quantity_units, cause, document_id, actor, note, idempotency_key, on_hand_after_units)
SELECT '{prefix}' || sku || number, sku, location_id, $4::integer, 1, sku, 'bench', '', 'bulk|' || sku || number, $4::integer
FROM (SELECT 'MORE-' || lpad(n::text, 8, '0') AS sku FROM generate_series($1::integer, $2::integer - 1) AS n OFFSET 0) AS article
CROSS JOIN unnest($3::text[]) WITH ORDINALITY AS place (location_id, number);

-- name: last_month
-- The last month of the ledger that was made ahead.
SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound,
       substring(pg_get_expr(c.relpartbound, c.oid) FROM '(mov_[0-9a-z]{10})') AS prefix
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'movement'::regclass AND c.relname ~ '^movement_2' ORDER BY c.relname DESC LIMIT 1;

-- name: indexes_of
-- The indexes of a table that stands alone.
SELECT indexrelid::regclass AS name FROM pg_index WHERE indrelid = $1::text::regclass;

-- name: disk
-- What positions and the ledger take, tables and indexes.
SELECT CASE WHEN t.relname LIKE 'movement_key%' THEN 'ledger keys' WHEN t.relname LIKE 'movement%' THEN 'ledger' ELSE t.relname END
       || CASE WHEN c.relkind = 'i' THEN ', indexes' ELSE '' END AS what, sum(pg_relation_size(c.oid))::bigint AS bytes
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
WHERE c.relnamespace = 'inventory'::regnamespace AND c.relkind IN ('r', 'i') AND (t.relname LIKE 'movement%' OR t.relname = 'position')
GROUP BY 1 ORDER BY 1;
