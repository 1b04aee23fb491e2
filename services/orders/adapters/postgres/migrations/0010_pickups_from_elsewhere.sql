-- Pickups whose goods another location sends to the store. The release before plans none of them.
ALTER TABLE plan_part ADD COLUMN pickup_location_id text NOT NULL DEFAULT '';   -- the store that they are sent to; empty otherwise
-- Units may be in transit (10), or waited for (11). NOT VALID: what stands there obeyed the narrower rule.
ALTER TABLE unit_group DROP CONSTRAINT unit_group_state_check,
    ADD CONSTRAINT unit_group_state_check CHECK (state BETWEEN 1 AND 11) NOT VALID;
