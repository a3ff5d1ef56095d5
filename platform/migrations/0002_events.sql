-- Events that were told in a transaction and are still to be handed to the event bus.
CREATE TABLE outbox (
  seq int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL,
  topic text NOT NULL,
  key text NOT NULL,
  body bytea NOT NULL,
  traceparent text NOT NULL,
  time timestamptz NOT NULL DEFAULT now()
);

-- Events that this service has handled, so that one that comes twice counts once.
CREATE TABLE inbox (
  group_name text NOT NULL,
  event_id text NOT NULL,
  time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (group_name, event_id)
);

CREATE INDEX inbox_time ON inbox (time);
