import type { Finding } from '../contracts/finding.ts';
import { callRules } from './calls.ts';
import { callerRules } from './callers.ts';
import { eventRules } from './events.ts';
import { limitRules } from './limits.ts';
import type { Linted, Rule } from './rule.ts';
import { userRules } from './users.ts';

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
