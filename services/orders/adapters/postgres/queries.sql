-- name: accept_orders
-- A group of accepted orders with everything that belongs to them, in one statement.
WITH accepted AS (
  INSERT INTO customer_order (order_id, channel_id, customer_id, customer_reference, language_code, state, currency_code, total_minor,
    tax_minor, discount_minor, delivery_address, location_id, accept_time, promise_time, trace_id, payment_id, authorization_key,
    authorized_minor, attempts, version, event_sequence, reserved_until, customer_promise)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::text[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::json[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::text[], $16::text[], $17::text[],
    $18::bigint[], $19::int[], $20::bigint[], $21::bigint[], $22::timestamptz[], $71::text[])
), lines AS (
  INSERT INTO order_line (order_id, line_number, sku, name_en, name_es, quantity_units, method, pickup_location_id, unit_price_minor,
    discount_minor, tax_minor, total_minor, captured_minor)
  SELECT * FROM unnest($23::text[], $24::int[], $25::text[], $26::text[], $27::text[], $28::int[], $29::smallint[], $30::text[],
    $31::bigint[], $32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[])
), groups AS (
  INSERT INTO unit_group (order_id, line_number, state, location_id, fulfillment_order_id, quantity_units)
  SELECT * FROM unnest($36::text[], $37::int[], $38::smallint[], $39::text[], $40::text[], $41::int[])
), parts AS (
  INSERT INTO plan_part (order_id, fulfillment_order_id, location_id, method, reservation_id, lines, promise_time, attempt, work,
    work_until, due_time, pickup_location_id)
  SELECT * FROM unnest($42::text[], $43::text[], $44::text[], $45::smallint[], $46::text[], $47::json[], $48::timestamptz[], $49::int[],
    $50::json[], $51::date[], $52::timestamptz[], $53::text[])
), messages AS (
  INSERT INTO customer_message (order_id, number, kind, text, time)
  SELECT * FROM unnest($54::text[], $55::int[], $56::text[], $57::text[], $58::timestamptz[])
), decisions AS (
  INSERT INTO sourcing_decision (order_id, attempt, time, trigger, record, cost)
  SELECT * FROM unnest($59::text[], $60::int[], $61::timestamptz[], $62::text[], $63::json[], $64::bigint[])
)
INSERT INTO payment_task (order_id, task_id, kind, authorization_key, amount_minor, currency_code)
SELECT * FROM unnest($65::text[], $66::text[], $67::text[], $68::text[], $69::bigint[], $70::text[]);

-- name: lock_orders
-- Orders to be changed, locked in order of id: every change of an order takes this lock first.
SELECT * FROM customer_order WHERE order_id = ANY($1::text[]) ORDER BY order_id FOR UPDATE;

-- name: read_orders
-- Orders as they are.
SELECT * FROM customer_order WHERE order_id = ANY($1::text[]);

-- name: read_lines
-- Their lines.
SELECT * FROM order_line WHERE order_id = ANY($1::text[]) ORDER BY order_id, line_number;

-- name: read_units
-- Where the units of their lines stand.
SELECT * FROM unit_group WHERE order_id = ANY($1::text[]) ORDER BY order_id, line_number, state, location_id, fulfillment_order_id;

-- name: read_parts
-- Their plans, oldest part first, with the supplies that parts wait for.
SELECT * FROM plan_part LEFT JOIN part_supply USING (order_id, fulfillment_order_id)
WHERE order_id = ANY($1::text[]) ORDER BY order_id, attempt, fulfillment_order_id;

-- name: read_messages
-- What their customers were told.
SELECT * FROM customer_message WHERE order_id = ANY($1::text[]) ORDER BY order_id, number;

-- name: update_orders
-- What a change may touch of the orders themselves.
UPDATE customer_order o SET state = u.state, delivery_address = u.delivery_address, promise_time = u.promise_time,
  captured_minor = u.captured_minor, voided_minor = u.voided_minor, refunded_minor = u.refunded_minor, attempts = u.attempts,
  failed_locations = coalesce(string_to_array(nullif(u.failed_locations, ''), ','), '{}'), version = u.version, event_sequence = u.event_sequence,
  on_hold = u.on_hold, holds = u.holds
FROM (SELECT * FROM unnest($1::text[], $2::smallint[], $3::json[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::bigint[], $8::int[],
  $9::text[], $10::bigint[], $11::bigint[], $12::boolean[], $13::json[]) AS u(order_id, state, delivery_address, promise_time, captured_minor,
  voided_minor, refunded_minor, attempts, failed_locations, version, event_sequence, on_hold, holds)) u
WHERE o.order_id = u.order_id;

-- name: update_lines
-- Settled money, and the method where the customer chose another.
UPDATE order_line l SET method = u.method, pickup_location_id = u.pickup_location_id, captured_minor = u.captured_minor,
  voided_minor = u.voided_minor, refunded_minor = u.refunded_minor
FROM unnest($1::text[], $2::int[], $3::smallint[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
  AS u(order_id, line_number, method, pickup_location_id, captured_minor, voided_minor, refunded_minor)
WHERE l.order_id = u.order_id AND l.line_number = u.line_number;

-- name: delete_units
-- Groups that nobody is in any more.
DELETE FROM unit_group g USING unnest($1::text[], $2::int[], $3::smallint[], $4::text[], $5::text[])
  AS u(order_id, line_number, state, location_id, fulfillment_order_id)
WHERE (g.order_id, g.line_number, g.state, g.location_id, g.fulfillment_order_id)
  = (u.order_id, u.line_number, u.state, u.location_id, u.fulfillment_order_id);

-- name: upsert_units
-- Groups that are new or have another number of units.
INSERT INTO unit_group (order_id, line_number, state, location_id, fulfillment_order_id, quantity_units)
SELECT * FROM unnest($1::text[], $2::int[], $3::smallint[], $4::text[], $5::text[], $6::int[])
ON CONFLICT (order_id, line_number, state, location_id, fulfillment_order_id) DO UPDATE SET quantity_units = excluded.quantity_units;

-- name: insert_parts
-- New parts of plans.
INSERT INTO plan_part (order_id, fulfillment_order_id, location_id, method, reservation_id, lines, promise_time, attempt, delivery_address,
  work, work_until, due_time, pickup_location_id)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::json[], $7::timestamptz[], $8::int[], $9::json[],
  $10::json[], $11::date[], $12::timestamptz[], $13::text[]);

-- name: insert_part_supplies
-- What new parts wait for.
INSERT INTO part_supply (order_id, fulfillment_order_id, supply_id, expected_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]);

-- name: move_part_supplies
-- Parts whose supply is expected at another time, with their new promises.
WITH moved AS (
  SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
    AS u (order_id, fulfillment_order_id, expected_at, promise_time, due_time)
), promised AS (
  UPDATE plan_part p SET promise_time = m.promise_time, due_time = m.due_time FROM moved m
  WHERE p.order_id = m.order_id AND p.fulfillment_order_id = m.fulfillment_order_id
)
UPDATE part_supply s SET expected_at = m.expected_at FROM moved m
WHERE s.order_id = m.order_id AND s.fulfillment_order_id = m.fulfillment_order_id;

-- name: insert_messages
-- New messages to customers.
INSERT INTO customer_message (order_id, number, kind, text, time)
SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::timestamptz[]);

-- name: insert_decision
-- One more decision about an order.
INSERT INTO sourcing_decision (order_id, attempt, time, trigger, record, cost) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (order_id, attempt) DO UPDATE SET time = excluded.time, trigger = excluded.trigger, record = excluded.record, cost = excluded.cost;

-- name: read_decisions
-- All decisions about an order, oldest first, with the locations and rules they were made with.
SELECT d.attempt, d.time, d.trigger, d.record::text AS record, d.cost, l.content::text AS locations, r.content::text AS rules
FROM sourcing_decision d
LEFT JOIN sourcing_basis l ON l.version = d.record ->> 'locations'
LEFT JOIN sourcing_basis r ON r.version = d.record ->> 'rules'
WHERE d.order_id = $1 ORDER BY d.attempt;

-- name: read_records
-- What decisions about an order were made from, oldest first.
SELECT record::text AS record FROM sourcing_decision WHERE order_id = $1 ORDER BY attempt;

-- name: save_basis
-- Locations or rules under the hash of their content.
INSERT INTO sourcing_basis (version, content) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: insert_payment_tasks
-- Money that the provider has to move.
INSERT INTO payment_task (order_id, task_id, kind, authorization_key, amount_minor, currency_code)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
ON CONFLICT DO NOTHING;

-- name: note_intents
-- Money about to be authorised; an order's intent that stands keeps its key, so that a retry authorises the same again, and is renewed.
INSERT INTO authorization_intent AS i (order_id, authorization_key, amount_minor, currency_code, void_at)
SELECT u.*, now() + $5::interval FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS u ORDER BY 1
ON CONFLICT (order_id) DO UPDATE SET void_at = excluded.void_at
RETURNING i.order_id, i.authorization_key, i.void_at;

-- name: drop_intents
-- Their orders are being accepted.
DELETE FROM authorization_intent WHERE order_id = ANY($1::text[]);

-- name: void_intents
-- These orders will not be accepted with what was authorised: it is voided.
WITH gone AS (DELETE FROM authorization_intent WHERE order_id = ANY($1::text[]) RETURNING *)
INSERT INTO payment_task (order_id, task_id, kind, authorization_key, amount_minor, currency_code)
SELECT order_id, 'void_' || authorization_key, 'VOID_AUTHORIZATION', authorization_key, amount_minor, currency_code FROM gone
ON CONFLICT DO NOTHING;

-- name: expired_intents
-- Some orders that were not accepted in time.
SELECT order_id FROM authorization_intent WHERE void_at <= now() ORDER BY void_at LIMIT $1 FOR UPDATE SKIP LOCKED;

-- name: claim_payment_tasks
-- Due tasks, set aside for a while; of an order only the oldest, so that money moves in the order of its causes.
-- The trace is that of the order's acceptance, as long as the outbox has it.
UPDATE payment_task t SET run_at = now() + $2::interval, tries = t.tries + 1
FROM (
  SELECT order_id, task_id FROM payment_task d
  WHERE d.state = 'DUE' AND d.run_at <= now() AND NOT EXISTS (
    SELECT FROM payment_task e WHERE e.order_id = d.order_id AND e.task_id < d.task_id AND e.state = 'DUE')
  ORDER BY d.run_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
WHERE t.order_id = due.order_id AND t.task_id = due.task_id
RETURNING t.order_id, t.task_id, t.kind, t.authorization_key, t.amount_minor, t.currency_code, t.tries,
  (SELECT e.traceparent FROM outbox e WHERE e.aggregate_type = 'order' AND e.aggregate_id = t.order_id AND e.sequence = 1) AS traceparent;

-- name: finish_payment_tasks
-- Tasks that are done; gives those that were not done before.
UPDATE payment_task t SET state = 'DONE', note = '' FROM unnest($1::text[], $2::text[]) AS u(order_id, task_id)
WHERE t.order_id = u.order_id AND t.task_id = u.task_id AND t.state = 'DUE' RETURNING t.task_id;

-- name: postpone_payment_task
-- A task that failed waits.
UPDATE payment_task SET run_at = now() + $3::interval, note = $4 WHERE order_id = $1 AND task_id = $2 AND state = 'DUE';

-- name: insert_cases
-- Units that need another location.
INSERT INTO sourcing_case (order_id, case_id, trigger, stage, units, attempt)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::json[], $6::int[]) ON CONFLICT DO NOTHING;

-- name: insert_move
-- Units that somebody wants others to serve; whoever opened it has a while to work on it.
INSERT INTO sourcing_case (order_id, case_id, trigger, stage, units, attempt, excluded, actor, reason, run_at)
VALUES ($1, $2, $3, $4, $5, $6, $7::text[], $8, $9, now() + $10::interval) ON CONFLICT DO NOTHING;

-- name: drop_case
-- A move that was refused: all is as it was.
DELETE FROM sourcing_case WHERE order_id = $1 AND case_id = $2;

-- name: claim_cases
-- Due cases, set aside for a while, with the trace of their orders as far as the outbox still has it; those of orders on hold wait.
UPDATE sourcing_case c SET run_at = now() + $2::interval FROM (
  SELECT d.order_id, d.case_id FROM sourcing_case d WHERE d.stage <> 'DONE' AND d.run_at <= now()
    AND NOT EXISTS (SELECT FROM customer_order o WHERE o.order_id = d.order_id AND o.on_hold)
  ORDER BY d.run_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED) due
WHERE c.order_id = due.order_id AND c.case_id = due.case_id
RETURNING c.order_id, c.case_id, c.trigger, c.stage, c.units::text AS units, c.attempt, c.tries, c.created_at, c.excluded, c.actor, c.reason,
  (SELECT e.traceparent FROM outbox e WHERE e.aggregate_type = 'order' AND e.aggregate_id = c.order_id AND e.sequence = 1) AS traceparent;

-- name: lock_case
-- One case, after its order is locked.
SELECT order_id, case_id, trigger, stage, units::text AS units, attempt, tries, created_at, excluded, actor, reason
FROM sourcing_case WHERE order_id = $1 AND case_id = $2 FOR UPDATE;

-- name: move_case
-- A case goes on, or ends.
UPDATE sourcing_case SET stage = $3, attempt = $4, tries = $5, run_at = now() + $6::interval, note = $7, units = $8
WHERE order_id = $1 AND case_id = $2;

-- name: postpone_case
-- A case that failed waits; its order may be what cannot be read, so nothing else is touched.
UPDATE sourcing_case SET run_at = now() + $3::interval, note = $4 WHERE order_id = $1 AND case_id = $2 AND stage <> 'DONE';

-- name: insert_cancellation
-- A cancellation before fulfillment is asked.
INSERT INTO cancellation (order_id, cancellation_id, units) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING;

-- name: lock_cancellation
-- A cancellation, after its order is locked.
SELECT units::text AS units, state FROM cancellation WHERE order_id = $1 AND cancellation_id = $2 FOR UPDATE;

-- name: finish_cancellation
-- A cancellation that took effect.
UPDATE cancellation SET state = 'DONE' WHERE order_id = $1 AND cancellation_id = $2;

-- name: drop_cancellation
-- A cancellation that fulfillment refused.
DELETE FROM cancellation WHERE order_id = $1 AND cancellation_id = $2 AND state = 'OPEN';

-- name: record_operations
-- What the test provider is asked to do, once per key.
INSERT INTO test_provider_operation (idempotency_key, authorization_key, kind, amount_minor, currency_code)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[]) ORDER BY 1 ON CONFLICT DO NOTHING;

-- name: audit_orders
-- The next orders after a place in the order of acceptance: how many, the last one's place, and those whose units or money do not add up. Each is
-- looked into by itself, by its keys.
WITH next AS MATERIALIZED (
  SELECT order_id, accept_time, total_minor FROM customer_order
  WHERE (accept_time, order_id) > ($1, $2) ORDER BY accept_time, order_id LIMIT $3
)
SELECT count(*) AS orders, max(n.accept_time) AS accept_time,
  (array_agg(n.order_id ORDER BY n.accept_time DESC, n.order_id DESC))[1] AS order_id,
  coalesce(array_agg(n.order_id) FILTER (WHERE n.total_minor <> l.total_minor OR l.differ), '{}') AS differing
FROM next n CROSS JOIN LATERAL (
  SELECT coalesce(sum(o.total_minor), 0) AS total_minor, coalesce(bool_or(o.quantity_units <>
    (SELECT coalesce(sum(g.quantity_units), 0) FROM unit_group g WHERE g.order_id = o.order_id AND g.line_number = o.line_number)), false) AS differ
  FROM order_line o WHERE o.order_id = n.order_id) l;

-- name: take_capacity
-- Units of work that locations take on, by local day; a day that would be overfull refuses the whole (capacity_left). Rows in their one order.
INSERT INTO location_work AS w (location_id, day, capacity_units, taken_units)
SELECT * FROM unnest($1::text[], $2::date[], $3::int[], $4::int[]) AS n (location_id, day, capacity_units, units) ORDER BY location_id, day
ON CONFLICT (location_id, day) DO UPDATE SET capacity_units = excluded.capacity_units, taken_units = w.taken_units + excluded.taken_units,
  changed_at = clock_timestamp();

-- name: free_capacity
-- Units that will not be worked on. A day that is no longer kept is left alone.
UPDATE location_work w SET taken_units = w.taken_units - n.units, changed_at = clock_timestamp()
FROM (SELECT w.location_id, w.day, n.units FROM unnest($1::text[], $2::date[], $3::int[]) AS n (location_id, day, units)
  JOIN location_work w USING (location_id, day) ORDER BY w.location_id, w.day FOR UPDATE OF w) n
WHERE w.location_id = n.location_id AND w.day = n.day;

-- name: read_capacity
-- What is taken of days from yesterday on, as far as it changed since a time.
SELECT location_id, day, taken_units FROM location_work WHERE day >= current_date - 1 AND changed_at >= $1;

-- name: forget_capacity
-- Days that nobody asks for any more.
DELETE FROM location_work WHERE day < current_date - 30;

-- name: done_parts
-- When locations had done their shares.
UPDATE plan_part p SET done_time = u.done_time FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS u (order_id, fulfillment_order_id, done_time)
WHERE p.order_id = u.order_id AND p.fulfillment_order_id = u.fulfillment_order_id;

-- name: count_capacity_differences
-- Days from yesterday on whose counter is not what the units of parts take that were not cancelled (state 8) and did not go elsewhere. Of a part
-- that lost units, the last days are free first.
WITH part AS (
  SELECT p.order_id, p.fulfillment_order_id, p.location_id, p.work, (
    SELECT coalesce(sum(g.quantity_units), 0) FROM unit_group g
    WHERE g.order_id = p.order_id AND g.fulfillment_order_id = p.fulfillment_order_id AND g.state <> 8) AS open_units
  FROM plan_part p WHERE p.work_until >= current_date - 1
), day AS (
  SELECT location_id, (w.day->>0)::date AS day, (w.day->>1)::int AS units,
    open_units - (sum((w.day->>1)::int) OVER (PARTITION BY order_id, fulfillment_order_id ORDER BY w.number) - (w.day->>1)::int) AS open_units
  FROM part, json_array_elements(part.work) WITH ORDINALITY AS w (day, number)
), expected AS (
  SELECT location_id, day, sum(greatest(0, least(units, open_units))) AS units FROM day WHERE day >= current_date - 1 GROUP BY location_id, day
)
SELECT count(*) FROM expected e FULL JOIN (SELECT * FROM location_work WHERE day >= current_date - 1) w USING (location_id, day)
WHERE coalesce(e.units, 0) <> coalesce(w.taken_units, 0);

-- name: count_waiting
-- Work that waits: cases and payment tasks, and how long the oldest of each has been due, in seconds.
SELECT (SELECT count(*) FROM sourcing_case WHERE stage <> 'DONE') AS cases,
  (SELECT count(*) FROM payment_task WHERE state = 'DUE') AS payments;

-- name: note_location
-- What was told of a location last, whatever comes again or late.
INSERT INTO stopped_location AS s (location_id, methods, since, sequence) VALUES ($1, $2::smallint[], $3, $4)
ON CONFLICT (location_id) DO UPDATE SET methods = excluded.methods, since = excluded.since, sequence = excluded.sequence
WHERE s.sequence < excluded.sequence;

-- name: unpicked_at_stopped
-- Parts at stopped locations of which nobody has picked all (state 1) and which nobody sources again yet; at_store: such as others are to send to a
-- stopped store, promised for later than $2 ago. Asked every second: from the few locations that are stopped, each looked into by itself, and never
-- from all that is open.
SELECT f.order_id, f.fulfillment_order_id, bool_and(f.at_store) AS at_store
FROM (SELECT location_id, methods FROM stopped_location WHERE methods <> '{}' OFFSET 0) s
CROSS JOIN LATERAL (
  (SELECT DISTINCT g.order_id, g.fulfillment_order_id, false AS at_store
  FROM (SELECT order_id, fulfillment_order_id FROM unit_group WHERE location_id = s.location_id AND state = 1 OFFSET 0) g
  WHERE (SELECT p.method FROM plan_part p WHERE p.order_id = g.order_id AND p.fulfillment_order_id = g.fulfillment_order_id) = ANY(s.methods)
    AND NOT EXISTS (SELECT FROM customer_order o WHERE o.order_id = g.order_id AND o.on_hold)
    AND NOT EXISTS (SELECT FROM sourcing_case c WHERE c.order_id = g.order_id AND c.stage <> 'DONE'
      AND c.units -> 0 ->> 2 = g.fulfillment_order_id)
  ORDER BY 1, 2 LIMIT $1)
  UNION ALL
  (SELECT p.order_id, p.fulfillment_order_id, true
  FROM (SELECT order_id, fulfillment_order_id, location_id, method FROM plan_part
    WHERE pickup_location_id = s.location_id AND pickup_location_id <> '' AND promise_time > now() - $2::interval OFFSET 0) p
  WHERE p.method = ANY(s.methods)
    AND EXISTS (SELECT FROM unit_group g WHERE g.order_id = p.order_id AND g.location_id = p.location_id AND g.state = 1
      AND g.fulfillment_order_id = p.fulfillment_order_id)
    AND NOT EXISTS (SELECT FROM customer_order o WHERE o.order_id = p.order_id AND o.on_hold)
    AND NOT EXISTS (SELECT FROM sourcing_case c WHERE c.order_id = p.order_id AND c.stage <> 'DONE'
      AND c.units -> 0 ->> 2 = p.fulfillment_order_id)
  ORDER BY 1, 2 LIMIT $1)) f
GROUP BY 1, 2 ORDER BY 1, 2 LIMIT $1;
