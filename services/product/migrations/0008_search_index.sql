-- Search indexes in other engines, and what they have yet to be told. Where there is none, a change of a document costs the look
-- at an empty table.

create table search_index (
  name text collate "C" primary key,
  -- Which mapping it has: processes of two versions each keep and ask an index of their own.
  mapping text not null,
  -- filling: what is there is still being read into it; live: it is asked; old: to be removed. Until then it takes every change.
  state text not null check (state in ('filling', 'live', 'old')),
  -- While it is filled: all products up to this one are in it; how many that were, and how many there were at the beginning.
  filled_to text collate "C" not null default '',
  filled integer not null default 0,
  total integer not null default 0,
  create_time timestamptz not null default now(),
  -- Who fills it, and until when nobody else does.
  lease text not null default '',
  lease_time timestamptz not null default '-infinity',
  -- When a process last kept it up to date.
  kept_time timestamptz not null default now()
);
create unique index search_index_filling on search_index (mapping) where state = 'filling';
create unique index search_index_live on search_index (mapping) where state = 'live';

-- The products whose document has changed since the index heard of it, each once: a product that sells out and comes back a hundred
-- times a second is written as often as there is time for it.
create table search_change (
  index_name text collate "C" not null,
  product_id text collate "C" not null,
  change bigint not null,
  change_time timestamptz not null default now(),
  -- When somebody took it to tell the index.
  claim_time timestamptz not null default '-infinity',
  primary key (index_name, product_id)
);
create index search_change_in_order on search_change (index_name, change);

-- Numbers the states of all documents: of two of the same product the later one has the higher number, since it is drawn with the
-- document locked. It is the external version in the index, so what comes late or twice changes nothing there.
create sequence search_change_number;
alter table search_document add column change bigint not null default 0; -- a constant first: the table isn't written anew
alter table search_document alter column change set default nextval('search_change_number');

create function count_search_change() returns trigger language plpgsql set search_path from current as $$
begin
  new.change := nextval('search_change_number');
  return new;
end $$;
create trigger search_document_counts before update on search_document
  for each row execute function count_search_change();

create function note_search_change() returns trigger language plpgsql set search_path from current as $$
declare
  id text := case when tg_op = 'DELETE' then old.product_id else new.product_id end;
  number bigint := case when tg_op = 'DELETE' then nextval('search_change_number') else new.change end;
begin
  insert into search_change as known (index_name, product_id, change)
  select name, id, number from search_index where state <> 'old'
  on conflict (index_name, product_id) do update
    set change = excluded.change, change_time = excluded.change_time, claim_time = '-infinity';
  return null;
end $$;
create trigger search_document_changed after insert or update or delete on search_document
  for each row execute function note_search_change();
