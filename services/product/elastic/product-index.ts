import { createHash } from 'node:crypto';

/** In how many places of a title a suggestion can begin: `titleTails` gives that many. */
export const tailPlaces = 10;

const words = { type: 'keyword', doc_values: false, norms: false } as const;

/**
 * How products lie in Elasticsearch. There is no analyzer: a document comes as the lexemes that PostgreSQL's tsvector holds by weight,
 * and a query is asked in lexemes of the same dictionary, so both engines find the same to the letter. What is ranked by is copied
 * together here: words of the title, those with tags and brand, those with type and options, all.
 */
export const productIndex = {
  settings: {
    number_of_shards: 1, // 100,000 products are some 150 MB; a shard takes hundreds of times that
    auto_expand_replicas: '0-1',
    refresh_interval: '1s',
    gc_deletes: '1h', // for so long a late change can't bring a deleted product back; what is older is not sent (see search-follow.ts)
    sort: { field: 'doc', order: 'desc' }, // the latest of a filter without reading the others
  },
  mappings: {
    dynamic: 'strict',
    properties: {
      product_id: { type: 'keyword' },
      /** Counts up as products are published: what is in order of time is in this order. */
      doc: { type: 'integer' },
      title: { ...words, copy_to: ['with_labels', 'with_kinds', 'words'] },
      labels: { ...words, copy_to: ['with_labels', 'with_kinds', 'words'] },
      kinds: { ...words, copy_to: ['with_kinds', 'words'] },
      rest: { ...words, copy_to: ['words'] },
      with_labels: words,
      with_kinds: words,
      words,
      /** The words as they are written, for completions and typing errors. */
      vocabulary: { type: 'keyword' },
      /** What is filtered by and counted: "tag<tab>summer". */
      facets: { type: 'keyword' },
      currency: { type: 'keyword' },
      min_price: { type: 'long' },
      max_price: { type: 'long' },
      in_stock: { type: 'boolean' },
      /** The rest of the title from each of its words on. */
      tails: {
        properties: Object.fromEntries(Array.from({ length: tailPlaces }, (_, place) => [`from_${place}`, words])),
      },
    },
  },
} as const;

/** Processes of a version with another mapping keep an index of their own. */
const hash = createHash('sha256').update(JSON.stringify(productIndex)).digest('hex').slice(0, 8);

/** The alias that is asked, and what its indices' names begin with. It names the mapping. */
export const productAlias = `products-${hash}`;
