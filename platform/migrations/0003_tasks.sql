-- What must be done, now or at a time, decided in the transaction that made it necessary. One row until it is done.
CREATE TABLE task (
  kind text NOT NULL,
  key text NOT NULL,
  body jsonb,
  -- When it was asked for; -infinity is at once, by whatever clock.
  due_time timestamptz NOT NULL,
  -- When it may be taken next: its due time, later after a failure, the end of the lease while somebody works on it.
  next_time timestamptz NOT NULL,
  -- Another each time it is scheduled, so that who did what was asked before does not end what is asked now.
  generation uuid NOT NULL DEFAULT gen_random_uuid(),
  -- Another each time it is taken, so that who was too late does not speak for the next; null when nobody has it.
  claim uuid,
  attempts int NOT NULL DEFAULT 0,
  error text NOT NULL DEFAULT '',
  -- When it was given up. It stays for a person to look at.
  dead_time timestamptz,
  -- Of the call that scheduled it.
  traceparent text NOT NULL,
  request_id text NOT NULL,
  schedule_time timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, key)
);

CREATE INDEX task_next ON task (kind, next_time) WHERE dead_time IS NULL;
CREATE INDEX task_dead ON task (kind, key) WHERE dead_time IS NOT NULL;
