-- How far the online audit has come, so that it goes on after a restart.
CREATE TABLE audit_round (
    name             text        PRIMARY KEY,
    after_sku        text COLLATE "C" NOT NULL DEFAULT '',                  -- the last SKU that was audited in the round under way
    differences      bigint      NOT NULL DEFAULT 0,                        -- found in the round under way
    began_at         timestamptz NOT NULL DEFAULT now(),
    last_ended_at    timestamptz,                                           -- when the last full round ended
    last_differences bigint      NOT NULL DEFAULT 0
);
INSERT INTO audit_round (name) VALUES ('stock');
