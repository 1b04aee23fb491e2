"""The statements of outbox, relay and stream watch; each is one round trip and safe to run in several
instances.
"""

from __future__ import annotations

APPEND = """
INSERT INTO outbox (id, aggregate_type, aggregate_id, sequence, type, subject, payload, occurred_at,
traceparent)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bytea[],
                     $8::timestamptz[], $9::text[])
"""

CLAIM = """
UPDATE outbox o SET claimed_until = now() + $2::interval
FROM (SELECT id FROM outbox WHERE published_at IS NULL AND claimed_until < now()
      ORDER BY claimed_until, id LIMIT $1 FOR UPDATE SKIP LOCKED) c
WHERE o.id = c.id
RETURNING o.id, o.aggregate_type, o.aggregate_id, o.sequence, o.type, o.subject, o.payload, o.occurred_at,
          o.traceparent, o.publication
"""

# The mark counts only under the epoch in which the rows were sent; a loss noticed meanwhile leaves them
# unpublished. Its transaction does not wait for the disk: a mark that a crash takes away leaves rows that are
# published once more, which the inbox of every consumer drops (ADR-0042). All else waits.
MARK = """
WITH mark AS (
  UPDATE stream_mark SET last_sequence = greatest(last_sequence, $3)
  WHERE stream = $1 AND epoch = $2 AND set_config('synchronous_commit', 'off', true) = 'off'
  RETURNING 1
), marked AS (
  UPDATE outbox o SET published_at = now(), stream_sequence = u.stream_sequence
  FROM mark, unnest($4::text[], $5::integer[], $6::bigint[]) AS u(id, publication, stream_sequence)
  WHERE o.id = u.id AND o.publication = u.publication
)
SELECT count(*) FROM mark
"""

ANY_UNPUBLISHED = "SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"

STATE = """
SELECT count(*) AS unpublished, coalesce(extract(epoch FROM now() - min(recorded_at)), 0) AS oldest_seconds,
now() AS as_of, (SELECT count(*) FROM dead_letter WHERE state = 'OPEN') AS dead_letters
FROM outbox WHERE published_at IS NULL
"""

PRUNE = """
DELETE FROM outbox WHERE id IN (
  SELECT id FROM outbox WHERE recorded_at < now() - $1::interval AND published_at IS NOT NULL
  LIMIT $2 FOR UPDATE SKIP LOCKED)
"""

READ_MARK = (
    "SELECT epoch, created_at, last_sequence, replay_above, lost_at FROM stream_mark WHERE stream = $1"
)

FIRST_MARK = """
INSERT INTO stream_mark (stream, created_at, last_sequence) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""

# Under the row lock no mark can come between; clock_timestamp() therefore lies after every mark of the old
# epoch.
LOST = """
UPDATE stream_mark SET epoch = epoch + 1, created_at = $3, last_sequence = $4, lost_at = clock_timestamp(),
  replay_above = least(replay_above, $5, coalesce(
    (SELECT min(ack_floor) FROM stream_consumer WHERE stream = $1 AND seen_at > now() - $6::interval), 0))
WHERE stream = $1 AND epoch = $2
"""

CUT_FLOORS = "UPDATE stream_consumer SET ack_floor = least(ack_floor, $2) WHERE stream = $1"

# A finished replay is only struck off when nobody noticed another loss meanwhile.
REPLAYED = "UPDATE stream_mark SET replay_above = NULL WHERE stream = $1 AND epoch = $2"

SEND_AGAIN_ABOVE = """
WITH chosen AS (
  SELECT id, stream_sequence FROM outbox
  WHERE published_at IS NOT NULL AND stream_sequence > $1 AND published_at < $2
    AND ($3::timestamptz IS NULL OR recorded_at >= $3) AND ($4::timestamptz IS NULL OR recorded_at < $4)
  ORDER BY stream_sequence LIMIT $5 FOR UPDATE
), changed AS (
  UPDATE outbox o SET published_at = NULL, claimed_until = now(), publication = publication + 1
  FROM chosen c WHERE o.id = c.id
)
SELECT count(*) AS rows, max(stream_sequence) AS last FROM chosen
"""

SEND_AGAIN_AGGREGATE = """
UPDATE outbox SET published_at = NULL, claimed_until = now(), publication = publication + 1
WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence BETWEEN $3 AND $4 AND published_at < now() -
$5::interval
"""

AGGREGATE_SUBJECTS = """
SELECT sequence, subject FROM outbox
WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence BETWEEN $3 AND $4 ORDER BY sequence LIMIT $5
"""

SAVE_FLOORS = """
INSERT INTO stream_consumer AS s (stream, consumer, ack_floor)
SELECT $1, f.consumer, f.ack_floor FROM unnest($3::text[], $4::bigint[]) AS f(consumer, ack_floor)
WHERE EXISTS (SELECT FROM stream_mark WHERE stream = $1 AND epoch = $2 FOR SHARE)
ORDER BY f.consumer
ON CONFLICT (stream, consumer) DO UPDATE SET ack_floor = greatest(s.ack_floor, excluded.ack_floor), seen_at =
now()
"""

RAISE_MARK = """
UPDATE stream_mark SET last_sequence = greatest(last_sequence, $3) WHERE stream = $1 AND epoch = $2 AND
last_sequence < $3
"""

LOWEST_FLOOR = (
    "SELECT min(ack_floor) FROM stream_consumer WHERE stream = $1 AND seen_at > now() - $2::interval"
)
