-- First of three steps that cut the ledger into months (ADR-0011); each leaves a ledger that the release before and this one can write.
-- A key stands in the ledger once for ever, also across months: a narrow table of its own holds it, filled by a trigger whoever writes.

CREATE TABLE movement_key (
    idempotency_key  text COLLATE "C" PRIMARY KEY
);

CREATE FUNCTION keep_movement_keys() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO movement_key (idempotency_key) SELECT idempotency_key FROM added;
    RETURN NULL;
END $$;
CREATE TRIGGER movement_keys_are_kept AFTER INSERT ON movement
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION keep_movement_keys();

-- The first ten letters behind the prefix of a movement's id are its milliseconds since 1970 (TypeID over UUIDv7), so months are ranges of ids.
CREATE FUNCTION movement_id_at(moment timestamptz) RETURNS text LANGUAGE sql STABLE STRICT AS $$
    SELECT 'mov_' || string_agg(
        substr('0123456789abcdefghjkmnpqrstvwxyz',
               ((floor(extract(epoch FROM moment) * 1000)::bigint >> (5 * (9 - place))) & 31)::integer + 1, 1), '' ORDER BY place)
    FROM generate_series(0, 9) AS place
$$;

-- What is written until the month after next stays in the table that is there; checked by the next step without stopping anybody.
DO $$
BEGIN
    EXECUTE format('ALTER TABLE movement ADD CONSTRAINT movement_is_early CHECK (movement_id < %L) NOT VALID',
                   movement_id_at(date_trunc('month', now(), 'UTC') + interval '2 months'));
END $$;

-- Only the trigger writes keys, with its owner's rights.
DO $$
DECLARE grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT g.grantee FROM information_schema.role_table_grants g
        WHERE g.table_schema = current_schema() AND g.table_name = 'movement_key' AND g.grantee <> current_user
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON movement_key FROM %I', grantee);
    END LOOP;
END $$;
