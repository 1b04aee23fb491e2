-- The rules of sourcing as versions, the timeline of which held when, and who changed what. Few rows, read by every instance at start.

CREATE TABLE sourcing_rules (
    number           integer     PRIMARY KEY CHECK (number >= 1),           -- 0 stands for the built-in rules, which have no row
    name             text        NOT NULL,
    content          json        NOT NULL,
    rules_version    text        NOT NULL,                                  -- hash of the content; decisions name it
    revision         integer     NOT NULL CHECK (revision >= 1),
    note             text        NOT NULL,
    created_by       text        NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_by       text        NOT NULL,
    updated_at       timestamptz NOT NULL,
    activated_by     text        NOT NULL DEFAULT '',
    activated_at     timestamptz                                            -- null: a draft
);

-- From starts_at until before ends_at (null: open) the rules hold. What is dropped from the plan is deleted here; the history keeps it.
CREATE TABLE sourcing_rules_period (
    starts_at        timestamptz PRIMARY KEY,
    ends_at          timestamptz,
    number           integer     NOT NULL CHECK (number >= 0),
    CHECK (ends_at > starts_at),
    CONSTRAINT sourcing_rules_period_apart EXCLUDE USING gist (tstzrange(starts_at, ends_at) WITH &&)
);

CREATE TABLE sourcing_rules_change (
    change_number    bigint      PRIMARY KEY CHECK (change_number >= 1),
    number           integer     NOT NULL,
    kind             text        NOT NULL CHECK (kind IN ('CREATED', 'UPDATED', 'ACTIVATED', 'ROLLED_BACK')),
    actor            text        NOT NULL,
    time             timestamptz NOT NULL,
    note             text        NOT NULL,
    revision         integer     NOT NULL,
    rules_version    text        NOT NULL,
    differences      json        NOT NULL,                                  -- [[path, before, after], ...]
    starts_at        timestamptz,
    ends_at          timestamptz
);
CREATE INDEX sourcing_rules_change_by_number ON sourcing_rules_change (number, change_number);

CREATE FUNCTION sourcing_rules_change_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history of sourcing rules is only added to';
END $$;
CREATE TRIGGER sourcing_rules_change_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON sourcing_rules_change
    FOR EACH STATEMENT EXECUTE FUNCTION sourcing_rules_change_stays();
