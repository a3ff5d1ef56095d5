/** Those of `names` that somebody may have meant who wrote `said`: the nearest first, three at most. */
export function near(said: string, names: readonly string[]): readonly string[] {
  const wanted = said.toLowerCase();
  const most = Math.max(2, Math.floor(wanted.length / 3)); // letters that a hasty hand gets wrong
  return names
    .map((name) => ({ name, distance: distanceOf(wanted, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** ": did you mean cart or chart?", or nothing. */
export function didYouMean(said: string, names: readonly string[]): string {
  const found = near(said, names);
  return found.length === 0 ? '' : `: did you mean ${found.join(' or ')}?`;
}

/** Letters to add, drop or change. What holds the whole word is near. */
function distanceOf(from: string, to: string): number {
  if (from.length > 2 && to.includes(from)) return 1;
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [line, letter] of [...from].entries()) {
    const above = row;
    row = [line + 1];
    for (const [column, other] of [...to].entries()) {
      const changed = (above[column] ?? 0) + (letter === other ? 0 : 1);
      row.push(Math.min(changed, (above[column + 1] ?? 0) + 1, (row[column] ?? 0) + 1));
    }
  }
  return row[to.length] ?? 0;
}
