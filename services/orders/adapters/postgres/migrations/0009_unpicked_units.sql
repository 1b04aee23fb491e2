-- What waits at a location to be picked: asked for when a location stops.
CREATE INDEX unit_group_unpicked ON unit_group (location_id, order_id) WHERE state = 1;
