-- Calls that are kept for the audit: written before the call runs, and handed to the log once it has ended.
CREATE TABLE audit_call (
  -- That of its entry in the log: the time of its beginning first.
  id text COLLATE "C" PRIMARY KEY,
  method text NOT NULL,
  caller text NOT NULL,
  user_id text NOT NULL,
  request_id text NOT NULL,
  trace_id text NOT NULL,
  begin_time timestamptz NOT NULL,
  -- Past this its process must have been killed.
  lapse_time timestamptz NOT NULL,
  -- What is ended doesn't change any more.
  ended boolean NOT NULL DEFAULT false,
  -- google.rpc.Code; null until it has ended, and for ever where nobody knows how.
  code int2,
  end_time timestamptz
);
