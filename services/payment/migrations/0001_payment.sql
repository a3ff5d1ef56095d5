-- What is paid for an order; one row an order. A canceled row without a provider stands for an order that never gets a payment.
create table payment (
  id text collate "C" primary key,
  order_id text collate "C" not null unique,
  user_id text not null,
  currency text not null,
  amount int8 not null check (amount >= 0),
  -- 0 none, 1 online, 2 cash on delivery
  method smallint not null,
  provider text not null,
  -- Empty until the provider has made it.
  provider_order_id text collate "C" not null default '',
  -- 1 pending, 2 authorized, 3 captured, 4 canceled
  status smallint not null,
  -- The charge that made it captured.
  paid_by text not null default '',
  -- By the provider's word; always what the ledger says.
  captured int8 not null default 0,
  refunded int8 not null default 0,
  failed_attempts int not null default 0,
  last_failure text not null default '',
  last_failure_time timestamptz,
  -- When the provider is asked on our own account, in case an event was lost; null when no more.
  check_time timestamptz,
  version int not null default 1,
  create_time timestamptz not null,
  update_time timestamptz not null
);

create unique index payment_provider_order on payment (provider, provider_order_id) where provider_order_id <> '';
create index payment_check on payment (check_time) where check_time is not null;

-- One try of the customer to pay, as the provider tells it; in cash one collection at the door.
create table charge (
  provider text not null,
  id text collate "C" not null,
  payment_id text collate "C" not null references payment,
  amount int8 not null,
  -- 1 failed, 2 authorized, 3 captured: it only ever grows
  state smallint not null,
  -- Whether it failed once, whatever came of it.
  failed boolean not null,
  time timestamptz not null,
  primary key (provider, id)
);

create index charge_payment on charge (payment_id);

create table refund (
  id text collate "C" primary key,
  payment_id text collate "C" not null references payment,
  -- null for what was not asked for by a call
  request_id text unique,
  charge_id text not null,
  amount int8 not null check (amount > 0),
  reason text not null,
  -- 1 pending, 2 failed, 3 succeeded: it only ever grows
  state smallint not null,
  provider_id text not null default '',
  create_time timestamptz not null,
  done_time timestamptz
);

create index refund_payment on refund (payment_id);

-- Every movement of money, two legs each that sum to zero. Nothing here is ever changed.
create table ledger_entry (
  -- 'provider' and 'cash' are where our money lies; 'customer' is who gave it
  account text not null,
  amount int8 not null,
  currency text not null,
  provider text not null,
  -- 1 captured, 2 refunded
  kind smallint not null,
  -- The provider's id of the movement: it counts once.
  provider_id text collate "C" not null,
  payment_id text collate "C" not null references payment,
  -- The provider's.
  time timestamptz not null,
  create_time timestamptz not null,
  primary key (provider, kind, provider_id, account)
);

create index ledger_entry_payment on ledger_entry (payment_id);
create index ledger_entry_time on ledger_entry (provider, time);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the ledger is only ever added to';
end
$$;
create trigger ledger_entry_stays before update or delete on ledger_entry
  for each statement execute function refuse_change();

-- Events of providers that were handled, kept for as long as one could come again.
create table provider_event (
  provider text not null,
  id text not null,
  time timestamptz not null,
  primary key (provider, id)
);

create index provider_event_time on provider_event (time);

-- The built-in test provider's own books: what a real one would have on its own machines.
create table test_charge (
  id text collate "C" primary key,
  order_id text collate "C" not null,
  amount int8 not null,
  currency text not null,
  state text not null,
  time timestamptz not null
);

create index test_charge_order on test_charge (order_id);
create index test_charge_time on test_charge (time);

create table test_refund (
  id text collate "C" primary key,
  charge_id text collate "C" not null references test_charge,
  receipt text not null unique,
  amount int8 not null,
  time timestamptz not null
);

create index test_refund_charge on test_refund (charge_id);
create index test_refund_time on test_refund (time);

create table test_secret (secret text not null);
insert into test_secret values (gen_random_uuid()::text || gen_random_uuid()::text);
