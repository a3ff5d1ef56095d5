import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isContract } from '#platform/contracting.postgres.ts';

/*
 * Two versions of a service run side by side while one replaces the other. A migration that takes away or changes what the one before
 * uses says so in its first line, and waits (docs/migrations.md).
 */
const root = resolve(import.meta.dirname, '..');
const takesAway =
  /\b(drop\s+(table|column|view)\b|rename\s+(to|column|constraint)\b|alter\s+(column\s+)?\w+\s+(set\s+data\s+)?type\b|alter\s+(column\s+)?\w+\s+set\s+not\s+null)/i;
const harmless = /--\s*older versions:/i; // and why they can live with it, in the line before or in the same

/** They ran before there was the rule, and a migration that ran is never changed. */
const fromBefore = new Set(['services/product/migrations/0005_selling.sql']);

const problems = globSync('{services/*,platform}/*migrations/*.sql', { cwd: root })
  .filter((file) => !fromBefore.has(file))
  .flatMap((file) => {
    const text = readFileSync(resolve(root, file), 'utf8');
    if (isContract(text)) return [];
    const lines = text.split('\n');
    return lines.flatMap((line, index) => {
      const [code = ''] = line.split('--');
      if (!takesAway.test(code) || harmless.test(line) || harmless.test(lines[index - 1] ?? '')) return [];
      return [
        `${file}:${index + 1}: takes away or changes what the version before uses. Begin the file with "-- contract", or say in the line before why that can live with it: "-- older versions: …"`,
      ];
    });
  });

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
