import { expect, test } from '@jest/globals';
import { newId } from '#platform/ids.ts';
import { freePort } from '#platform/free-port.ts';
import { openTestShop } from './shop.ts';

const away = expect.stringMatching(/^away: /);

test('a shop starts while all its engines but PostgreSQL are away, names each, and does what needs none of them', async () => {
  const ADMIN_PORT = String(await freePort());
  const shop = await openTestShop({
    ADMIN_PORT,
    REDIS_URL: 'redis://127.0.0.1:1',
    RABBITMQ_URL: 'amqp://127.0.0.1:1/only2u',
    ELASTICSEARCH_URL: 'http://127.0.0.1:1',
    CASSANDRA_HOSTS: '127.0.0.1:1',
  });
  try {
    const readiness = await fetch(`http://127.0.0.1:${ADMIN_PORT}/readyz`);
    expect(readiness.status).toBe(503);
    const events = { PostgreSQL: 'ready', RabbitMQ: away, Cassandra: away, 'Redis for announcements': away };
    expect(await readiness.json()).toMatchObject({
      services: {
        user: { status: 'ready', engines: { ...events, Redis: away } },
        product: { status: 'ready', engines: { ...events, Redis: away, Elasticsearch: away } },
        cart: { status: 'Redis is away', engines: { ...events, Redis: away } },
        coupon: { status: 'ready' },
        order: { status: 'ready', engines: events },
        payment: { status: 'ready', engines: events },
        gateway: { status: 'ready', engines: { Redis: away } },
      },
    });

    const { token } = await shop.signUp();
    expect((await shop.call('UserService/GetUser', {}, { token })).status).not.toBe(503);
    expect((await shop.call('ProductService/SearchProducts', { query: 'shirt' })).status).toBe(200);
    expect((await shop.call('OrderService/ListOrders', {}, { token })).status).toBe(200);

    const cart = { requestId: newId('req'), variantId: 'var_1', quantity: 1 };
    const refused = await shop.call('CartService/AddCartItem', cart, { token });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  } finally {
    await shop.close();
  }
});
