import { searchCap, type SearchCursor, type SearchSort } from './search.ts';

/**
 * Where the candidates come from:
 * - all: there is nothing to match; the latest of everything.
 * - filter: the list of one filter, which is in order of time.
 * - list: the list of one word, the commonest search. 0.1 ms for its best, whether 70 or 7,000 of 100,000 products have it.
 *   When it is shorter than the cap, from `query` after all, so that words of descriptions count too.
 * - pair: two words or a word and a filter, and perhaps more, by relevance. The latest that have both, words in their titles,
 *   when they are enough; else `several`. It reads at most `merged` of each list, however many products there are, and stops at
 *   121 where nothing else is asked for; GIN reads both lists whole and then each product.
 * - several: more terms than one. From the list of the first, when most of its best match the others too; else from `query`.
 *   Of 7,000 products that had both of two terms, GIN took 10 ms to give them all; so it is 1 ms.
 * - query: GIN, which intersects the lists of all terms: 0.2 to 1 ms where few match.
 *
 * The bound: where more than `gathered` match, too few of them stand among the latest titles or the best of a list, and the
 * order is relevance, then those of them that were published first are ranked and the others not.
 */
export type CandidateSource = 'all' | 'filter' | 'list' | 'pair' | 'several' | 'query';

const most = searchCap + 1; // candidates: one more than is counted says that there are more
const gathered = 600; // matches that are read to be ranked
const listed = 3_000; // of a word's list looked at, when few of them are in stock
const merged = 2_200; // of the latest with each of two terms: 121 have both when one in 18 has
const sampled = 30; // of the first term's list
const enough = 12; // of the sample that must match, for the list to be walked
const walked = 1_000; // of the list looked at then

type Order = Exclude<SearchSort, 'relevance'>;

const orders: Readonly<Record<Order, { readonly by: string; readonly after: string }>> = {
  'price-ascending': { by: 'd.min_price, d.doc', after: '(d.min_price, d.doc) > ($2::bigint, $3::integer)' },
  'price-descending': { by: 'd.min_price desc, d.doc desc', after: '(d.min_price, d.doc) < ($2::bigint, $3::integer)' },
  newest: { by: 'd.doc desc', after: '$2::bigint = 0 and d.doc < $3::integer' },
};

const endOfDocs = 2 ** 31 - 1;

/** The place before the first: a condition that always holds lets the index begin where the page does. */
export const beginnings: Readonly<Record<SearchSort, SearchCursor>> = {
  relevance: [0, 0],
  'price-ascending': [-1, 0],
  'price-descending': [Number.MAX_SAFE_INTEGER, endOfDocs],
  newest: [0, endOfDocs],
};

const statements = new Map<string, string>();

/**
 * One statement that finds, counts, ranks and pages. Its values:
 * $1 how many, $2 and $3 the cursor, $4 in stock only, $5 to $7 currency, least and highest price;
 * without 'all': $8 the filters as a tsquery, $9 the words, $10 to $12 the words in the title, in tags and brand, in type and options;
 * of 'filter', 'list', 'pair' and 'several': $13 the first word or else $14 the first filter; of 'pair': $15 the second word, or else it is the first filter.
 *
 * The score is the tier: 3 for all words in the title, 2 with tags and brand, 1 with type and options, 0 with the description;
 * the latest of a tier first. ts_rank, which also weighs how near the words stand, took 6 µs a product, this 1 µs.
 * In an order other than relevance a page comes from the candidates when they are all, else from what was gathered when that
 * is all, else from walking the order's index: so many match then that the next match is never far.
 */
export function searchStatement(source: CandidateSource, sort: SearchSort): string {
  const key = `${source} ${sort}`;
  const text = statements.get(key) ?? build(source, sort);
  statements.set(key, text);
  return text;
}

// A price is asked for in a currency; others don't compare.
const holds = `(not $4::boolean or d.in_stock)
  and ($5::text is null or (d.currency = $5 and d.max_price >= $6::bigint and d.min_price <= $7::bigint))`;

// The function instead of the operator, for where an index is walked: GIN would fetch all that match and sort them.
const allWords = 'ts_match_vq(d.words, (select words from asked))';
const matches = `${allWords} and ${holds}`;

const columns = 'd.doc, d.product_id, d.min_price, d.facets';

const tier = ['title', 'labels', 'kinds']
  .map((part) => `(d.words @@ (select ${part} from asked))::integer`)
  .join(' + ');

const gather = `select ${columns}, ${tier} as score from search_document d
    where d.words @@ (select words from asked) and ${holds} limit ${gathered}`;

const bestGathered = `select * from gathered order by score desc, doc desc limit ${most}`;

/** The best of the first term's list, as d and p. */
function fromList(length: number): string {
  return `(select doc, tier from search_posting where term = (select first from asked) order by tier desc, doc desc limit ${length}) p
    join search_document d on d.doc = p.doc`;
}

/**
 * Whether the first and the second term are all that must match: what has both then need not be looked at again. Three nodes are
 * two terms; array_to_tsvector takes no nulls, which a stop word is.
 */
const onlyTheTwo = `case when first is null or second is null then false
  else numnode(words) = 3 and array_to_tsvector(array[first, second]) @@ words end`;

const isFull = (name: string): string => `(select count(*) from ${name}) = ${most}`;

const topOrGathered = `gathered as materialized (select * from (${gather}) d where not ${isFull('top')}),
    found as materialized (select * from top where ${isFull('top')} union all (${bestGathered}))`;

function walk(when: string): string {
  return `sample as materialized (select count(*) as hits from ${fromList(sampled)} where ${when} and ${matches}),
    walk as materialized (
      select ${columns}, ${tier} as score from ${fromList(walked)}
      where (select hits from sample) >= ${enough} and ${matches} order by p.tier desc, p.doc desc limit ${most})`;
}

const candidates: Readonly<Record<CandidateSource, string>> = {
  all: `found as materialized (
    select ${columns}, 0 as score from search_document d where ${holds} order by d.doc desc limit ${most})`,
  filter: `found as materialized (select ${columns}, 0 as score from ${fromList(most)} where ${holds})`,
  list: `top as materialized (
      select ${columns}, p.tier as score from ${fromList(listed)} where ${holds} order by p.tier desc, p.doc desc limit ${most}),
    ${topOrGathered}`,
  pair: `pair as materialized (
      select ${columns}, 3 as score from search_document d
      where d.doc = any ((select latest_with_both(first, second, second_tier, ${merged},
          case when alone and not $4::boolean and $5::text is null then ${most} else ${merged} end) from asked)::integer[])
        and ((select alone from asked) or (ts_match_vq(d.words, (select title from asked)) and ${allWords})) and ${holds}
      order by d.doc desc limit ${most}),
    ${walk(`not ${isFull('pair')}`)},
    top as materialized (select * from pair where ${isFull('pair')} union all (select * from walk where not ${isFull('pair')})),
    ${topOrGathered}`,
  several: `${walk('true')}, top as (select * from walk), ${topOrGathered}`,
  query: `gathered as materialized (${gather}), found as materialized (${bestGathered})`,
};

function build(source: CandidateSource, sort: SearchSort): string {
  // Made once: in a plan without the values to_tsquery would be called again for each row, three times 10 µs.
  const first =
    source === 'query' ? '' : `, coalesce((ts_lexize('english_stem', $13::text))[1], $14::text) collate "C" as first`;
  const second =
    source === 'pair'
      ? `, case when $15::text is null then $14::text else (ts_lexize('english_stem', $15))[1] end collate "C" as second,
      case when $15 is null then 0 else 3 end::smallint as second_tier`
      : '';
  const read = `select to_tsquery('english', $9) && $8::tsquery as words, to_tsquery('english', $10) as title,
      to_tsquery('english', $11) as labels, to_tsquery('english', $12) as kinds ${first} ${second}`;
  const asked =
    source === 'pair'
      ? `read as materialized (${read}), asked as materialized (select *, ${onlyTheTwo} as alone from read),`
      : `asked as materialized (${read}),`;
  return `with ${source === 'all' ? '' : asked} ${candidates[source]}, page as (${page(source, sort)})
    select (select count(*)::integer from found) as total,
      (select json_build_array(json_agg(facet), json_agg(products)) from (
        select facet, count(*) as products from (select unnest(facets) as facet from found) each group by facet) counted) as facets,
      (select json_agg(json_build_array(product_id, min_price, doc)) from page) as page`;
}

function page(source: CandidateSource, sort: SearchSort): string {
  if (sort === 'relevance') {
    return `select product_id, min_price, doc from (select * from found order by score desc, doc desc limit ${searchCap}) best
      order by score desc, doc desc offset $2::bigint + $3::integer limit $1`;
  }
  const { by, after } = orders[sort];
  if (source === 'filter' && sort === 'newest') {
    return `select d.product_id, d.min_price, d.doc from (
        select doc from search_posting where term = (select first from asked) and tier = 0 and $2::bigint = 0 and doc < $3::integer
        order by doc desc limit $1) p
      join search_document d on d.doc = p.doc order by d.doc desc`;
  }
  // What is ranked may be some of what was gathered, and what was gathered some of what matches.
  const from = (rows: string, when: string): string => `(select d.product_id, d.min_price, d.doc from ${rows} d
       where ${after} and ${when} order by ${by} limit $1)`;
  const all = `not ${isFull('found')}`;
  if (source === 'all' || source === 'filter') {
    return `${from('found', all)} union all
      ${from('search_document', `${isFull('found')} and ${source === 'all' ? holds : matches}`)}`;
  }
  const gatheredAll = `(select count(*) from gathered) between 1 and ${gathered - 1}`;
  return `${from('gathered', gatheredAll)} union all
      ${from('search_document', `${isFull('found')} and not ${gatheredAll} and ${matches}`)}`;
}
