-- Pickups that others send to a store: asked for when the store stops.
CREATE INDEX plan_part_by_pickup ON plan_part (pickup_location_id, promise_time) WHERE pickup_location_id <> '';
