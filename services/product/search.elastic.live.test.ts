import { openElasticShop } from './search-elastic.testing.ts';
import { describeSearchRelevance } from './search-relevance.contract.ts';
import { describeProductSearch, type SearchUnderTest } from './search.contract.ts';

async function open(): Promise<SearchUnderTest> {
  const shop = await openElasticShop();
  return {
    search: shop.search,
    async write(products) {
      await shop.write(products);
      await shop.settle();
    },
    async remove(product) {
      await shop.remove(product);
      await shop.settle();
    },
    close: shop.close,
  };
}

describeProductSearch('the search in Elasticsearch', open);
describeSearchRelevance('the search in Elasticsearch', open);
