-- A group of plain reservations in one call: who stands already, lock, judge, count and write. Nothing is written unless every member fits;
-- `wanted` is what must be there, `taken` what is taken.
-- The order of its steps is the lock order (queries.sql). Each statement looks anew, so what it judges is what stood once the locks were its own.
-- The settings keep its plans those for few rows and large tables, also while the tables are young and unknown to the planner.

CREATE FUNCTION reserve_plain(
    separator text, skus text, places text, wanted integer[], taken integer[], made_at timestamptz,
    reservation_ids text, order_ids text, attempts integer[], channels text, kept_seconds integer[],
    line_of text, line_skus text, line_places text, line_units integer[],
    OUT on_hand integer[], OUT reserved integer[], OUT safety integer[], OUT versions bigint[], OUT unfit integer[], OUT standing integer[])
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    fits boolean;
    counts integer[];
    rows tid[];
BEGIN
    SELECT array_agg(n.number) INTO standing
    FROM unnest(string_to_array(order_ids, separator), attempts) WITH ORDINALITY AS n (order_id, attempt, number)
    JOIN reservation r ON r.order_id = n.order_id AND r.attempt = n.attempt;
    IF standing IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT array_agg(p.on_hand_units), array_agg(p.reserved_units + p.taken), array_agg(p.safety_units), array_agg(p.version + 1),
           array_agg(p.taken), array_agg(p.row),
           count(*) = cardinality(reserve_plain.wanted)
               AND bool_and(NOT p.guarded AND p.on_hand_units - p.reserved_units - p.safety_units >= p.wanted)
               AND NOT EXISTS (SELECT FROM location l WHERE l.location_id = ANY (string_to_array(places, separator)) AND NOT l.active)
    INTO on_hand, reserved, safety, versions, counts, rows, fits
    FROM (
        SELECT p.ctid AS row, p.on_hand_units, p.reserved_units, p.safety_units, p.version, p.guarded, n.wanted, n.taken
        FROM unnest(string_to_array(skus, separator), string_to_array(places, separator), reserve_plain.wanted, reserve_plain.taken)
            AS n (sku, location_id, wanted, taken)
        JOIN position p ON p.sku = n.sku AND p.location_id = n.location_id
        ORDER BY p.sku, p.location_id
        FOR UPDATE OF p
    ) AS p;
    IF NOT fits THEN
        on_hand := NULL;
        SELECT array_agg(n.number) INTO unfit
        FROM unnest(string_to_array(skus, separator), string_to_array(places, separator), reserve_plain.wanted)
            WITH ORDINALITY AS n (sku, location_id, wanted, number)
        LEFT JOIN position p ON p.sku = n.sku AND p.location_id = n.location_id
        LEFT JOIN location l ON l.location_id = p.location_id
        WHERE (l.active AND NOT p.guarded AND p.on_hand_units - p.reserved_units - p.safety_units >= n.wanted) IS NOT TRUE;
        RETURN;
    END IF;
    -- A row that is locked stays where it is, so it need not be looked for again.
    WITH counted AS (
        UPDATE position p SET reserved_units = p.reserved_units + n.taken, version = p.version + 1
        FROM unnest(rows, counts) AS n (row, taken)
        WHERE p.ctid = n.row
    ), made AS (
        INSERT INTO reservation (reservation_id, order_id, attempt, state, channel_id, created_at, expire_time)
        -- A single empty text joins to no element at all, hence the coalesce.
        SELECT reservation_id, order_id, attempt, 1, coalesce(channel_id, ''), made_at, made_at + make_interval(secs => kept)
        FROM unnest(string_to_array(reservation_ids, separator), string_to_array(order_ids, separator), attempts,
                    string_to_array(channels, separator), kept_seconds) AS n (reservation_id, order_id, attempt, channel_id, kept)
        ORDER BY order_id, attempt
    )
    INSERT INTO reservation_line (reservation_id, sku, location_id, quantity_units, live_units)
    SELECT reservation_id, sku, location_id, units, units
    FROM unnest(string_to_array(line_of, separator), string_to_array(line_skus, separator), string_to_array(line_places, separator), line_units)
        AS n (reservation_id, sku, location_id, units);
END $$;

-- Commits of accepted orders in one call: true when every one of them was a plain one, held until now with nothing displaced. When at first sight one is
-- not, nothing is locked or written; when one ceases to be while its lock is waited for, it is left as it is. Either way the book goes over all of them.
CREATE FUNCTION commit_plain(ids text[]) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE committed integer;
BEGIN
    PERFORM FROM unnest(ids) AS n (id) LEFT JOIN reservation r ON r.reservation_id = n.id WHERE (r.state = 1) IS NOT TRUE;
    IF FOUND THEN
        RETURN false;
    END IF;
    PERFORM FROM reservation WHERE reservation_id = ANY (ids) ORDER BY reservation_id FOR UPDATE;
    UPDATE reservation r SET state = 2, accepted = true
    WHERE r.reservation_id = ANY (ids) AND r.state = 1
      AND NOT EXISTS (SELECT FROM reservation_line l WHERE l.reservation_id = r.reservation_id AND l.displaced_units > 0);
    GET DIAGNOSTICS committed = ROW_COUNT;
    RETURN committed = cardinality(ids);
END $$;
