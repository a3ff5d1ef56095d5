-- What a mutation answered, so that a repeated request_id gets the same answer.
CREATE TABLE request_ids (
  actor text NOT NULL,
  method text NOT NULL,
  request_id text NOT NULL,
  -- SHA-256 of the request without its request_id.
  fingerprint bytea NOT NULL,
  answer bytea NOT NULL,
  expire_time timestamptz NOT NULL,
  PRIMARY KEY (actor, method, request_id)
);

CREATE INDEX request_ids_expire_time ON request_ids (expire_time);
