-- Who may do what only one process should do at a time. A row a name, for ever: its token only grows.
CREATE TABLE lease (
  name text PRIMARY KEY,
  -- Whoever takes it gets a larger one than everybody before: at least the microseconds since 1970.
  token int8 NOT NULL,
  -- By the database's clock. From then on another may take it.
  expire_time timestamptz NOT NULL
);

-- How much each member of a board came to on a day (of UTC).
CREATE TABLE ranking (
  board text COLLATE "C" NOT NULL,
  day date NOT NULL,
  member text COLLATE "C" NOT NULL,
  score int8 NOT NULL,
  PRIMARY KEY (board, day, member)
) WITH (fillfactor = 80); -- a score changes all day long, and stays in its place
