// Distances that edges lengthen, for parts of a region that no edge divides: as the server measures them.

/** How many pixels a step between black and white is long. */
const CONTRAST = 400;
/** Units of distance in a pixel. */
const UNITS = 16;

/**
 * The pixels within `reach` of the seeds that are closer to them than to the rivals.
 * @param {Uint8ClampedArray} colors RGBA
 * @param {number} width
 * @param {{ seeds: number[], rivals: number[] }} from
 * @param {number} reach in pixels
 * @returns {number[]}
 */
export function within(colors, width, { seeds, rivals }, reach) {
  const length = colors.length / 4;
  const max = Math.floor(reach * UNITS);
  /** @type {Map<number, { distance: number, isSeed: boolean }>} */
  const reached = new Map();
  // The pixels at each distance.
  /** @type {number[][]} */
  const waiting = Array.from({ length: max + 1 }, () => []);
  for (const [pixels, isSeed] of /** @type {const} */ ([[rivals, false], [seeds, true]])) {
    for (const at of pixels) {
      reached.set(at, { distance: 0, isSeed });
      waiting[0]?.push(at);
    }
  }
  for (let distance = 0; distance <= max; distance += 1) {
    // Of two hints that are equally far, the one wins that the server meets first.
    for (const at of (waiting[distance] ?? []).sort((one, other) => one - other)) {
      const here = reached.get(at);
      if (!here || here.distance < distance) continue;
      for (const next of neighbors(at, width, length)) {
        const further = distance + step(colors, at, next);
        if (further > max || further >= (reached.get(next)?.distance ?? Infinity)) continue;
        reached.set(next, { distance: further, isSeed: here.isSeed });
        waiting[further]?.push(next);
      }
    }
  }
  return [...reached].flatMap(([at, { isSeed }]) => (isSeed ? [at] : []));
}

/** @type {(at: number, width: number, length: number) => number[]} */
function neighbors(at, width, length) {
  const x = at % width;
  return [x > 0 ? at - 1 : -1, x + 1 < width ? at + 1 : -1, at - width, at + width].filter((next) => next >= 0 && next < length);
}

/** @type {(colors: Uint8ClampedArray, from: number, to: number) => number} */
function step(colors, from, to) {
  let contrast = 0;
  for (let channel = 0; channel < 3; channel += 1) {
    contrast = Math.max(contrast, Math.abs((colors[4 * from + channel] ?? 0) - (colors[4 * to + channel] ?? 0)));
  }
  return Math.floor(UNITS * (1 + (CONTRAST * contrast) / 255));
}
