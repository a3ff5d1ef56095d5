import type { Product } from './product.ts';
import type { SearchFacet, SearchQuery } from './search.ts';

const longestTerm = 500; // bytes; a tsvector takes 2,046, and nobody picks such a value from a list
const maxFacets = 600; // values of one product: far more than anybody picks from
const valuesPerFacet = 20;
const optionFacets = 10;

/** A word that stands for "has this value": what documents hold and filters ask for. Very long values are cut. */
export function facetTerm(name: string, value: string): string {
  const bytes = Buffer.from(`${name}\t${value}`);
  return bytes.length <= longestTerm
    ? bytes.toString()
    : bytes
        .subarray(0, longestTerm)
        .toString()
        .replace(/\ufffd+$/, '');
}

/** What a product is filtered by and counted under, as terms. */
export function facetsOf(product: Product): string[] {
  const terms = [
    ...(product.categoryId === '' ? [] : [facetTerm('category', product.categoryId)]),
    ...(product.brand === '' ? [] : [facetTerm('brand', product.brand)]),
    ...product.tags.map((tag) => facetTerm('tag', tag)),
    ...product.options.flatMap((option) => option.values.map((value) => facetTerm(`option:${option.name}`, value))),
  ];
  return [...new Set(terms)].slice(0, maxFacets);
}

/** What must hold of the terms: one of each group. */
export function filtersOf(query: SearchQuery): string[][] {
  return [
    ...(query.categoryIds === undefined ? [] : [query.categoryIds.map((id) => facetTerm('category', id))]),
    ...query.tags.map((tag) => [facetTerm('tag', tag)]),
    ...(query.brands.length === 0 ? [] : [query.brands.map((brand) => facetTerm('brand', brand))]),
    ...query.options.map(({ name, values }) => values.map((value) => facetTerm(`option:${name}`, value))),
  ];
}

type FacetValue = SearchFacet['values'][number];

/** The facets of what was found, from how many have each term. */
export function facetsFrom(counted: Iterable<readonly [term: string, count: number]>): SearchFacet[] {
  const byName = new Map<string, FacetValue[]>();
  for (const [term, count] of counted) {
    const tab = term.indexOf('\t');
    const name = term.slice(0, tab);
    const value = { value: term.slice(tab + 1), count };
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [value]);
    else values.push(value);
  }
  const options = [...byName.keys()]
    .filter((name) => name.startsWith('option:'))
    .sort((a, b) => weight(b) - weight(a) || (a < b ? -1 : 1))
    .slice(0, optionFacets);
  return ['category', 'brand', 'tag', ...options].flatMap((name) => {
    const values = byName.get(name);
    // A category's counts are still to be added up along the tree, so all of them are needed.
    return values === undefined ? [] : [{ name, values: name === 'category' ? values : commonest(values) }];
  });

  function weight(name: string): number {
    return (byName.get(name) ?? []).reduce((sum, { count }) => sum + count, 0);
  }
}

/** The commonest first. Keeping the few took a third of the time of sorting all. */
function commonest(values: readonly FacetValue[]): FacetValue[] {
  const best: FacetValue[] = [];
  for (const value of values) {
    const last = best.at(-1);
    if (best.length === valuesPerFacet && last !== undefined && !isCommoner(value, last)) continue;
    const place = best.findIndex((other) => isCommoner(value, other));
    best.splice(place === -1 ? best.length : place, 0, value);
    if (best.length > valuesPerFacet) best.pop();
  }
  return best;
}

function isCommoner(a: FacetValue, b: FacetValue): boolean {
  return a.count > b.count || (a.count === b.count && a.value < b.value);
}
