-- For carts whose primary is Redis; this table is what they are written to behind it, and restored from.

-- A restored cart goes on from the time in microseconds as its version. Whole numbers up to 2^53 are exact.
-- older versions: they read the numbers that they expect.
ALTER TABLE cart ALTER COLUMN version TYPE double precision;

-- A cart that ended in Redis leaves a row without content and user until the cart would have been over, so that nothing older brings it back.
ALTER TABLE cart ADD COLUMN ended boolean NOT NULL DEFAULT false;
