-- In two statements again: what a line has lost is read by a statement that begins once the locks are ours. An UPDATE that waited for a lock judges
-- its own row anew, but not what it asks other tables: units displaced meanwhile would not be told.
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
