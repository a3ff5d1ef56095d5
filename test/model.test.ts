import { afterAll, beforeAll, test } from '@jest/globals';
import fc from 'fast-check';
import { Role } from '#gen/only2u/user/v1/user_pb.ts';
import { act } from './model-acting.ts';
import { batches, type Command } from './model-commands.ts';
import { judge } from './model-judging.ts';
import { look } from './model-seeing.ts';
import { openWorld, type People, type World } from './model-world.ts';
import { openTestShop, type TestShop } from './shop.ts';

let shop: TestShop;
let people: People;

beforeAll(async () => {
  shop = await openTestShop({ TEST_PROVIDER_FAULTS: 'delay=0.3,repeat=0.4,reorder=0.3,max-delay=200' });
  const [first, second, admin] = await Promise.all([
    shop.signUp(Role.VENDOR),
    shop.signUp(Role.VENDOR),
    shop.signUp(Role.ADMIN),
  ]);
  people = { vendors: [first, second], admin };
}, 60_000);

afterAll(() => shop.close());

const runs = Number(process.env['MODEL_RUNS'] ?? 4);
const forMs = 30_000 + runs * 10_000; // what has failed by then is told as short as it has become
const seed = process.env['MODEL_SEED'];
const looks = 3; // what a provider takes in later, by itself, may come between two looks

test(
  'whatever customers, vendors and admins do at once, the shop answers and stands as the model says',
  async () => {
    const parameters = {
      numRuns: runs,
      interruptAfterTimeLimit: forMs,
      ...(seed !== undefined && { seed: Number(seed) }),
    };
    await fc.assert(
      fc.asyncProperty(batches, async (plan) => {
        const world = await openWorld(shop, people);
        try {
          for (const batch of plan) await live(world, batch);
        } finally {
          await world.close();
        }
      }),
      parameters,
    );
  },
  forMs + 30_000,
);

/** Does all of it at once, and holds what came of it against the model. */
async function live(world: World, batch: readonly Command[]): Promise<void> {
  const happened = (await Promise.all(batch.map((command) => act(world, command)))).flat();
  for (let count = 1; ; count += 1) {
    const seen = await look(world);
    const { problems, orders, coupons } = judge(world, happened, seen, batch.length === 1);
    if (problems.length === 0) {
      for (const [id, order] of orders) world.orders.set(id, order);
      for (const [code, coupon] of coupons) world.coupons.set(code, coupon);
      seen.carts.forEach((cart, user) => (world.carts[user] = cart));
      for (const one of happened) {
        if (one.on === 'stock' && one.answer === 'ok')
          world.delivered.set(one.variantId, (world.delivered.get(one.variantId) ?? 0) + one.delta);
      }
      return;
    }
    if (count >= looks) throw new Error(problems.join('\n'));
  }
}
