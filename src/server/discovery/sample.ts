/**
 * A random choice.
 *
 * @module
 */

/**
 * All items of a short list that `accepts` accepts; of a long list, `most` of them at random, at the cost of the items
 * that were looked at.
 *
 * @param from Index of the first item that counts.
 */
export function sample<T>(
  list: readonly T[],
  { most, accepts, from = 0 }: { most: number; accepts: (item: T) => boolean; from?: number },
): T[] {
  if (list.length - from <= most) return (from === 0 ? list : list.slice(from)).filter(accepts);
  const chosen: T[] = [];
  for (const place of shuffled(from, list.length)) {
    if (accepts(list[place])) chosen.push(list[place]);
    if (chosen.length === most) break;
  }
  return chosen;
}

/** All numbers from `from` up to `end` in random order: a shuffle that keeps only what it has moved. */
function* shuffled(from: number, end: number): Iterable<number> {
  const moved = new Map<number, number>();
  for (let at = from; at < end; at++) {
    const other = at + Math.floor(Math.random() * (end - at));
    yield moved.get(other) ?? other;
    moved.set(other, moved.get(at) ?? at);
  }
}
