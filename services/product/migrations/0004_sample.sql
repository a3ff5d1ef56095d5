-- Which samples were loaded, so that what an owner deletes of them stays deleted.
create table sample (
  name text primary key,
  begin_time timestamptz not null,
  -- null while it is being loaded: a process that was killed in between goes on at the next start.
  end_time timestamptz
);
