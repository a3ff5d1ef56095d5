-- For carts whose primary is Redis; this table is what they are written to behind it, and restored from.

-- A cart that ended in Redis leaves a row without content and user until the cart would have been over, so that nothing older brings it back.
ALTER TABLE cart ADD COLUMN ended boolean NOT NULL DEFAULT false;
