-- Times come from the service's clock, so that a test can move it.

CREATE TABLE cart (
  id text COLLATE "C" PRIMARY KEY,
  -- Null for a guest's.
  user_id text COLLATE "C",
  -- Items and codes: a cart is read and written as a whole.
  content jsonb NOT NULL,
  -- From 1, one more with each change of the content.
  version int NOT NULL,
  expire_time timestamptz NOT NULL
);

-- Also keeps two first additions at once from making a user two carts.
CREATE UNIQUE INDEX cart_user ON cart (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX cart_expire_time ON cart (expire_time);
