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

-- name: map_spans
-- What of the newest spans since a moment the service map is made of.
SELECT kind, service, span, origin, peer, failed, duration FROM spans WHERE start >= ? ORDER BY start DESC LIMIT ?;

-- name: map_begin
-- When the last span began that the map has room for.
SELECT start FROM spans WHERE start >= ? ORDER BY start DESC LIMIT 1 OFFSET ?;
