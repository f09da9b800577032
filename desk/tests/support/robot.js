// The robot of the figure `clicks`: it clicks in the middle of the largest region that is wrong. Its rules are those of
// xtask/benches/figures/clicks.

/** The most clicks on a photo. */
export const MAX_CLICKS = 10;
/** A cut with this IoU is right. */
export const GOAL = 0.9;
/** Half the width of the ring around the true outline that does not count, in pixels. */
const RING = 2;
/** The sources whose masks leave pixels of this gray open. */
const WITH_UNKNOWN = ["grabcut", "voc_iseg"];
const UNKNOWN = 128;
/** What a pixel of the truth is. */
const [OUTSIDE, INSIDE, OPEN] = [0, 1, 2];

/**
 * A picture with one value a pixel.
 * @typedef {{ width: number, height: number, values: Uint8Array }} Plane
 */

/** What is true of each pixel, from the gray of a mask. @type {(mask: Plane, source: string) => Plane} */
export function truthOf({ width, height, values }, source) {
  const hasUnknown = WITH_UNKNOWN.includes(source);
  const truth = values.map((value) => (hasUnknown && Math.abs(value - UNKNOWN) <= 2 ? OPEN : value > 127 ? INSIDE : OUTSIDE));
  const isInside = (at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    for (let row = Math.max(0, y - RING); row <= Math.min(height - 1, y + RING); row += 1) {
      for (let column = Math.max(0, x - RING); column <= Math.min(width - 1, x + RING); column += 1) {
        if (truth[row * width + column] !== truth[at]) return false;
      }
    }
    return true;
  };
  return { width, height, values: truth.map((value, at) => (isInside(at) ? value : OPEN)) };
}

/** The IoU of a cut's alpha with the truth. @type {(alpha: Plane, truth: Plane) => number} */
export function iouOf(alpha, truth) {
  let [both, either] = [0, 0];
  truth.values.forEach((is, at) => {
    if (is === OPEN) return;
    const isCut = alpha.values[at] > 127;
    if (isCut && is === INSIDE) both += 1;
    if (isCut || is === INSIDE) either += 1;
  });
  return both / Math.max(either, 1);
}

/** The middle of the largest wrong region in shares of the picture; `null` if nothing is wrong. @type {(alpha: Plane, truth: Plane) => { x: number, y: number } | null} */
export function nextClick(alpha, truth) {
  const { width, height } = truth;
  const region = largestWrong(alpha, truth);
  if (region.length === 0) return null;
  const at = middle(region, width, width * height);
  return { x: ((at % width) + 0.5) / width, y: (Math.floor(at / width) + 0.5) / height };
}

/** @type {(alpha: Plane, truth: Plane) => number[]} */
function largestWrong(alpha, { width, values }) {
  const OK = 2;
  const wrong = values.map((is, at) => (is === OPEN || is === (alpha.values[at] > 127 ? INSIDE : OUTSIDE) ? OK : is));
  const isListed = new Uint8Array(values.length);
  let largest = [];
  for (let start = 0; start < values.length; start += 1) {
    if (isListed[start] || wrong[start] === OK) continue;
    const region = [start];
    isListed[start] = 1;
    for (let next = 0; next < region.length; next += 1) {
      for (const neighbor of neighbors(region[next], width, values.length)) {
        if (isListed[neighbor] || wrong[neighbor] !== wrong[start]) continue;
        isListed[neighbor] = 1;
        region.push(neighbor);
      }
    }
    if (region.length > largest.length) largest = region;
  }
  return largest;
}

/** The pixel of a region that is farthest from its border. @type {(region: number[], width: number, length: number) => number} */
function middle(region, width, length) {
  const UNSEEN = -1;
  const depth = new Int32Array(length);
  for (const at of region) depth[at] = UNSEEN;
  // The border of the picture counts as one of the region, or clicks would sit on it.
  const atFrame = (at) => at % width === 0 || at % width === width - 1 || at < width || at + width >= length;
  let front = region.filter((at) => atFrame(at) || neighbors(at, width, length).some((next) => depth[next] === 0));
  for (const at of front) depth[at] = 1;
  let last = region[0];
  for (let isDiagonal = false; front.length > 0; isDiagonal = !isDiagonal) {
    [last] = front;
    const next = [];
    for (const at of front) {
      // Squares and diamonds in turn are nearly discs.
      const around = isDiagonal ? [...neighbors(at, width, length), ...corners(at, width, length)] : neighbors(at, width, length);
      for (const neighbor of around) {
        if (depth[neighbor] !== UNSEEN) continue;
        depth[neighbor] = depth[at] + 1;
        next.push(neighbor);
      }
    }
    front = next;
  }
  return last;
}

/** @type {(at: number, width: number, length: number) => number[]} */
function neighbors(at, width, length) {
  const all = [];
  if (at % width > 0) all.push(at - 1);
  if (at % width < width - 1) all.push(at + 1);
  if (at >= width) all.push(at - width);
  if (at + width < length) all.push(at + width);
  return all;
}

/** @type {(at: number, width: number, length: number) => number[]} */
function corners(at, width, length) {
  const rows = [at - width, at + width].filter((row) => row >= 0 && row < length);
  return rows.flatMap((row) => [...(row % width > 0 ? [row - 1] : []), ...(row % width < width - 1 ? [row + 1] : [])]);
}
