-- A table for the platform's own tests.
CREATE TABLE counters (
  name text PRIMARY KEY,
  value int8 NOT NULL DEFAULT 0
);
