-- What is searched: the published products alone, kept in the transaction that writes the product.

create extension if not exists pg_trgm;

create table search_document (
  -- Counts up as products are published: the latest first is this index read backwards.
  doc integer generated always as identity primary key,
  product_id text collate "C" not null unique references product on delete cascade,
  -- The words, stemmed: title A, tags and brand B, type and option values C, description D; and what is filtered by as
  -- words of their own with a tab inside, such as "tag<tab>summer", so that one index intersects both.
  words tsvector not null,
  -- What is counted and filtered by: "tag<tab>summer".
  facets text[] not null,
  currency text not null,
  min_price bigint not null,
  max_price bigint not null,
  in_stock boolean not null
) with (fillfactor = 90); -- selling out rewrites in_stock in the row's own page
-- Without the pending list: it makes writes cheaper by making every search read it through.
create index search_document_words on search_document using gin (words) with (fastupdate = off);
create index search_document_by_price on search_document (min_price, doc);

-- The best of each word: GIN reads a word's whole list before it gives the first row (2 ms for 7,000 of 100,000 products);
-- this one gives the best 300 in 0.1 ms, however long the list is. Words of the description alone are not in it.
-- No foreign key here or in suggestion: checking some 20 rows a product was most of the cost of an import.
create table search_posting (
  term text collate "C" not null,
  -- 3 in the title, 2 a tag or the brand, 1 the rest, 0 what is filtered by.
  tier smallint not null,
  doc integer not null,
  primary key (term, tier, doc)
);
create index search_posting_of_document on search_posting (doc);

-- The words of titles, tags, brands, types and options as they are written: what a typing error is corrected to.
create table search_word (
  word text collate "C" primary key
);
create index search_word_alike on search_word using gist (word gist_trgm_ops (siglen = 32));

-- The rest of a title from each of its words on: what has been typed is a prefix of one.
create table suggestion (
  tail text collate "C" not null,
  -- The place of the tail's first word in the title, from 0.
  place smallint not null,
  doc integer not null,
  primary key (tail, doc, place)
);
create index suggestion_of_document on suggestion (doc);
