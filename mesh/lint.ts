import type { Finding } from './finding.ts';
import { callRules } from './lint-calls.ts';
import { callerRules } from './lint-callers.ts';
import { eventRules } from './lint-events.ts';
import { limitRules } from './lint-limits.ts';
import type { Linted, Rule } from './lint-rule.ts';
import { userRules } from './lint-users.ts';

/** Every rule that a mesh's contracts keep, by name. */
export const rules: Readonly<Record<string, Rule>> = {
  ...callerRules,
  ...userRules,
  ...limitRules,
  ...callRules,
  ...eventRules,
};

/** What is wrong with what the contracts say about the mesh, in order of places. Pure: the same contracts, the same findings. */
export function lint(linted: Linted): readonly Finding[] {
  return Object.entries(rules)
    .flatMap(([rule, { find }]) => find(linted).map((found) => ({ ...found, rule })))
    .sort((a, b) => compare(a.source.file, b.source.file) || a.source.line - b.source.line);
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
