-- Statements of fulfillment. Lock order: fulfillment orders by id; lines only under the lock of their fulfillment order.

-- name: lock_request
-- Concurrent repeats of a request wait for the first.
SELECT pg_advisory_xact_lock(hashtextextended($1, 0))

-- name: lock_orders
-- Fulfillment orders by id, locked in the order of their ids, with the trace that opened them while the outbox has it.
SELECT f.*, (
  SELECT e.traceparent FROM outbox e
  WHERE e.aggregate_type = 'fulfillment_order' AND e.aggregate_id = f.fulfillment_order_id AND e.sequence = 1) AS traceparent
FROM fulfillment_order f WHERE fulfillment_order_id = ANY($1::text[]) ORDER BY fulfillment_order_id FOR UPDATE OF f

-- name: lock_orders_of_order
-- All fulfillment orders of an order, locked in the order of their ids.
SELECT f.*, (
  SELECT e.traceparent FROM outbox e
  WHERE e.aggregate_type = 'fulfillment_order' AND e.aggregate_id = f.fulfillment_order_id AND e.sequence = 1) AS traceparent
FROM fulfillment_order f WHERE order_id = $1 ORDER BY fulfillment_order_id FOR UPDATE OF f

-- name: lock_overdue
-- Pickups that nobody collected in time and that nobody else is working on right now.
SELECT f.*, (
  SELECT e.traceparent FROM outbox e
  WHERE e.aggregate_type = 'fulfillment_order' AND e.aggregate_id = f.fulfillment_order_id AND e.sequence = 1) AS traceparent
FROM fulfillment_order f
WHERE state = 'READY' AND collect_until_time <= $1 AND fulfillment_order_id <> ALL ($3::text[])
  AND NOT EXISTS (SELECT FROM order_hold h WHERE h.order_id = f.order_id AND h.held)
ORDER BY collect_until_time LIMIT $2 FOR UPDATE OF f SKIP LOCKED

-- name: overdue_ids
-- The same, not locked and not read.
SELECT fulfillment_order_id FROM fulfillment_order
WHERE state = 'READY' AND collect_until_time <= $1 AND fulfillment_order_id <> ALL ($3::text[])
  AND NOT EXISTS (SELECT FROM order_hold h WHERE h.order_id = fulfillment_order.order_id AND h.held)
ORDER BY collect_until_time LIMIT $2

-- name: lines_of
-- The lines of fulfillment orders, and who holds their order: read after the lock, so that whoever holds the lock decides.
SELECT l.*, h.reason AS hold_reason, h.actor AS hold_actor, h.hold_time
FROM fulfillment_line l JOIN fulfillment_order o USING (fulfillment_order_id) LEFT JOIN order_hold h ON h.order_id = o.order_id AND h.held
WHERE l.fulfillment_order_id = ANY($1::text[]) ORDER BY l.fulfillment_order_id, l.line_number

-- name: backlog
-- Unfinished work by location and state; the literal states let it use the small index. What was sent to a store is the store's.
SELECT location_id, state, count(*) AS orders, count(*) FILTER (WHERE promise_time < now()) AS late
FROM (
  SELECT location_id, state, promise_time FROM fulfillment_order
  WHERE state IN ('OPEN', 'PICKING', 'PICKED', 'PACKED', 'READY') AND (pickup_location_id = '' OR state <> 'READY')
  UNION ALL
  SELECT pickup_location_id, state, promise_time FROM fulfillment_order
  WHERE pickup_location_id <> '' AND state IN ('IN_TRANSIT', 'ARRIVED', 'READY')
) work GROUP BY location_id, state

-- name: order_by_id
-- One fulfillment order, not locked.
SELECT * FROM fulfillment_order WHERE fulfillment_order_id = $1

-- name: work_at_location
-- A page of a location's unfinished work after (due time, id); the literal states let it use the small index. Parcels to a store are
-- its work, by their promise, once they have left.
SELECT * FROM (
  (SELECT *, coalesce(due_time, promise_time) AS due FROM fulfillment_order
  WHERE location_id = $1 AND ($2 = '' OR order_id = $2) AND state = ANY($3::text[]) AND state IN ('OPEN', 'PICKING', 'PICKED', 'PACKED', 'READY')
    AND (pickup_location_id = '' OR state <> 'READY') AND (coalesce(due_time, promise_time), fulfillment_order_id) > ($4, $5)
  ORDER BY coalesce(due_time, promise_time), fulfillment_order_id LIMIT $6)
  UNION ALL
  (SELECT *, promise_time AS due FROM fulfillment_order
  WHERE pickup_location_id = $1 AND pickup_location_id <> '' AND ($2 = '' OR order_id = $2) AND state = ANY($3::text[])
    AND state IN ('IN_TRANSIT', 'ARRIVED', 'READY') AND (promise_time, fulfillment_order_id) > ($4, $5)
  ORDER BY promise_time, fulfillment_order_id LIMIT $6)
) work ORDER BY due, fulfillment_order_id LIMIT $6

-- name: all_at_location
-- The same over every state.
SELECT * FROM (
  (SELECT *, coalesce(due_time, promise_time) AS due FROM fulfillment_order
  WHERE location_id = $1 AND ($2 = '' OR order_id = $2) AND state = ANY($3::text[])
    AND (pickup_location_id = '' OR state NOT IN ('IN_TRANSIT', 'ARRIVED', 'READY', 'HANDED_OVER', 'EXPIRED'))
    AND (coalesce(due_time, promise_time), fulfillment_order_id) > ($4, $5)
  ORDER BY coalesce(due_time, promise_time), fulfillment_order_id LIMIT $6)
  UNION ALL
  (SELECT *, promise_time AS due FROM fulfillment_order
  WHERE pickup_location_id = $1 AND pickup_location_id <> '' AND ($2 = '' OR order_id = $2) AND state = ANY($3::text[])
    AND state IN ('IN_TRANSIT', 'ARRIVED', 'READY', 'HANDED_OVER', 'EXPIRED') AND (promise_time, fulfillment_order_id) > ($4, $5)
  ORDER BY promise_time, fulfillment_order_id LIMIT $6)
) work ORDER BY due, fulfillment_order_id LIMIT $6

-- name: all_of_order
-- A page of an order's fulfillment orders, at any location or at one.
SELECT * FROM (
  SELECT *, pickup_location_id <> '' AND state IN ('IN_TRANSIT', 'ARRIVED', 'READY', 'HANDED_OVER', 'EXPIRED') AS at_store
  FROM fulfillment_order WHERE order_id = $2 AND state = ANY($3::text[])
) work
WHERE ($1 = '' OR $1 = CASE WHEN at_store THEN pickup_location_id ELSE location_id END)
  AND (CASE WHEN at_store THEN promise_time ELSE coalesce(due_time, promise_time) END, fulfillment_order_id) > ($4, $5)
ORDER BY CASE WHEN at_store THEN promise_time ELSE coalesce(due_time, promise_time) END, fulfillment_order_id LIMIT $6

-- name: insert_orders
-- Opens fulfillment orders and their lines; gives the ids of those that were not open before.
WITH opened AS (
  INSERT INTO fulfillment_order (
    fulfillment_order_id, order_id, location_id, reservation_id, channel_id, customer_reference, language_code, method, state,
    delivery_address, promise_time, open_time, version, event_sequence, due_time, pickup_location_id)
  SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::bytea[], $11::timestamptz[], $12::timestamptz[], $13::bigint[], $14::bigint[], $22::timestamptz[], $23::text[]) AS o(fulfillment_order_id)
  ORDER BY o.fulfillment_order_id
  ON CONFLICT (fulfillment_order_id) DO NOTHING
  RETURNING fulfillment_order_id
), lines AS (
  INSERT INTO fulfillment_line (fulfillment_order_id, line_number, sku, name_en, name_es, quantity_units, picked_units)
  SELECT l.* FROM unnest($15::text[], $16::integer[], $17::text[], $18::text[], $19::text[], $20::integer[], $21::integer[])
    AS l(fulfillment_order_id, line_number, sku, name_en, name_es, quantity_units, picked_units)
  WHERE l.fulfillment_order_id IN (SELECT fulfillment_order_id FROM opened)
)
SELECT fulfillment_order_id FROM opened

-- name: update_orders
-- Where fulfillment orders stand now; the caller holds their locks.
UPDATE fulfillment_order o SET
  state = n.state, carrier = n.carrier, tracking_number = n.tracking_number, parcel_count = n.parcel_count,
  collect_until_time = n.collect_until_time, pickup_code = n.pickup_code, code_wrong_tries = n.code_wrong_tries,
  version = n.version, event_sequence = n.event_sequence, picker = n.picker
FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::timestamptz[], $7::text[], $8::smallint[], $9::bigint[], $10::bigint[],
  $11::text[])
  AS n(fulfillment_order_id, state, carrier, tracking_number, parcel_count, collect_until_time, pickup_code, code_wrong_tries, version,
    event_sequence, picker)
WHERE o.fulfillment_order_id = n.fulfillment_order_id

-- name: update_lines
-- The counters of lines; the caller holds the locks of their fulfillment orders. Lines that did not change are left alone.
UPDATE fulfillment_line l SET
  picked_units = n.picked_units, short_units = n.short_units, cancelled_units = n.cancelled_units, returned_units = n.returned_units,
  lost_units = n.lost_units
FROM unnest($1::text[], $2::integer[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[])
  AS n(fulfillment_order_id, line_number, picked_units, short_units, cancelled_units, returned_units, lost_units)
WHERE l.fulfillment_order_id = n.fulfillment_order_id AND l.line_number = n.line_number
  AND (l.picked_units, l.short_units, l.cancelled_units, l.returned_units, l.lost_units)
      IS DISTINCT FROM (n.picked_units, n.short_units, n.cancelled_units, n.returned_units, n.lost_units)

-- name: insert_returns
-- The record of goods that came back.
INSERT INTO goods_return (
  return_id, fulfillment_order_id, line_number, disposition, quantity_units, receiving_location_id, reason, actor, return_time)
SELECT * FROM unnest(
  $1::text[], $2::text[], $3::integer[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::text[], $9::timestamptz[])

-- name: returns_of_order
-- A page of what came back of an order (or only of one return of it), behind a key (return, fulfillment order, line, disposition).
SELECT r.*, f.order_id, l.sku
FROM fulfillment_order f JOIN goods_return r USING (fulfillment_order_id) JOIN fulfillment_line l USING (fulfillment_order_id, line_number)
WHERE f.order_id = $1 AND ($2::text = '' OR r.return_id = $2)
  AND (r.return_id, r.fulfillment_order_id, r.line_number, r.disposition) > ($3, $4, $5, $6)
ORDER BY r.return_id, r.fulfillment_order_id, r.line_number, r.disposition LIMIT $7

-- name: one_return
-- The same of one return, whatever its order ($1 is empty).
SELECT r.*, f.order_id, l.sku
FROM goods_return r JOIN fulfillment_order f USING (fulfillment_order_id) JOIN fulfillment_line l USING (fulfillment_order_id, line_number)
WHERE $1::text = '' AND r.return_id = $2
  AND (r.return_id, r.fulfillment_order_id, r.line_number, r.disposition) > ($3, $4, $5, $6)
ORDER BY r.return_id, r.fulfillment_order_id, r.line_number, r.disposition LIMIT $7

-- name: steps_of_order
-- A page of the events of an order's fulfillment orders, behind one of them (by fulfillment order and sequence).
SELECT e.aggregate_id, e.sequence, e.type, e.payload
FROM fulfillment_order f JOIN outbox e ON e.aggregate_type = 'fulfillment_order' AND e.aggregate_id = f.fulfillment_order_id
WHERE f.order_id = $1 AND (e.aggregate_id, e.sequence) > ($2, $3)
ORDER BY e.aggregate_id, e.sequence LIMIT $4

-- name: insert_incident
-- What a store tells operations.
INSERT INTO incident (
  incident_id, kind, category, state, description, wish, location_id, order_id, fulfillment_order_id, sku, reporter, report_time, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)

-- name: incident_by_id
-- One incident, not locked.
SELECT * FROM incident WHERE incident_id = $1

-- name: lock_incident
-- One incident, locked; no other row is locked with it.
SELECT * FROM incident WHERE incident_id = $1 FOR UPDATE

-- name: update_incident
-- Where an incident stands now; the caller holds its lock.
UPDATE incident SET state = $2, answer = $3, answerer = $4, answer_time = $5, close_time = $6, version = $7 WHERE incident_id = $1

-- name: incidents_of_location
-- A page of a location's incidents before an id ('' is none), newest first.
SELECT * FROM incident
WHERE location_id = $1 AND state = ANY($2::text[]) AND ($3 = '' OR kind = $3) AND ($4 = '' OR incident_id < $4)
ORDER BY incident_id DESC LIMIT $5

-- name: incidents_of_order
-- A page of what was told about an order, by one location ('' is any), before an id ('' is none), newest first.
SELECT * FROM incident
WHERE order_id = $1 AND order_id <> '' AND ($2 = '' OR location_id = $2) AND state = ANY($3::text[]) AND ($4 = '' OR kind = $4)
    AND ($5 = '' OR incident_id < $5)
ORDER BY incident_id DESC LIMIT $6

-- name: waiting_incidents
-- The same over all locations for those that are not closed; the literal state lets it use the small index.
SELECT * FROM incident
WHERE state <> 'CLOSED' AND state = ANY($1::text[]) AND ($2 = '' OR kind = $2) AND ($3 = '' OR incident_id < $3)
ORDER BY incident_id DESC LIMIT $4

-- name: all_incidents
-- The same over every state.
SELECT * FROM incident
WHERE state = ANY($1::text[]) AND ($2 = '' OR kind = $2) AND ($3 = '' OR incident_id < $3)
ORDER BY incident_id DESC LIMIT $4

-- name: note_hold
-- Whether an order is on hold, as told last; gives a row when that is news.
INSERT INTO order_hold AS h (order_id, held, reason, actor, hold_time, sequence) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (order_id) DO UPDATE SET held = excluded.held, reason = excluded.reason, actor = excluded.actor, hold_time = excluded.hold_time,
  sequence = excluded.sequence
WHERE h.sequence < excluded.sequence
RETURNING order_id

-- name: show_hold
-- Work that looks different now; the time to collect goes on by as long as it stood still ($2).
UPDATE fulfillment_order SET version = version + 1, collect_until_time = collect_until_time + $2::interval
WHERE order_id = $1 AND state IN ('OPEN', 'PICKING', 'PICKED', 'PACKED', 'READY', 'IN_TRANSIT', 'ARRIVED')
