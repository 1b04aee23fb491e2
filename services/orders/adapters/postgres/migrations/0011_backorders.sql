-- Units that wait for a supply. The release before goes on unhindered as long as there are none.

-- Looser than the one before, so that rows of before need no look.
ALTER TABLE unit_group
    DROP CONSTRAINT unit_group_state_check,
    ADD CONSTRAINT unit_group_state_check CHECK (state BETWEEN 1 AND 11) NOT VALID;

-- Parts of plans whose units wait: beside the parts, so that parts of orders that wait for nothing cost what they did.
CREATE TABLE part_supply (
    order_id              text COLLATE "C" NOT NULL,
    fulfillment_order_id  text COLLATE "C" NOT NULL,
    supply_id             text        NOT NULL,
    expected_at           timestamptz NOT NULL,                     -- when the supply is expected
    PRIMARY KEY (order_id, fulfillment_order_id)
);

-- ARRIVED: goods that were waited for are reserved at the location, and its work is to begin.
ALTER TABLE sourcing_case
    DROP CONSTRAINT sourcing_case_stage_check,
    ADD CONSTRAINT sourcing_case_stage_check CHECK (stage IN ('MOVE', 'TAKE_OUT', 'SOURCE', 'ARRIVED', 'DONE'));
