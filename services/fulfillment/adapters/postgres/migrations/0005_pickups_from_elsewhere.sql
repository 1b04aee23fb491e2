-- Pickups whose goods another location sends to the store. The release before opens none of them, and goes on with its own.

-- Empty where a pickup's goods are in the store itself; the default costs no rewriting.
ALTER TABLE fulfillment_order ADD COLUMN pickup_location_id text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE fulfillment_line
    ADD COLUMN lost_units integer NOT NULL DEFAULT 0 CHECK (lost_units >= 0),
    ADD CHECK (returned_units + lost_units <= picked_units) NOT VALID;

-- The new states, and parcels that are no customer's. NOT VALID: what stands there obeyed the narrower rules.
ALTER TABLE fulfillment_order
    DROP CONSTRAINT fulfillment_order_state_check,
    DROP CONSTRAINT fulfillment_order_check2,
    ADD CONSTRAINT fulfillment_order_state_check CHECK (state IN (
        'OPEN', 'PICKING', 'PICKED', 'PACKED', 'SHIPPED', 'READY', 'HANDED_OVER', 'EXPIRED', 'CANCELLED', 'IN_TRANSIT', 'ARRIVED')) NOT VALID,
    ADD CONSTRAINT parcels_are_sent CHECK (state NOT IN ('PACKED', 'SHIPPED') OR method = 'SHIP' OR (state = 'PACKED' AND pickup_location_id <> '')) NOT VALID,
    ADD CONSTRAINT sent_to_a_store CHECK (state NOT IN ('IN_TRANSIT', 'ARRIVED') OR (pickup_location_id <> '' AND carrier <> '' AND tracking_number <> '')) NOT VALID,
    ADD CONSTRAINT sent_to_be_collected CHECK (pickup_location_id = '' OR method = 'PICKUP') NOT VALID;

-- What comes to a store, and its history, by promise.
CREATE INDEX fulfillment_order_to_store ON fulfillment_order (pickup_location_id, promise_time, fulfillment_order_id) WHERE pickup_location_id <> '';
