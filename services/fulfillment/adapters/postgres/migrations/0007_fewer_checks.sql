-- As in orders: a CHECK is prepared anew by every statement, so each table has one, of the rules that no single writer holds (ADR-0042). NOT VALID: what
-- stands obeyed the same rules under other names, so nothing is scanned.
ALTER TABLE fulfillment_order
    DROP CONSTRAINT fulfillment_order_check,
    DROP CONSTRAINT fulfillment_order_check1,
    DROP CONSTRAINT fulfillment_order_check3,
    DROP CONSTRAINT fulfillment_order_check4,
    DROP CONSTRAINT fulfillment_order_check5,
    DROP CONSTRAINT fulfillment_order_code_wrong_tries_check,
    DROP CONSTRAINT fulfillment_order_event_sequence_check,
    DROP CONSTRAINT fulfillment_order_method_check,
    DROP CONSTRAINT fulfillment_order_parcel_count_check,
    DROP CONSTRAINT fulfillment_order_pickup_code_check,
    DROP CONSTRAINT fulfillment_order_state_check,
    DROP CONSTRAINT fulfillment_order_version_check,
    DROP CONSTRAINT parcels_are_sent,
    DROP CONSTRAINT sent_to_a_store,
    DROP CONSTRAINT sent_to_be_collected,
    -- The code exists exactly while the goods wait: it is void after its use.
    ADD CONSTRAINT state_has_what_it_needs CHECK (
        (state = 'READY') = (pickup_code IS NOT NULL) AND (pickup_location_id = '' OR method = 'PICKUP') AND CASE
            WHEN state IN ('OPEN', 'PICKING', 'PICKED', 'CANCELLED') THEN true
            WHEN state = 'READY' THEN method = 'PICKUP' AND collect_until_time IS NOT NULL
            WHEN state = 'EXPIRED' THEN method = 'PICKUP'
            WHEN state = 'HANDED_OVER' THEN method IN ('PICKUP', 'CARRY_OUT')
            WHEN state = 'PACKED' THEN method = 'SHIP' OR pickup_location_id <> ''
            WHEN state = 'SHIPPED' THEN method = 'SHIP' AND carrier <> '' AND tracking_number <> ''
            WHEN state IN ('IN_TRANSIT', 'ARRIVED') THEN pickup_location_id <> '' AND carrier <> '' AND tracking_number <> ''
            ELSE false
        END) NOT VALID;

-- Lines are written by the statement that writes their fulfillment order, which is never deleted: asking for it once a line cost a look-up and a
-- lock each.
ALTER TABLE fulfillment_line
    DROP CONSTRAINT fulfillment_line_fulfillment_order_id_fkey,
    DROP CONSTRAINT fulfillment_line_line_number_check,
    DROP CONSTRAINT fulfillment_line_sku_check,
    DROP CONSTRAINT fulfillment_line_quantity_units_check,
    DROP CONSTRAINT fulfillment_line_picked_units_check,
    DROP CONSTRAINT fulfillment_line_short_units_check,
    DROP CONSTRAINT fulfillment_line_cancelled_units_check,
    DROP CONSTRAINT fulfillment_line_returned_units_check,
    DROP CONSTRAINT fulfillment_line_lost_units_check,
    DROP CONSTRAINT fulfillment_line_check,
    DROP CONSTRAINT fulfillment_line_check1,
    DROP CONSTRAINT fulfillment_line_check2,
    ADD CONSTRAINT units_add_up CHECK (
        quantity_units > 0 AND least(picked_units, short_units, cancelled_units, returned_units, lost_units) >= 0
        AND picked_units + short_units + cancelled_units <= quantity_units AND returned_units + lost_units <= picked_units) NOT VALID;

-- Work lists go by due time since migration 0002, with an index of their own.
DROP INDEX fulfillment_order_work;
