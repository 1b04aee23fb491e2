-- How hot rows are cleaned, at any size: a share of a large table is too much to wait for (two in a hundred of ten million positions are 200,000 dead
-- rows), so vacuum comes after a number of changes. That is cheap: updates of positions are HOT, no index holds what they change, so that vacuum
-- reads the few pages that changed and leaves the indexes alone.
ALTER TABLE position SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
ALTER TABLE pool SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- A reservation that is committed leaves the index of those that may expire, and a line that is consumed the index of live ones: what they leave there
-- is in the way of whoever looks for expired ones every second, so it goes early too.
ALTER TABLE reservation SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE reservation_line SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100000, autovacuum_vacuum_cost_delay = 0);

-- Keys stand once for ever in movement_key; the months made since have no index of their own for them, and the first part needs none either.
ALTER TABLE movement_early DROP CONSTRAINT movement_early_idempotency_key_key;
