-- Limits per buyer. Who reads or changes one to decide holds its pool's lock.

-- name: find_limits
-- The limits of SKUs.
SELECT sku, max_units, counted_from, valid_from, valid_until, window_seconds, named_only FROM buyer_limit WHERE sku = ANY ($1::text[]);

-- name: page_limits
-- A page of the limits, in order of SKU.
SELECT sku, max_units, counted_from, valid_from, valid_until, window_seconds, named_only FROM buyer_limit
WHERE sku > $1 ORDER BY sku LIMIT $2;

-- name: find_claims
-- What customers have of limited SKUs, by document: what is kept, waited for or has left of reservations, what is kept of holds.
SELECT c.sku, c.customer_id, c.document_id,
       coalesce((SELECT sum(l.live_units + l.consumed_units) FROM reservation_line l WHERE l.reservation_id = c.document_id AND l.sku = c.sku), 0)
       + coalesce((SELECT sum(b.live_units) FROM backorder b WHERE b.reservation_id = c.document_id AND b.sku = c.sku), 0)
       + coalesce((SELECT sum(h.live_units) FROM hold_line h WHERE h.hold_id = c.document_id AND h.sku = c.sku), 0) AS units
FROM unnest($1::text[], $2::timestamptz[]) AS wanted (sku, since)
JOIN buyer_claim c ON c.sku = wanted.sku AND c.customer_id = ANY ($3::text[]) AND c.claimed_at >= wanted.since;

-- name: save_limits
-- New or changed limits.
INSERT INTO buyer_limit (sku, max_units, counted_from, valid_from, valid_until, window_seconds, named_only)
SELECT * FROM unnest($1::text[], $2::integer[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::integer[], $7::boolean[])
ON CONFLICT (sku) DO UPDATE SET max_units = excluded.max_units, counted_from = excluded.counted_from, valid_from = excluded.valid_from,
    valid_until = excluded.valid_until, window_seconds = excluded.window_seconds, named_only = excluded.named_only;

-- name: remove_limits
-- Limits that ended.
DELETE FROM buyer_limit WHERE sku = ANY ($1::text[]);

-- name: insert_claims
-- New promises of limited SKUs.
INSERT INTO buyer_claim (sku, customer_id, document_id, claimed_at)
SELECT sku, customer_id, document_id, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS n (sku, customer_id, document_id);
