-- When a location must be done, who picks, and what stores tell operations.

-- Empty for what the release before opened: due by its promise.
ALTER TABLE fulfillment_order ADD COLUMN due_time timestamptz, ADD COLUMN picker text NOT NULL DEFAULT '';

-- Work lists go by due time from now on; the index by promise time (fulfillment_order_work) stays for the release before.
CREATE INDEX fulfillment_order_due ON fulfillment_order (location_id, (coalesce(due_time, promise_time)), fulfillment_order_id)
    WHERE state IN ('OPEN', 'PICKING', 'PICKED', 'PACKED', 'READY');
CREATE INDEX fulfillment_order_location_due ON fulfillment_order (location_id, (coalesce(due_time, promise_time)), fulfillment_order_id);
DROP INDEX fulfillment_order_location;

CREATE TABLE incident (
    incident_id          text COLLATE "C" PRIMARY KEY,               -- inc_…, time-ordered
    kind                 text        NOT NULL CHECK (kind IN ('INCIDENT', 'SUGGESTION')),
    category             text        NOT NULL CHECK (category <> ''),
    state                text        NOT NULL CHECK (state IN ('OPEN', 'ANSWERED', 'CLOSED')),
    description          text        NOT NULL CHECK (length(description) BETWEEN 1 AND 1000),
    wish                 text        NOT NULL CHECK (length(wish) <= 1000),
    location_id          text COLLATE "C" NOT NULL,
    order_id             text        NOT NULL DEFAULT '',
    fulfillment_order_id text        NOT NULL DEFAULT '',
    sku                  text        NOT NULL DEFAULT '',
    reporter             text        NOT NULL,
    report_time          timestamptz NOT NULL,
    answer               text        NOT NULL DEFAULT '' CHECK (length(answer) <= 1000),
    answerer             text        NOT NULL DEFAULT '',
    answer_time          timestamptz,
    close_time           timestamptz,
    version              bigint      NOT NULL CHECK (version > 0),
    CHECK ((close_time IS NOT NULL) = (state = 'CLOSED')),
    CHECK ((answer_time IS NOT NULL) = (answer <> '')),
    CHECK (state <> 'ANSWERED' OR answer <> '')
);
-- What a location told, newest first.
CREATE INDEX incident_of_location ON incident (location_id, incident_id);
-- What waits for operations, everywhere.
CREATE INDEX incident_waiting ON incident (incident_id) WHERE state <> 'CLOSED';
