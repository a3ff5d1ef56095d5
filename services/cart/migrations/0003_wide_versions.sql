-- contract
-- A cart restored from behind Redis goes on from the time in microseconds as its version. Whole numbers up to 2^53 are exact.
-- The statements that a version from before has prepared would fail from here on.
ALTER TABLE cart ALTER COLUMN version TYPE double precision;
