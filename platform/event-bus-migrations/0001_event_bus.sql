-- Which group wants which events. A group is a service, or a part of one that keeps up at its own pace.
CREATE TABLE subscription (
  group_name text NOT NULL,
  topic text NOT NULL,
  PRIMARY KEY (group_name, topic)
);

CREATE TABLE message (
  seq int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- A relay that was killed before it heard "done" hands the same event in again.
  id text NOT NULL UNIQUE,
  topic text NOT NULL,
  key text NOT NULL,
  body bytea NOT NULL,
  traceparent text NOT NULL,
  time timestamptz NOT NULL,
  arrive_time timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX message_arrive_time ON message (arrive_time);

-- One row for each group that has still to handle the message.
CREATE TABLE delivery (
  group_name text NOT NULL,
  seq int8 NOT NULL REFERENCES message (seq),
  key text NOT NULL,
  attempts int NOT NULL DEFAULT 0,
  -- When it is tried next. In the future while somebody works on it, or after it failed.
  due_time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (group_name, seq)
);

CREATE INDEX delivery_key ON delivery (group_name, key, seq);
CREATE INDEX delivery_seq ON delivery (seq);

-- What a group could not handle, for people to look at.
CREATE TABLE dead_letter (
  group_name text NOT NULL,
  id text NOT NULL,
  topic text NOT NULL,
  key text NOT NULL,
  body bytea NOT NULL,
  traceparent text NOT NULL,
  time timestamptz NOT NULL,
  attempts int NOT NULL,
  error text NOT NULL,
  dead_time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (group_name, id)
);
