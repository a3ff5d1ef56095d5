-- Products, their variants and categories. What is searched lies in 0003; stock and reservations in 0002.
-- Ids are in order of time ("C" collation), so that "the latest first" is an index read backwards by id.

create table category (
  id text collate "C" primary key,
  parent_id text collate "C" references category,
  slug text not null,
  title text not null,
  -- The slugs from the top, joined by "/": "C" collation puts a parent before its children, and a subtree is a range.
  path text collate "C" not null unique,
  version integer not null,
  create_time timestamptz not null,
  update_time timestamptz not null
);
create index category_children on category (parent_id);

create table product (
  id text collate "C" primary key,
  handle text collate "C" not null unique,
  vendor_id text collate "C" not null,
  category_id text collate "C" references category,
  -- 1 draft, 2 published, 3 archived: the contract's numbers.
  status smallint not null,
  version integer not null,
  create_time timestamptz not null,
  update_time timestamptz not null,
  -- What the vendor wrote, whole, in one column: a product is read by one index probe, without a join for its parts.
  -- json and not jsonb: it is only ever read whole, and text goes out as it lies.
  content json not null
);
-- Each list is one of these read backwards, from the page token's id.
create index product_by_status on product (status, id);
create index product_by_vendor on product (vendor_id, status, id);
create index product_by_category on product (category_id, status, id);

-- What stock is counted for. Rows are kept while a product is changed: a variant keeps its id, and with it its stock.
create table variant (
  id text collate "C" primary key,
  product_id text collate "C" not null references product on delete cascade,
  -- Its place in the product's content, from 0.
  position smallint not null,
  sku text not null,
  stock_tracked boolean not null,
  backorder_allowed boolean not null
);
create index variant_of_product on variant (product_id);
