-- A trace of the quote_token that an order was placed by: a quote makes one order, whatever its request_id and whatever became of the
-- order. Orders from before have none.
alter table orders add column quote bytea;
create unique index orders_by_quote on orders (quote);
