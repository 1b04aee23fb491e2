-- Statements of insights. Those that project take turns (`gate`), so that two batches never wait for each other's rows.

-- name: gate
-- One batch is projected at a time, by any instance: they add to the same rows anyway.
SELECT pg_advisory_xact_lock(hashtextextended('insights.projection', 0))

-- name: plan
-- Parts that were planned, and what is counted with them. Of a part whose work was heard of first the promise is counted now.
WITH planned AS (
  INSERT INTO part AS p (fulfillment_order_id, order_id, channel_id, location_id, method, units, due_time, changed_time)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::integer[], $7::timestamptz[], $8::timestamptz[])
    AS n(fulfillment_order_id) ORDER BY n.fulfillment_order_id
  ON CONFLICT (fulfillment_order_id) DO UPDATE SET
    order_id = excluded.order_id, channel_id = excluded.channel_id, location_id = excluded.location_id, method = excluded.method,
    units = excluded.units, due_time = excluded.due_time, changed_time = greatest(p.changed_time, excluded.changed_time)
  RETURNING p.channel_id, p.location_id, p.method, p.due_time, p.done_time, old.units AS known_units
), counted AS (
  SELECT * FROM unnest(
    $9::timestamptz[], $10::text[], $11::text[], $12::text[], $13::smallint[], $14::text[], $15::bigint[], $16::bigint[], $17::bigint[])
    AS c(time, kind, channel_id, location_id, method, label, events, units, amount_minor)
  UNION ALL
  SELECT done_time, CASE WHEN done_time <= due_time THEN 'KEPT' ELSE 'MISSED' END, channel_id, location_id, method, '', 1, 0, 0
  FROM planned WHERE done_time IS NOT NULL AND due_time IS NOT NULL AND known_units IS NULL
), minutes AS (
  INSERT INTO tally_minute AS t
  SELECT date_trunc('minute', time, 'UTC') AS begins, kind, channel_id, location_id, method, label, sum(events), sum(units), sum(amount_minor)
  FROM counted GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
  ON CONFLICT (time, kind, channel_id, location_id, method, label) DO UPDATE SET
    events = t.events + excluded.events, units = t.units + excluded.units, amount_minor = t.amount_minor + excluded.amount_minor
)
INSERT INTO tally_hour AS t
SELECT date_trunc('hour', time, 'UTC') AS begins, kind, channel_id, location_id, method, label, sum(events), sum(units), sum(amount_minor)
FROM counted GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6
ON CONFLICT (time, kind, channel_id, location_id, method, label) DO UPDATE SET
  events = t.events + excluded.events, units = t.units + excluded.units, amount_minor = t.amount_minor + excluded.amount_minor

-- name: progress
-- What came of parts. The first time that one was done, its promise is counted, if it is known.
WITH moved AS (
  INSERT INTO part AS p (fulfillment_order_id, left_units, done_time, end_time, changed_time)
  SELECT n.fulfillment_order_id, sum(n.left_units), min(n.done_time), min(n.end_time), max(n.changed_time)
  FROM unnest($1::text[], $2::integer[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
    AS n(fulfillment_order_id, left_units, done_time, end_time, changed_time)
  GROUP BY 1 ORDER BY 1
  ON CONFLICT (fulfillment_order_id) DO UPDATE SET
    left_units = p.left_units + excluded.left_units, done_time = coalesce(p.done_time, excluded.done_time),
    end_time = coalesce(p.end_time, excluded.end_time), changed_time = greatest(p.changed_time, excluded.changed_time)
  RETURNING p.channel_id, p.location_id, p.method, p.due_time, p.done_time, old.done_time AS known_done_time
), counted AS (
  SELECT done_time AS time, CASE WHEN done_time <= due_time THEN 'KEPT' ELSE 'MISSED' END AS kind, channel_id, location_id, method
  FROM moved WHERE done_time IS NOT NULL AND due_time IS NOT NULL AND known_done_time IS NULL
), minutes AS (
  INSERT INTO tally_minute AS t
  SELECT date_trunc('minute', time, 'UTC') AS begins, kind, channel_id, location_id, method, '', count(*), 0, 0
  FROM counted GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (time, kind, channel_id, location_id, method, label) DO UPDATE SET events = t.events + excluded.events
)
INSERT INTO tally_hour AS t
SELECT date_trunc('hour', time, 'UTC') AS begins, kind, channel_id, location_id, method, '', count(*), 0, 0
FROM counted GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
ON CONFLICT (time, kind, channel_id, location_id, method, label) DO UPDATE SET events = t.events + excluded.events

-- name: channels_of
-- The channels of orders, as far as they promised anything.
SELECT DISTINCT ON (order_id) order_id, channel_id FROM part WHERE order_id = ANY($1::text[]) AND channel_id <> '' ORDER BY order_id

-- name: await_choice
-- Units that wait for their customer; a negative number no longer does.
INSERT INTO awaiting AS a (order_id, line_number, units, since_time)
SELECT order_id, line_number, sum(units), min(since_time)
FROM unnest($1::text[], $2::integer[], $3::integer[], $4::timestamptz[]) AS n(order_id, line_number, units, since_time)
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (order_id, line_number) DO UPDATE SET units = a.units + excluded.units

-- name: end_wait
-- Units that wait no more; a line of which none waits is forgotten.
MERGE INTO awaiting AS a
USING (SELECT order_id, line_number, sum(units) AS units FROM unnest($1::text[], $2::integer[], $3::integer[]) AS n(order_id, line_number, units) GROUP BY 1, 2) AS n
ON a.order_id = n.order_id AND a.line_number = n.line_number
WHEN MATCHED AND a.units <= n.units THEN DELETE
WHEN MATCHED THEN UPDATE SET units = a.units - n.units

-- name: awaiting_orders
-- How many orders wait for their customer's choice.
SELECT count(DISTINCT order_id) FROM awaiting

-- name: ordered_minutes
-- Orders per minute from $1 until before $2, with the way that their location's kind ($3: stores, $4: warehouses) makes of a parcel.
SELECT time, channel_id,
  CASE method WHEN 3 THEN 1 WHEN 2 THEN 2
    ELSE CASE WHEN location_id = ANY($3::text[]) THEN 3 WHEN location_id = ANY($4::text[]) THEN 4 ELSE 0 END END AS way,
  label, sum(events)::bigint AS events, sum(units)::bigint AS units, sum(amount_minor)::bigint AS amount_minor
FROM tally_minute WHERE time >= $1 AND time < $2 AND kind = 'ORDERED'
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4

-- name: day
-- Everything counted from $1 until before $2, by hour. Its whole hours (UTC) are from $5 until before $6; where
-- it begins or ends within an hour, its edges are of minutes.
WITH counted AS (
  SELECT * FROM tally_hour WHERE time >= $5 AND time < $6
  UNION ALL
  SELECT * FROM tally_minute WHERE time >= $1 AND time < $5
  UNION ALL
  SELECT * FROM tally_minute WHERE time >= $6 AND time < $2
)
SELECT kind, date_trunc('hour', time, 'UTC') AS begins, channel_id,
  CASE method WHEN 3 THEN 1 WHEN 2 THEN 2 WHEN 1 THEN
    CASE WHEN location_id = ANY($3::text[]) THEN 3 WHEN location_id = ANY($4::text[]) THEN 4 ELSE 0 END ELSE 0 END AS way,
  label, sum(events)::bigint AS events, sum(units)::bigint AS units, sum(amount_minor)::bigint AS amount_minor
FROM counted GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3, 4, 5

-- name: newest
-- When the newest minute with anything in it begins, from $1 until before $2.
SELECT max(time) FROM tally_minute WHERE time >= $1 AND time < $2

-- name: backlog
-- Work that is not done, by location, at $1.
SELECT location_id, count(*) AS open, count(*) FILTER (WHERE due_time < $1) AS late, min(due_time) AS oldest_due_time,
  sum(units - left_units)::bigint AS units, 0::bigint AS ready
FROM part WHERE is_open GROUP BY location_id
UNION ALL
SELECT location_id, 0, 0, NULL, 0, count(*) FROM part
WHERE done_time IS NOT NULL AND end_time IS NULL AND location_id <> '' GROUP BY location_id

-- name: overdue
-- Promises that are past their due time and not done, by channel, at $1.
SELECT channel_id, count(*) AS overdue FROM part WHERE is_open AND due_time < $1 GROUP BY channel_id

-- name: profile
-- What was ordered by hour of the local day ($4: zone) on given local days ($3), from $1 until before $2.
SELECT channel_id, label, ((time AT TIME ZONE $4)::date)::text AS day, extract(hour FROM time AT TIME ZONE $4)::integer AS hour,
  sum(events)::bigint AS events, sum(units)::bigint AS units, sum(amount_minor)::bigint AS amount_minor
FROM tally_hour
WHERE time >= $1 AND time < $2 AND kind = 'ORDERED' AND ((time AT TIME ZONE $4)::date)::text = ANY($3::text[])
GROUP BY 1, 2, 3, 4

-- name: recently
-- What was counted since $1, by kind and label.
SELECT kind, label, sum(events)::bigint AS events, sum(units)::bigint AS units, min(time) AS first_time
FROM tally_minute WHERE time >= $1 AND kind IN ('ORDERED', 'REFUSED', 'DISPLACED') GROUP BY 1, 2

-- name: goals
-- Goals after (channel, measure), the pool's first.
SELECT channel_id, measure, target, currency_code FROM goal
WHERE (channel_id, measure) > ($1, $2) AND ($3 = '' OR channel_id = $3) ORDER BY channel_id, measure LIMIT $4

-- name: set_goals
-- Goals in place of those of the same channel and measure.
INSERT INTO goal (channel_id, measure, target, currency_code, set_time, set_by)
SELECT n.*, $5, $6 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS n ORDER BY 1, 2
ON CONFLICT (channel_id, measure) DO UPDATE SET
  target = excluded.target, currency_code = excluded.currency_code, set_time = excluded.set_time, set_by = excluded.set_by

-- name: end_goals
-- These goals stand no more.
DELETE FROM goal g USING unnest($1::text[], $2::text[]) AS n(channel_id, measure)
WHERE g.channel_id = n.channel_id AND g.measure = n.measure

-- name: alarms
-- What needs a person, worst first, then oldest first.
SELECT alarm_id, kind, severity, since_time, facts, link FROM alarm ORDER BY severity DESC, since_time, alarm_id

-- name: raise_alarms
-- Alarms as they stand; one that stood before keeps the time since when.
INSERT INTO alarm AS a (alarm_id, kind, severity, since_time, facts, link)
SELECT n.* FROM unnest($1::text[], $2::text[], $3::smallint[], $4::timestamptz[], $5::jsonb[], $6::text[]) AS n ORDER BY 1
ON CONFLICT (alarm_id) DO UPDATE SET severity = excluded.severity, facts = excluded.facts, link = excluded.link
WHERE (a.severity, a.facts, a.link) IS DISTINCT FROM (excluded.severity, excluded.facts, excluded.link)

-- name: settle_alarms
-- Those that are not among the standing ones are over.
DELETE FROM alarm WHERE alarm_id <> ALL($1::text[])

-- name: prune_minutes
-- A chunk of minutes before $1.
DELETE FROM tally_minute WHERE ctid = ANY(ARRAY(SELECT ctid FROM tally_minute WHERE time < $1 LIMIT $2))

-- name: prune_hours
-- A chunk of hours before $1.
DELETE FROM tally_hour WHERE ctid = ANY(ARRAY(SELECT ctid FROM tally_hour WHERE time < $1 LIMIT $2))

-- name: prune_parts
-- A chunk of parts that ended, or that orders never told of, and did not change since $1.
DELETE FROM part WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM part WHERE changed_time < $1 AND (units IS NULL OR end_time IS NOT NULL OR left_units >= units) LIMIT $2))
