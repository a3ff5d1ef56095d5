-- Events that another engine carries, and that a group began more than once: it counts no failures, or counts them for those that
-- merely waited beside one. A row goes when its event is handled or dead.
CREATE TABLE attempt (
  group_name text NOT NULL,
  id text NOT NULL,
  -- How often it was begun.
  count int NOT NULL,
  due_time timestamptz NOT NULL,
  PRIMARY KEY (group_name, id)
);

-- One that was handled elsewhere, such as by an older process, is never asked for again.
CREATE INDEX attempt_due_time ON attempt (due_time);
