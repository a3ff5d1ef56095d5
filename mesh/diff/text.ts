import { type Change, changeId } from './change.ts';
import { sourceText } from '../source.ts';

/** Changes by id, and by what they were acknowledged, such as "commit 1a2b3c4". */
export type Acknowledged = ReadonlyMap<string, string>;

/** What begins a line of a commit's message that acknowledges a change. */
export const acknowledging = 'Loosens: ';

/** The acknowledgements that a commit's message holds, each on a line of its own. */
export function acknowledgedIn(message: string): readonly string[] {
  return message
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith(acknowledging))
    .map((line) => line.slice(acknowledging.length).trim().replace(/\s+/g, ' '));
}

/** What loosens and nobody acknowledged. */
export function unacknowledged(changes: readonly Change[], acknowledged: Acknowledged): readonly Change[] {
  return changes.filter((change) => change.effect === 'loosens' && !acknowledged.has(changeId(change)));
}

/** The changes in words, what loosens first, and how to acknowledge what nobody did. */
export function diffText(changes: readonly Change[], acknowledged: Acknowledged, protoRoot: string): string {
  if (changes.length === 0) return 'The policy is the same.\n';
  const effects = ['loosens', 'tightens', 'neither'] as const;
  const lines = effects
    .flatMap((effect) => changes.filter((change) => change.effect === effect))
    .map((change) => {
      const by = change.effect === 'loosens' ? acknowledged.get(changeId(change)) : undefined;
      const place = sourceText(change.source, protoRoot);
      return `${change.effect.padEnd(8)}  ${changeId(change)}\n          ${change.text}  ${place}${by === undefined ? '' : `\n          acknowledged by ${by}`}\n`;
    });
  const counts = effects.map((effect) => changes.filter((change) => change.effect === effect).length);
  const open = unacknowledged(changes, acknowledged);
  const summary = `${counts[0]} loosen, ${counts[1]} tighten, ${counts[2]} neither\n`;
  if (open.length === 0) return `${lines.join('')}${summary}`;
  const asked = open.map((change) => `${acknowledging}${changeId(change)}\n`).join('');
  return `${lines.join('')}${summary}\nNobody has acknowledged ${open.length} of them. If that is meant, say so in the message of a commit:\n\n${asked}`;
}
