import { expect, test } from '@jest/globals';
import type { EngineState } from './engine.ts';
import { Fault } from './fault.ts';
import { assertReady, openingState, stateOf } from './readiness.ts';

const well = (name: string, needed = true): EngineState => ({ name, needed, check: () => Promise.resolve() });
const away = (name: string, needed: boolean): EngineState => ({
  name,
  needed,
  check: () => Promise.reject(new Error('nobody answers')),
});
const nothingElse = (): Promise<void> => Promise.resolve();

test('a service is ready while all that it needs is there, and says which engine it does without', async () => {
  const engines = [well('PostgreSQL'), away('Redis', false)];
  expect(await stateOf(engines, nothingElse)).toEqual({
    ready: true,
    status: 'ready',
    engines: { PostgreSQL: 'ready', Redis: 'away: nobody answers' },
  });
  await expect(assertReady(engines, nothingElse)).resolves.toBeUndefined();
});

test('one that it needs makes it not ready, by name', async () => {
  const engines = [away('PostgreSQL', true), well('Redis', false)];
  expect(await stateOf(engines, nothingElse)).toMatchObject({ ready: false, status: 'PostgreSQL is away' });
  await expect(assertReady(engines, nothingElse)).rejects.toThrow('nobody answers');
});

test('what the service itself is not done with counts too', async () => {
  const state = await stateOf([well('PostgreSQL')], () => Promise.reject(new Error('the keys are not read yet')));
  expect(state).toMatchObject({ ready: false, status: 'the keys are not read yet' });
});

test('a service that waits for an engine says for which', () => {
  const failure = new Fault(
    'unavailable',
    'DATABASE_UNAVAILABLE',
    'The database can’t be reached just now; try again.',
  );
  expect(openingState(new Map([['PostgreSQL', failure]]))).toEqual({
    ready: false,
    status: 'starting; waits for PostgreSQL',
    engines: { PostgreSQL: `away: ${failure.message}` },
  });
});
