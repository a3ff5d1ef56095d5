import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { services } from '#services/all.ts';
import { asTable, readArguments } from './doctor.ts';
import { examineAll, examinationsOf, type Examining } from './examinations.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'only2u-doctor-'));
});
afterAll(() => rm(folder, { recursive: true }));

const examining = (examine: Examining['examine']): Examining => ({
  engine: 'PostgreSQL',
  services: ['user', 'cart'],
  secrets: ['hunter2'],
  examine,
});

test('what is wanted is read from the arguments, and anything else is refused', () => {
  expect(readArguments(['--json'])).toEqual({ help: false, json: true, engines: undefined });
  expect(readArguments(['--engines'])).toMatchObject({ engines: '.data/engines/variables.json' });
  expect(readArguments(['--engines'], { ENGINES_DATA: '/mine' })).toMatchObject({ engines: '/mine/variables.json' });
  expect(readArguments(['--engines', 'mine.json'])).toMatchObject({ engines: 'mine.json' });
  for (const wrong of [['mine.json'], ['--everything'], ['--engines', 'a', 'b']])
    expect(() => readArguments(wrong)).toThrow('Usage: npm run doctor');
});

test('the findings of each engine are a table, and no password is shown', async () => {
  const examined = await examineAll([
    examining(async function* () {
      yield { about: 'reachable', verdict: 'good', text: 'answers' };
      yield { about: 'tls', verdict: 'warning', text: 'plain text' };
      await Promise.resolve();
      throw new Error('no answer from user:hunter2@somewhere');
    }),
  ]);
  expect(asTable(examined)).toBe(
    [
      'PostgreSQL (user, cart)',
      '  ✓ reachable answers',
      '  ! tls       plain text',
      '  ✗ reachable it can’t be examined: no answer from user:…@somewhere',
      '',
      '1 to be mended, 1 to be looked at.',
    ].join('\n'),
  );
});

test('services that use an engine in the same way are looked at together, and one of another’s apart', async () => {
  const loaded = await Promise.all(services.map(({ load }) => load()));
  const key = 'k'.repeat(32);
  const variables = {
    ONLY2U_DATA: folder,
    DATABASE_URL: 'postgres://shop:hunter2@127.0.0.1:1/shop',
    CART_DATABASE_URL: 'postgres://cart:hunter2@127.0.0.1:1/shop',
    ...{ PAGE_TOKEN_KEY: key, QUOTE_KEY: key, USER_SECRET: key },
  };
  const found = await examinationsOf({ entries: services, services: loaded, variables });
  expect(found.filter(({ engine }) => engine === 'PostgreSQL').map(({ services: names }) => names)).toEqual([
    ['user', 'product', 'coupon', 'order', 'payment'],
    ['cart'],
  ]);
  const [first] = await examineAll(found);
  expect(first?.findings).toEqual([
    { about: 'reachable', verdict: 'bad', text: expect.stringMatching(/^it can’t be reached .*correct DATABASE_URL$/) },
  ]);
});

test('a shop on its own database has nothing to be looked at', async () => {
  const loaded = await Promise.all(services.map(({ load }) => load()));
  const found = await examinationsOf({ entries: services, services: loaded, variables: { ONLY2U_DATA: folder } });
  expect(asTable(await examineAll(found))).toMatch(/^No engine is named/);
});

test('a Kafka that is not there is told with the variable to correct, for all that tell and hear events through it', async () => {
  const loaded = await Promise.all(services.map(({ load }) => load()));
  const examine = async (variables: Record<string, string>): Promise<unknown> =>
    examineAll(
      await examinationsOf({ entries: services, services: loaded, variables: { ONLY2U_DATA: folder, ...variables } }),
    );
  expect(await examine({ KAFKA_BROKERS: '127.0.0.1:1' })).toMatchObject([
    {
      engine: 'Kafka',
      services: ['user', 'product', 'cart', 'coupon', 'order', 'payment'],
      findings: [{ verdict: 'bad', text: expect.stringMatching(/^it can’t be reached.*correct KAFKA_BROKERS/) }],
    },
  ]);
});
