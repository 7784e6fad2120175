/** Seconds in words, for the relay and for its page. */

const UNITS = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];

/**
 * The two largest units: `"3 d 4 h"`, `"12 min 5 s"`.
 *
 * @param {number} seconds
 * @returns {string}
 */
export function duration(seconds) {
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  let rest = Math.floor(seconds);
  const parts = UNITS.slice(first).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return `${count} ${unit}`;
  });
  return parts.slice(0, 2).join(" ");
}
