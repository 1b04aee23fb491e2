-- When a location works and how much of it: what dates are promised by. The release before goes on unhindered: it writes none of these, and their
-- defaults are what it did.

ALTER TABLE location
    ADD COLUMN holidays             jsonb      NOT NULL DEFAULT '[]',       -- [[date, [[open_minute, close_minute], …]], …]
    ADD COLUMN ship_cut_off_minute  integer    CHECK (ship_cut_off_minute BETWEEN 1 AND 1440),
    ADD COLUMN preparation_minutes  integer    CHECK (preparation_minutes BETWEEN 0 AND 10080),
    ADD COLUMN daily_capacity_units integer    NOT NULL DEFAULT 0 CHECK (daily_capacity_units >= 0),
    ADD COLUMN handover_days        smallint[] NOT NULL DEFAULT '{}';
