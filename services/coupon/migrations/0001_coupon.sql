-- Coupons, and which orders use them. Ids are in order of time ("C" collation): the latest first is an index read backwards.

create table coupon (
  id text collate "C" primary key,
  code text collate "C" not null,
  title text not null,
  -- '' for the house.
  vendor_id text collate "C" not null,
  -- What it takes off: the shape of Discount in terms.ts, amounts in minor units of the currency.
  discount json not null,
  currency text not null,
  minimum_subtotal bigint,
  start_time timestamptz,
  end_time timestamptz,
  product_ids text[] not null,
  category_ids text[] not null,
  first_order_only boolean not null,
  -- 0: any number.
  max_uses integer not null,
  max_uses_per_user integer not null,
  budget bigint,
  stackable boolean not null,
  paused boolean not null,
  -- The number and the sum of its live redemptions.
  uses integer not null default 0 check (uses >= 0),
  spent bigint not null default 0 check (spent >= 0),
  version integer not null,
  create_time timestamptz not null,
  update_time timestamptz not null,
  -- A deleted coupon stays: orders that used it may give it back.
  delete_time timestamptz,
  constraint within_uses check (max_uses = 0 or uses <= max_uses),
  constraint within_budget check (spent <= budget)
) with (fillfactor = 50); -- counting up writes the row anew: there is room for it on the same page, and no index changes
create unique index coupon_code on coupon (code) where delete_time is null;
create index coupon_of_vendor on coupon (vendor_id, id) where delete_time is null;
create index coupon_alive on coupon (id) where delete_time is null;

-- What became of an order's coupons: one row an order, kept for as long as the order is.
create table coupon_order (
  order_id text collate "C" primary key,
  -- '' when it was closed before it used anything.
  user_id text collate "C" not null,
  -- 1 redeemed, 2 closed.
  state smallint not null,
  -- Whether it used a coupon for first orders.
  first_order boolean not null,
  -- What was answered, for whoever asks again; null once it is closed.
  discounts json,
  create_time timestamptz not null,
  update_time timestamptz not null
);
-- A user has one first order, however many are placed at once.
create unique index coupon_order_first on coupon_order (user_id) where first_order and state = 1;

-- A coupon's use by an order, in minor units of its currency. Without foreign keys: neither is ever deleted, and both are
-- written in the same statement.
create table redemption (
  order_id text collate "C" not null,
  coupon_id text collate "C" not null,
  user_id text collate "C" not null,
  amount bigint not null check (amount >= 0),
  -- false once it was given back.
  live boolean not null default true,
  primary key (order_id, coupon_id)
);
create index redemption_by_user on redemption (coupon_id, user_id) where live;
