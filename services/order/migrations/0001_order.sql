-- What somebody has bought. An order is read and written whole, by its id or by the request that placed it; what lists ask for
-- stands beside it. Ids are in order of time ("C" collation), so that "the latest first" is an index read backwards by id.

create table orders (
  id text collate "C" primary key,
  user_id text collate "C" not null,
  -- The request that placed it, and a trace of what it asked for: the same again is the same order, however much later.
  request_id text collate "C" not null,
  fingerprint bytea not null,
  -- 1 pending, 2 awaiting payment, 3 confirmed, 4 shipped, 5 delivered, 6 canceling, 7 canceled: the contract's numbers.
  status smallint not null,
  version integer not null,
  create_time timestamptz not null,
  update_time timestamptz not null,
  -- json and not jsonb: it is only ever read whole, and text goes out as it lies.
  document json not null,
  unique (user_id, request_id)
) with (fillfactor = 80);
-- A customer's orders, and whether one of them was not canceled, without a look into the rows.
create index orders_of_user on orders (user_id, id) include (status);
create index orders_by_status on orders (status, id);

-- The orders that a vendor has to fulfil or has fulfilled: from when they are confirmed on.
create table order_part (
  vendor_id text collate "C" not null,
  order_id text collate "C" not null references orders on delete cascade,
  -- The order's, so that a vendor's list by status is one index.
  order_status smallint not null,
  primary key (vendor_id, order_id)
);
create index order_part_by_status on order_part (vendor_id, order_status, order_id);
create index order_part_of_order on order_part (order_id);

-- Invoice numbers have no gaps: a counter is locked by the transaction that ships a part, which gives its number back when it fails.
-- A sequence would not.
create table invoice_series (
  vendor_id text collate "C" primary key,
  -- The vendor's own, which its numbers begin with.
  series integer not null unique
);
create table invoice_counter (
  vendor_id text collate "C" not null references invoice_series,
  -- The financial year, such as "2627".
  year text not null,
  last integer not null,
  primary key (vendor_id, year)
);
