import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { cassandraConfig } from '#platform/engine-config.ts';
import { busConfig } from '#platform/event-bus-config.ts';
import { placesConfig, processConfig } from '#platform/process-config.ts';
import { services } from '#services/all.ts';

test('every variable that is read stands in docs/settings.md, and no other does', async () => {
  const page = await readFile(new URL('../docs/settings.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );

  const own = await Promise.all(services.map(async ({ load }) => (await load()).config));
  const read = [processConfig, busConfig, cassandraConfig, placesConfig(services), ...own].flatMap((config) =>
    config instanceof z.ZodObject ? Object.keys(config.shape) : [],
  );

  expect([...new Set(documented)].sort()).toEqual([...new Set(read)].sort());
});
