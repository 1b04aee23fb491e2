-- Orders on hold, units moved by an operator or because their location stopped, and orders found by what is in them. The release before goes on
-- unhindered: it neither reads nor writes what is new here, and its orders are not on hold.

ALTER TABLE customer_order
    ADD COLUMN on_hold boolean NOT NULL DEFAULT false,
    ADD COLUMN holds   json;                                        -- [[reason, by, since, lifted by, lifted at, reason of that], ...]; null: never held
CREATE INDEX customer_order_held ON customer_order (accept_time, order_id) WHERE on_hold;

-- Found by article and by location: from the index where few orders match, else orders by time are asked for theirs.
CREATE INDEX order_line_by_sku ON order_line (sku, order_id);
CREATE INDEX plan_part_by_location ON plan_part (location_id, order_id);

-- MOVE: others are looked for before the units are taken from where they are, so that nothing changes when there are none.
ALTER TABLE sourcing_case
    ADD COLUMN excluded text[] NOT NULL DEFAULT '{}',               -- locations that shall not serve the units, beyond those that failed
    ADD COLUMN actor    text   NOT NULL DEFAULT '',                 -- who wanted it, and why
    ADD COLUMN reason   text   NOT NULL DEFAULT '',
    DROP CONSTRAINT sourcing_case_stage_check,
    ADD CONSTRAINT sourcing_case_stage_check CHECK (stage IN ('MOVE', 'TAKE_OUT', 'SOURCE', 'DONE'));

-- Locations that serve none of the ways named (numbers of methods); what they have not picked is sourced again. No row: all is well.
CREATE TABLE stopped_location (
    location_id         text COLLATE "C" PRIMARY KEY,
    methods             smallint[]  NOT NULL,
    since               timestamptz NOT NULL,
    sequence            bigint      NOT NULL                        -- of the event that told it; an older one changes nothing
);
