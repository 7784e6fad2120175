/**
 * A random choice.
 *
 * @module
 */

/** All of a short list; of a long one, `most` at random, by the first steps of a shuffle in place. */
export function sample<T>(list: T[], most: number): T[] {
  if (list.length <= most) return list;
  for (let i = 0; i < most; i++) {
    const j = i + Math.floor(Math.random() * (list.length - i));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list.slice(0, most);
}
