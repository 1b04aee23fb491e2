-- Versions of the rules of sourcing. Who changes any holds the lock of the timeline.

-- name: lock_timeline
-- One who changes rules at a time.
SELECT pg_advisory_xact_lock(hashtextextended('orders.sourcing_rules', 0));

-- name: next_numbers
-- Numbers of the next version and the next change.
SELECT (SELECT coalesce(max(number), 0) + 1 FROM sourcing_rules) AS number,
       (SELECT coalesce(max(change_number), 0) + 1 FROM sourcing_rules_change) AS change_number;

-- name: read_versions
-- Versions by number.
SELECT number, content::text AS content, revision, note, created_by, created_at, updated_by, updated_at, activated_by, activated_at
FROM sourcing_rules WHERE number = ANY ($1::integer[]) ORDER BY number;

-- name: page_versions
-- Versions in a state, newest first.
SELECT r.number, r.content::text AS content, r.revision, r.note, r.created_by, r.created_at, r.updated_by, r.updated_at, r.activated_by, r.activated_at
FROM sourcing_rules r
CROSS JOIN LATERAL (SELECT bool_or(p.starts_at <= $4 AND (p.ends_at IS NULL OR p.ends_at > $4)) AS holds, bool_or(p.starts_at > $4) AS planned
                    FROM sourcing_rules_period p WHERE p.number = r.number) AS time
WHERE r.number < $1
  AND ($3 = '' OR $3 = CASE WHEN time.holds THEN 'ACTIVE' WHEN time.planned THEN 'PLANNED' WHEN r.activated_at IS NULL THEN 'DRAFT' ELSE 'RETIRED' END)
ORDER BY r.number DESC LIMIT $2;

-- name: save_version
-- A new or changed version.
INSERT INTO sourcing_rules (number, name, content, rules_version, revision, note, created_by, created_at, updated_by, updated_at, activated_by, activated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (number) DO UPDATE SET name = excluded.name, content = excluded.content, rules_version = excluded.rules_version,
    revision = excluded.revision, note = excluded.note, updated_by = excluded.updated_by, updated_at = excluded.updated_at,
    activated_by = excluded.activated_by, activated_at = excluded.activated_at;

-- name: read_periods
-- The timeline from a moment on, oldest first.
SELECT starts_at, ends_at, number FROM sourcing_rules_period WHERE ends_at IS NULL OR ends_at > $1 ORDER BY starts_at;

-- name: read_periods_of
-- When these versions hold, oldest first.
SELECT starts_at, ends_at, number FROM sourcing_rules_period WHERE number = ANY ($1::integer[]) ORDER BY starts_at;

-- name: drop_periods
-- Periods that are taken from the timeline, or begin anew.
DELETE FROM sourcing_rules_period WHERE starts_at = ANY ($1::timestamptz[]);

-- name: insert_periods
-- Periods of the timeline.
INSERT INTO sourcing_rules_period (starts_at, ends_at, number) SELECT * FROM unnest($1::timestamptz[], $2::timestamptz[], $3::integer[]);

-- name: insert_change
-- An entry of the history.
INSERT INTO sourcing_rules_change (change_number, number, kind, actor, time, note, revision, rules_version, differences, starts_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: page_changes
-- The history of one version or all, newest first.
SELECT change_number, number, kind, actor, time, note, revision, rules_version, differences::text AS differences, starts_at, ends_at
FROM sourcing_rules_change WHERE change_number < $1 AND ($3 = -1 OR number = $3) ORDER BY change_number DESC LIMIT $2;
