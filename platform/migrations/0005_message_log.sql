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
