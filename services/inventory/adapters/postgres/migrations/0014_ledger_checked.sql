-- Second step: the keys of all that stands already, and checks that let the third step take a moment only. Reads and writes go on meanwhile
-- (about 5 s a million movements).
INSERT INTO movement_key (idempotency_key) SELECT idempotency_key FROM movement ON CONFLICT DO NOTHING;
ALTER TABLE movement VALIDATE CONSTRAINT movement_cause_check;
ALTER TABLE movement VALIDATE CONSTRAINT movement_is_early;
