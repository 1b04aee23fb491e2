-- A part's parcel may go elsewhere than the order's others: units that were to be collected and that the customer had sent.
-- Null: to the order's address. A case at SOURCE names the part its units come from, so that they keep its address.

ALTER TABLE plan_part ADD COLUMN delivery_address json;
