-- name: trace_by_id
-- A trace by its 16 bytes.
SELECT id, start, finish, spans, errors, logs, root_start, rooted, root_service, root_name, words
FROM traces WHERE trace = ?;

-- name: insert_trace
-- A trace that is new.
INSERT INTO traces (start, finish, spans, errors, logs, root_start, rooted, root_service, root_name, words, id, trace)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: update_trace
-- A trace that grew.
UPDATE traces SET start = ?, finish = ?, spans = ?, errors = ?, logs = ?, root_start = ?, rooted = ?,
    root_service = ?, root_name = ?, words = ?
WHERE id = ?;

-- name: insert_span
-- One span.
INSERT INTO spans (id, start, kind, service, span, origin, peer, failed, duration, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_log
-- One log.
INSERT INTO logs (id, service, data) VALUES (?, ?, ?);

-- name: insert_posting
-- A trace has a word.
INSERT OR IGNORE INTO postings (word, trace) VALUES (?, ?);

-- name: word_by_text
-- The id of a word.
SELECT id FROM words WHERE kind = ? AND text = ?;

-- name: insert_word
-- A word that is new.
INSERT INTO words (kind, text) VALUES (?, ?) RETURNING id;

-- name: totals
-- What is stored, and the greatest trace.
SELECT coalesce(sum(spans), 0), coalesce(sum(logs), 0), count(*), coalesce(max(id), 0) FROM traces;

-- name: oldest_traces
-- Those that go first, a page at a time.
SELECT id, spans, logs, words FROM traces WHERE id > ? ORDER BY id LIMIT 500;

-- name: delete_traces
-- All traces up to this one.
DELETE FROM traces WHERE id <= ?;

-- name: delete_spans
-- All spans below this id.
DELETE FROM spans WHERE id < ?;

-- name: delete_logs
-- All logs below this id.
DELETE FROM logs WHERE id < ?;

-- name: delete_postings
-- A word's traces up to this one.
DELETE FROM postings WHERE word = ? AND trace <= ?;

-- name: delete_unused_word
-- A word that no trace has any more.
DELETE FROM words WHERE id = :word AND NOT EXISTS (SELECT 1 FROM postings WHERE word = :word);

-- name: oldest_start
-- When the trace that began first began.
SELECT min(start) FROM traces WHERE spans > 0;

-- name: words_by_id
-- Kind and text of words, ids as a JSON list.
SELECT id, kind, text FROM words WHERE id IN (SELECT value FROM json_each(?));

-- name: trace_spans
-- Spans of a trace, by its range of ids.
SELECT service, data FROM spans WHERE id >= ? AND id < ? ORDER BY start, id LIMIT ?;

-- name: trace_logs
-- Logs of a trace, by its range of ids.
SELECT service, data FROM logs WHERE id >= ? AND id < ? ORDER BY id LIMIT ?;

-- name: service_nodes
-- What each service handled since a moment, with the 50th and 99th percentile by nearest rank.
WITH handled AS (
    SELECT service AS name, failed, duration FROM spans WHERE start >= :since AND kind IN (2, 5)
    UNION ALL
    SELECT peer, failed, duration FROM spans WHERE start >= :since AND peer <> 0
), ranked AS (
    SELECT name, failed, duration,
        row_number() OVER (PARTITION BY name ORDER BY duration) AS place,
        count(*) OVER (PARTITION BY name) AS calls
    FROM handled
)
SELECT words.text, max(calls), sum(failed),
    min(duration) FILTER (WHERE place >= 0.5 * calls), min(duration) FILTER (WHERE place >= 0.99 * calls)
FROM ranked JOIN words ON words.id = ranked.name
GROUP BY words.text ORDER BY words.text;

-- name: service_edges
-- Who reached whom since a moment: spans of servers and consumers beside the span they come from, where that is
-- another service's, and statements beside the database that they name. The spans they come from may have begun earlier.
WITH origins AS MATERIALIZED (
    SELECT span, service FROM spans WHERE start >= :since - 60000000000
), calls AS (
    SELECT origins.service AS source, called.service AS target, CASE called.kind WHEN 2 THEN 1 ELSE 2 END AS kind,
        called.failed, called.duration
    FROM spans AS called JOIN origins ON origins.span = called.origin
    WHERE called.start >= :since AND called.kind IN (2, 5) AND origins.service <> called.service
    UNION ALL
    SELECT service, peer, 3, failed, duration FROM spans WHERE start >= :since AND peer <> 0
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY source, target, kind ORDER BY duration) AS place,
        count(*) OVER (PARTITION BY source, target, kind) AS calls
    FROM calls
)
SELECT sources.text, targets.text, ranked.kind, max(calls), sum(failed), min(duration) FILTER (WHERE place >= 0.99 * calls)
FROM ranked JOIN words AS sources ON sources.id = source JOIN words AS targets ON targets.id = target
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
