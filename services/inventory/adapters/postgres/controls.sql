-- Channel controls. Who changes one holds its pool's lock, so rows of it need none.

-- name: find_controls
-- All controls of SKUs.
SELECT sku, channel_id, standing, buffer_units, buffer_percent, ring_fence_units, ring_fence_percent, cap_units, cap_percent, priority,
       valid_from, valid_until, release_time, fallback, counted_from, promised_units, held_units, taken_units, event_sequence,
       withheld_units, limit_units, version, changes_at
FROM channel_control WHERE sku = ANY ($1::text[]);

-- name: page_controls
-- A page of the controls that stand, in order of (sku, channel).
SELECT sku, channel_id, standing, buffer_units, buffer_percent, ring_fence_units, ring_fence_percent, cap_units, cap_percent, priority,
       valid_from, valid_until, release_time, fallback, counted_from, promised_units, held_units, taken_units, event_sequence,
       withheld_units, limit_units, version, changes_at
FROM channel_control
WHERE standing AND ($1 = '' OR sku = $1) AND ($2 = '' OR channel_id = $2) AND (sku, channel_id) > ($3, $4)
ORDER BY sku, channel_id LIMIT $5;

-- name: find_due
-- SKUs of which time alone has changed what a control means, but for those set aside.
SELECT DISTINCT sku FROM channel_control WHERE changes_at <= $1 AND sku <> ALL ($3::text[]) LIMIT $2;

-- name: opening_promises
-- What live reservations keep that say they were made at $2 or later.
SELECT line.sku, r.channel_id, sum(line.live_units)::bigint AS units
FROM reservation_line line JOIN reservation r USING (reservation_id)
WHERE line.sku = ANY ($1::text[]) AND line.live_units > 0 AND r.created_at >= $2
GROUP BY line.sku, r.channel_id;

-- name: opening_holds
-- What holds keep.
SELECT line.sku, h.channel_id, sum(line.live_units)::bigint AS units
FROM hold_line line JOIN hold h USING (hold_id)
WHERE line.sku = ANY ($1::text[]) AND line.live_units > 0
GROUP BY line.sku, h.channel_id;

-- name: save_controls
-- New or changed controls.
INSERT INTO channel_control (
    sku, channel_id, standing, buffer_units, buffer_percent, ring_fence_units, ring_fence_percent, cap_units, cap_percent, priority,
    valid_from, valid_until, release_time, fallback, counted_from, promised_units, held_units, taken_units, event_sequence,
    withheld_units, limit_units, version, changes_at
)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::boolean[], $4::integer[], $5::smallint[], $6::integer[], $7::smallint[], $8::integer[], $9::smallint[],
    $10::integer[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::boolean[], $15::timestamptz[], $16::integer[],
    $17::integer[], $18::integer[], $19::integer[], $20::integer[], $21::integer[], $22::bigint[], $23::timestamptz[]
)
ON CONFLICT (sku, channel_id) DO UPDATE SET
    standing = excluded.standing, buffer_units = excluded.buffer_units, buffer_percent = excluded.buffer_percent,
    ring_fence_units = excluded.ring_fence_units, ring_fence_percent = excluded.ring_fence_percent, cap_units = excluded.cap_units,
    cap_percent = excluded.cap_percent, priority = excluded.priority, valid_from = excluded.valid_from, valid_until = excluded.valid_until,
    release_time = excluded.release_time, fallback = excluded.fallback, counted_from = excluded.counted_from,
    promised_units = excluded.promised_units, held_units = excluded.held_units, taken_units = excluded.taken_units,
    event_sequence = excluded.event_sequence, withheld_units = excluded.withheld_units, limit_units = excluded.limit_units,
    version = excluded.version, changes_at = excluded.changes_at;

-- name: insert_sales
-- Till sales of controlled SKUs.
INSERT INTO channel_sale (sale_key, sku, channel_id, quantity_units, sold_at)
SELECT sale_key, sku, channel_id, quantity_units, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[])
    AS n (sale_key, sku, channel_id, quantity_units);

-- name: snapshot_controls
-- A chunk of what replicas are told of channels, in order of (sku, channel).
SELECT sku, channel_id, withheld_units, limit_units, version FROM channel_control
WHERE (sku, channel_id) > ($1, $2) ORDER BY sku, channel_id LIMIT $3;

-- name: snapshot_controls_of
-- The same for some SKUs only.
SELECT sku, channel_id, withheld_units, limit_units, version FROM channel_control
WHERE sku = ANY ($4::text[]) AND (sku, channel_id) > ($1, $2) ORDER BY sku, channel_id LIMIT $3;
