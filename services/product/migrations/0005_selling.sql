-- What the cart and the checkout ask of the catalog and of stock.

-- What a cart shows and an order charges of a variant, as JSON, so that neither reads whole products: kept in step by whoever
-- writes the product. Text and not json, which can't be compared: an unchanged variant is not written again.
alter table variant add column card text;
update variant v set card = made.card
from (
  select said.variant ->> 'id' as id, json_strip_nulls(json_build_object(
    'title', p.content ->> 'title', 'brand', p.content ->> 'brand', 'type', p.content ->> 'productType',
    'values', said.variant -> 'values',
    'image', coalesce(nullif(said.variant ->> 'image', ''), p.content -> 'images' -> 0 ->> 'url', ''),
    'currency', p.content ->> 'currency', 'price', said.variant -> 'price', 'before', said.variant -> 'before',
    'ships', said.variant -> 'ships', 'taxed', said.variant -> 'taxed', 'grams', said.variant -> 'grams'))::text as card
  from product p cross join lateral json_array_elements(p.content -> 'variants') as said (variant)) made
where v.id = made.id;
alter table variant alter column card set not null;

alter table reservation
  -- Who asked for it and by which request_id: the same request again finds it.
  add column request text collate "C",
  -- The order that it is for.
  add column order_id text collate "C",
  -- Whether its order is closed: nothing is reserved for it any more. An order that held nothing is closed by a released
  -- reservation of nothing. It is the reservation that is marked, so that one index refuses whoever comes too late.
  add column closing boolean not null default false;
create unique index reservation_by_request on reservation (request) where request is not null;
create unique index reservation_of_order on reservation (order_id)
  where order_id is not null and (state in (1, 2) or closing);

-- No foreign key: the items are written and removed by the statements that write and remove their reservation, and checking
-- each of five took two thirds of the time of a hold.
alter table reservation_item drop constraint reservation_item_reservation_id_fkey,
  -- How many of the sold pieces came back. In the ledger they are of kind 4.
  add column restocked integer not null default 0,
  add constraint restocked_is_sold check (restocked between 0 and quantity);
