import { describeProductSearch } from './search.contract.ts';
import { openElasticShop } from './search-elastic.testing.ts';

describeProductSearch('the search in Elasticsearch', async () => {
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
});
