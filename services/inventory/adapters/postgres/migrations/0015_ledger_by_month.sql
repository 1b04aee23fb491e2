-- Third step: the ledger becomes a table partitioned by ranges of time-ordered ids, and what was the ledger its first partition. Nothing is copied or
-- scanned; the lock is held for a moment.

ALTER TABLE movement RENAME TO movement_early;
ALTER TABLE movement_early RENAME CONSTRAINT movement_pkey TO movement_early_pkey;
ALTER TABLE movement_early RENAME CONSTRAINT movement_idempotency_key_key TO movement_early_idempotency_key_key;
ALTER INDEX movement_of_position RENAME TO movement_early_of_position;
ALTER INDEX movement_of_location RENAME TO movement_early_of_location;
ALTER INDEX movement_of_document RENAME TO movement_early_of_document;
DROP TRIGGER movement_keys_are_kept ON movement_early;

CREATE TABLE movement (LIKE movement_early INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (movement_id);
ALTER TABLE movement DROP CONSTRAINT movement_is_early;
ALTER TABLE movement ADD PRIMARY KEY (movement_id);
CREATE INDEX movement_of_position ON movement (sku, location_id, movement_id);
CREATE INDEX movement_of_location ON movement (location_id, movement_id);
CREATE INDEX movement_of_document ON movement (document_id, movement_id);
DO $$
DECLARE bound text;
BEGIN
    SELECT substring(pg_get_constraintdef(c.oid) FROM '''(mov_[0-9a-z]{10})''') INTO STRICT bound
    FROM pg_constraint c WHERE c.conrelid = 'movement_early'::regclass AND c.conname = 'movement_is_early';
    EXECUTE format('ALTER TABLE movement ATTACH PARTITION movement_early FOR VALUES FROM (MINVALUE) TO (%L)', bound);
END $$;

CREATE TRIGGER movement_keys_are_kept AFTER INSERT ON movement
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION keep_movement_keys();
CREATE TRIGGER movement_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON movement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
-- PostgreSQL gives every partition, also later ones, its own copy of a row trigger: the way round the parent is closed as well.
CREATE TRIGGER movement_row_is_append_only BEFORE UPDATE OR DELETE ON movement
    FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();

-- A table of the ledger that only its parent's grants reach: the runtime role gets no right on it by default privileges, and nobody may empty it.
CREATE FUNCTION seal_ledger_table(part text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT g.grantee FROM information_schema.role_table_grants g
        WHERE g.table_schema = current_schema() AND g.table_name = part AND g.grantee <> current_user
    LOOP
        EXECUTE format('REVOKE ALL ON %I FROM %I', part, grantee);
        IF part = 'movement' THEN
            EXECUTE format('GRANT SELECT, INSERT ON movement TO %I', grantee);
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = part::regclass AND tgname = 'movement_is_append_only') THEN
        EXECUTE format('CREATE TRIGGER movement_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                       'FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()', part);
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION seal_ledger_table(text) FROM PUBLIC;

-- Whatever a clock far off writes still finds a place.
CREATE TABLE movement_rest PARTITION OF movement DEFAULT;

-- Makes the months to come, each once; runs with the owner's rights, since the runtime role makes no tables. A month is attached rather than
-- created in place, so that nobody who writes waits. Gives the names of what was made now.
CREATE FUNCTION make_ledger_months(ahead integer) RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    first_month timestamptz := date_trunc('month', now(), 'UTC');
    month timestamptz;
    part text;
    early text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('aljibe.inventory.ledger', 0));
    SELECT substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''(mov_[0-9a-z]{10})''\)') INTO STRICT early
    FROM pg_class WHERE oid = 'movement_early'::regclass;
    FOR number IN 0 .. least(ahead, 24) LOOP
        month := date_trunc('month', first_month + make_interval(months => number), 'UTC');
        part := 'movement_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        CONTINUE WHEN movement_id_at(month) < early OR to_regclass(part) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I (LIKE movement INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
        PERFORM seal_ledger_table(part);
        EXECUTE format('ALTER TABLE movement ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part, movement_id_at(month),
                       movement_id_at(date_trunc('month', month + interval '1 month', 'UTC')));
        RETURN NEXT part;
    END LOOP;
END $$;

SELECT seal_ledger_table(part) FROM unnest(ARRAY['movement', 'movement_early', 'movement_rest']) AS part;
SELECT make_ledger_months(3);
