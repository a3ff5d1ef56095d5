import type { Outcome } from './model-order.ts';

/** A command that was carried out, and what was answered. "?" stands for what nobody was told. */
export type Done<C> = { readonly command: C; readonly answer: string };

/**
 * Every state that the commands can lead to, one after the other in any order, with exactly these answers: what was sent at once has to
 * look as if it had come in some order (linearizability). None: no order explains the answers.
 */
export function outcomesOf<S, C>(
  start: S,
  done: readonly Done<C>[],
  step: (state: S, command: C) => readonly Outcome<S>[],
): S[] {
  const seen = new Set<string>();
  const ends = new Map<string, S>();
  const visit = (state: S, left: readonly Done<C>[]): void => {
    const key = `${nameOf(state)} ${left.map((one) => done.indexOf(one)).join()}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (left.length === 0) ends.set(nameOf(state), state);
    for (const next of left) {
      const rest = left.filter((one) => one !== next);
      for (const { state: after, answer } of step(state, next.command)) {
        if (next.answer === '?' || next.answer === answer) visit(after, rest);
      }
    }
  };
  visit(start, done);
  return [...ends.values()];
}

/** The state as a text: the same text, the same state. */
export function nameOf(state: unknown): string {
  return JSON.stringify(state, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}
