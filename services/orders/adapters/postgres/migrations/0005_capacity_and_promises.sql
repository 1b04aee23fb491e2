-- What locations take on for each of their work days, and whether promises were kept. The release before goes on unhindered: its parts take no
-- capacity and are not measured.

-- A counter per location and local work day, of locations that state a capacity. Keyed by location: beside the orders, not among them.
CREATE TABLE location_work (
    location_id         text COLLATE "C" NOT NULL,
    day                 date        NOT NULL,
    capacity_units      integer     NOT NULL CHECK (capacity_units >= 1),
    taken_units         integer     NOT NULL CHECK (taken_units >= 0),
    changed_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (location_id, day),
    CONSTRAINT capacity_left CHECK (taken_units <= capacity_units)
) WITH (fillfactor = 50);

ALTER TABLE plan_part
    ADD COLUMN work       json,                                     -- [[local day, units], ...] that it takes; null: no capacity is stated
    ADD COLUMN work_until date,                                     -- the last of those days
    ADD COLUMN due_time   timestamptz,                              -- by when the location must have done its share for the promise to be kept
    ADD COLUMN done_time  timestamptz;                              -- when it had
CREATE INDEX plan_part_by_work ON plan_part (work_until) WHERE work_until IS NOT NULL;
