-- Logs of entries: threads of a chat, feeds, events, what operators did. The rows of a thread stand beside each other, in order of time.
CREATE TABLE message_log (
  log text COLLATE "C" NOT NULL,
  thread text COLLATE "C" NOT NULL,
  -- The time first, so that its order is that of time.
  id text COLLATE "C" NOT NULL,
  author text NOT NULL,
  type text NOT NULL,
  body bytea NOT NULL,
  edit_time timestamptz,
  -- Erased: without content, and kept for days so that a late repeat of its append doesn't bring it back.
  removed boolean NOT NULL DEFAULT false,
  -- When the row may go; null for what is kept.
  expire_time timestamptz,
  PRIMARY KEY (log, thread, id)
);

CREATE INDEX message_log_expire_time ON message_log (expire_time) WHERE expire_time IS NOT NULL;

-- Threads that were erased: nothing up to that id is shown any more.
CREATE TABLE message_log_erased (
  log text COLLATE "C" NOT NULL,
  thread text COLLATE "C" NOT NULL,
  up_to_id text COLLATE "C" NOT NULL,
  expire_time timestamptz NOT NULL,
  PRIMARY KEY (log, thread)
);

-- Calls that are kept for the audit: written before the call runs, and handed to the log once it has ended.
CREATE TABLE audit_call (
  id text COLLATE "C" PRIMARY KEY,
  method text NOT NULL,
  caller text NOT NULL,
  user_id text NOT NULL,
  request_id text NOT NULL,
  traceparent text NOT NULL,
  begin_time timestamptz NOT NULL,
  -- Null until it has ended; for ever if its process was killed.
  code text,
  end_time timestamptz
);
