import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { answer } from './cli/cli.ts';

const page = readFileSync(new URL('../docs/mesh.md', import.meta.url), 'utf8');
const shown = [...page.matchAll(/```console\n\$ npm run mesh -- (.*)\n([^`]*)```\n/g)].map(
  ([, line = '', output = '']) => [line, output] as const,
);

test.each(shown)('docs/mesh.md shows what %s prints, but for line numbers', async (line, output) => {
  const { out } = await answer(line.split(' '));
  expect(withoutLines(output)).toBe(withoutLines(out));
});

test('docs/mesh.md names each command', async () => {
  const { out } = await answer([]);
  expect(shown.length).toBeGreaterThan(3);
  for (const [, name = ''] of out.matchAll(/^ {2}(\w+) {2}/gm)) expect(page).toContain(`| \`${name}`);
});

/** Contracts move on: where a rule stands is not worth a failed build. */
function withoutLines(text: string): string {
  return text.replaceAll(/(\.proto):\d+ */g, '$1 ');
}
