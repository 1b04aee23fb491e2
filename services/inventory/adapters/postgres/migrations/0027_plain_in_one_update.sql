-- Plain reservations in one statement instead of four: it takes the units where they are there, and what it could not take fails the call, with
-- nothing written (ADR-0042). The array's order is the lock order: a nested loop goes through it, as the settings make sure.

CREATE FUNCTION take_plain(
    separator text, skus text, places text, wanted integer[], taken integer[], made_at timestamptz,
    reservation_ids text, order_ids text, attempts integer[], channels text, kept_seconds integer[],
    line_of text, line_skus text, line_places text, line_units integer[],
    OUT on_hand integer[], OUT reserved integer[], OUT safety integer[], OUT versions bigint[])
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    WITH counted AS (
        UPDATE position p SET reserved_units = p.reserved_units + n.taken, version = p.version + 1
        FROM unnest(string_to_array(skus, separator), string_to_array(places, separator), take_plain.wanted, take_plain.taken)
            WITH ORDINALITY AS n (sku, location_id, wanted, taken, number)
        WHERE p.sku = n.sku AND p.location_id = n.location_id
          AND NOT p.guarded AND p.on_hand_units - p.reserved_units - p.safety_units >= n.wanted
          AND NOT EXISTS (SELECT FROM location l WHERE l.location_id = ANY (string_to_array(places, separator)) AND NOT l.active)
        RETURNING n.number, p.on_hand_units, p.reserved_units, p.safety_units, p.version
    ), made AS (
        INSERT INTO reservation (reservation_id, order_id, attempt, state, channel_id, created_at, expire_time)
        -- A single empty text joins to no element at all, hence the coalesce.
        SELECT reservation_id, order_id, attempt, 1, coalesce(channel_id, ''), made_at, made_at + make_interval(secs => kept)
        FROM unnest(string_to_array(reservation_ids, separator), string_to_array(order_ids, separator), attempts,
                    string_to_array(channels, separator), kept_seconds) AS n (reservation_id, order_id, attempt, channel_id, kept)
        ORDER BY order_id, attempt
    ), lines AS (
        INSERT INTO reservation_line (reservation_id, sku, location_id, quantity_units, live_units)
        SELECT reservation_id, sku, location_id, units, units
        FROM unnest(string_to_array(line_of, separator), string_to_array(line_skus, separator), string_to_array(line_places, separator), line_units)
            AS n (reservation_id, sku, location_id, units)
    )
    SELECT array_agg(c.on_hand_units ORDER BY c.number), array_agg(c.reserved_units ORDER BY c.number),
           array_agg(c.safety_units ORDER BY c.number), array_agg(c.version ORDER BY c.number)
    INTO on_hand, reserved, safety, versions FROM counted c;
    IF cardinality(on_hand) IS DISTINCT FROM cardinality(take_plain.wanted) THEN
        RAISE EXCEPTION 'not plain';
    END IF;
END $$;

-- Why a call was not plain, after it failed: the numbers of positions that are no longer there for everybody, and of attempts that stand already.
-- Both may be empty when what was in the way has gone.
CREATE FUNCTION not_plain(separator text, skus text, places text, wanted integer[], order_ids text, attempts integer[],
    OUT unfit integer[], OUT standing integer[])
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    SELECT array_agg(n.number) INTO unfit
    FROM unnest(string_to_array(skus, separator), string_to_array(places, separator), not_plain.wanted)
        WITH ORDINALITY AS n (sku, location_id, wanted, number)
    LEFT JOIN position p ON p.sku = n.sku AND p.location_id = n.location_id
    LEFT JOIN location l ON l.location_id = p.location_id
    WHERE (l.active AND NOT p.guarded AND p.on_hand_units - p.reserved_units - p.safety_units >= n.wanted) IS NOT TRUE;
    SELECT array_agg(n.number) INTO standing
    FROM unnest(string_to_array(order_ids, separator), attempts) WITH ORDINALITY AS n (order_id, attempt, number)
    JOIN reservation r ON r.order_id = n.order_id AND r.attempt = n.attempt;
END $$;

-- As in migration 0026, but with one look at the lines: it is read by a statement that begins once the locks are ours. An UPDATE that waited for a lock
-- judges its own row anew, but not what it asks other tables: units displaced meanwhile would not be told.
CREATE OR REPLACE FUNCTION commit_plain(ids text[]) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE committed integer;
BEGIN
    PERFORM FROM reservation WHERE reservation_id = ANY (ids) ORDER BY reservation_id FOR UPDATE;
    UPDATE reservation r SET state = 2, accepted = true
    FROM unnest(ids) AS n (id)
    WHERE r.reservation_id = n.id AND r.state::integer = 1 AND NOT r.on_supply
      AND NOT EXISTS (SELECT FROM reservation_line l WHERE l.reservation_id = r.reservation_id AND l.displaced_units > 0);
    GET DIAGNOSTICS committed = ROW_COUNT;
    RETURN committed = cardinality(ids);
END $$;

-- A CHECK is read from the catalog and prepared anew by every statement: one for each table, of the arithmetic of units (ADR-0042). NOT VALID: what
-- stands obeyed the same rules under other names, so nothing is scanned.
ALTER TABLE reservation DROP CONSTRAINT reservation_attempt_check, DROP CONSTRAINT reservation_state_check;
ALTER TABLE reservation_line
    DROP CONSTRAINT reservation_line_quantity_units_check,
    DROP CONSTRAINT reservation_line_live_units_check,
    DROP CONSTRAINT reservation_line_consumed_units_check,
    DROP CONSTRAINT reservation_line_released_units_check,
    DROP CONSTRAINT reservation_line_displaced_units_check,
    DROP CONSTRAINT reservation_line_check,
    DROP CONSTRAINT every_unit_is_somewhere,
    ADD CONSTRAINT every_unit_is_somewhere CHECK (
        quantity_units > 0 AND least(live_units, consumed_units, released_units, displaced_units, revivable_units) >= 0
        AND revivable_units <= released_units
        AND quantity_units = live_units + consumed_units + released_units + displaced_units) NOT VALID;
