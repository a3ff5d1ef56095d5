-- Times come from the service's clock, so that a test can move it.

CREATE TABLE account (
  id text PRIMARY KEY,
  -- As it was typed; '' for the house and for a deleted account.
  email text NOT NULL,
  -- Normalised. Not unique: an address belongs to nobody until it is verified.
  email_key text,
  email_verified boolean NOT NULL DEFAULT false,
  -- argon2id, salted by the address: address and hash together name an account.
  password_hash bytea,
  display_name text NOT NULL,
  roles text[] NOT NULL,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  delete_time timestamptz,
  revision int NOT NULL,
  CONSTRAINT account_key UNIQUE (email_key, password_hash),
  CONSTRAINT account_erased CHECK (
    delete_time IS NULL
    OR (email = '' AND email_key IS NULL AND password_hash IS NULL AND display_name = '' AND roles = '{}')
  )
);
CREATE INDEX account_latest ON account (create_time DESC, id DESC) WHERE delete_time IS NULL;

-- Owns what the operator's commands write. Without address and password nobody signs in as it.
INSERT INTO account (id, email, display_name, roles, create_time, update_time, revision)
VALUES ('usr_house', '', 'Only2U', '{customer,vendor,admin}', '2026-01-01Z', '2026-01-01Z', 1);

CREATE TABLE session (
  id text PRIMARY KEY,
  user_id text NOT NULL REFERENCES account,
  user_agent text NOT NULL,
  address text NOT NULL,
  create_time timestamptz NOT NULL,
  refresh_time timestamptz NOT NULL,
  expire_time timestamptz NOT NULL,
  end_time timestamptz,
  generation int NOT NULL,
  -- SHA-256 of the one refresh token that works.
  token_hash bytea NOT NULL,
  request_id text NOT NULL,
  -- The sign-in or sign-up that opened it, to answer a repeated one with the same session.
  open_request_id text NOT NULL,
  open_fingerprint bytea NOT NULL,
  CONSTRAINT session_opening UNIQUE (user_id, open_request_id)
);
CREATE INDEX session_of_account ON session (user_id, id DESC) WHERE end_time IS NULL;
CREATE INDEX session_over ON session (LEAST(end_time, expire_time));

CREATE TABLE address (
  id text PRIMARY KEY,
  user_id text NOT NULL REFERENCES account,
  recipient text NOT NULL,
  lines text[] NOT NULL,
  city text NOT NULL,
  region text NOT NULL,
  postal_code text NOT NULL,
  country_code text NOT NULL,
  phone text NOT NULL,
  create_time timestamptz NOT NULL,
  update_time timestamptz NOT NULL,
  revision int NOT NULL
);
CREATE INDEX address_of_account ON address (user_id, id DESC);

CREATE TABLE signing_key (
  id text PRIMARY KEY,
  signs_from timestamptz NOT NULL UNIQUE,
  public_jwk jsonb NOT NULL,
  -- AES-256-GCM under a key from the service's secret.
  sealed_private_key bytea NOT NULL
);

-- Failed sign-ins. Keys are HMACs of network and address, so that it holds no personal data. In the database so that several
-- processes count together and a restart forgives nothing; unlogged because a crash may forgive. A row costs its writer an
-- argon2id computation, which with the sweep bounds the table.
CREATE UNLOGGED TABLE attempt (
  key bytea PRIMARY KEY,
  failures double precision NOT NULL,
  last_time timestamptz NOT NULL,
  blocked_until timestamptz NOT NULL
);
CREATE INDEX attempt_latest ON attempt (last_time);
