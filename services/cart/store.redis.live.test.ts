import { openRedisCarts } from './redis.testing.ts';
import { testCartStore } from './store.contract.ts';

testCartStore(async () => {
  const carts = await openRedisCarts();
  const { store } = await carts.open();
  return { store, close: () => carts.close() };
});
