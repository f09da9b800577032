// Which regions a click or a stroke means. The page follows the rules of the server, so that what lights up is what changes.

import { within } from "./geodesic.js";

/** @typedef {import("./regions.js").Regions} Regions */
/** @typedef {import("./regions.js").Point} Point */
/** @typedef {"keep" | "remove"} Kind */

/**
 * A click or a stroke, in shares of the photo.
 * @typedef {object} Stroke
 * @property {Kind} kind
 * @property {Point[]} points
 * @property {number} [radius] the size of the region: that of a disc with this radius, in shares of the photo's longer side
 *
 * @typedef {object} Selection what a hint means
 * @property {number[]} nodes
 * @property {number[]} pixels where no node is small enough, single pixels of the map
 */

/** The server counts with single precision, which decides at the borders of pixels and shares. */
const float = Math.fround;
/** A region larger than this share of everything that a hint could change is no answer to it. */
const MAX_SHARE = float(0.9);
/** A hint on what is right already means a region of which at most this share is wrong. */
const CONFIRMED = float(0.02);
/** How far a hint reaches that no region answers, as a share of the longer side. */
const DEFAULT_REACH = 0.05;
/** How much a larger change speaks for a region. */
const SIZE = 0.5;
/** Edges below this strength are texture. */
const WEAKEST = 0.05;

export class Chooser {
  /** Whether each pixel of the map is subject. */
  subject;
  /** The number of pixels of each run of leaves, and the sums of their columns and rows: of all, and of the subject. */
  #all;
  #inside;
  #regions;
  #colors;

  /**
   * @param {Regions} regions
   * @param {Uint8Array} subject whether each pixel of the map is subject
   * @param {() => Uint8ClampedArray} colors of the map's pixels, as RGBA
   */
  constructor(regions, subject, colors) {
    this.#regions = regions;
    this.#colors = colors;
    this.subject = subject;
    this.#all = this.#sums(() => true);
    this.#inside = this.#sums((at) => subject[at] === 1);
  }

  /** @param {Uint8Array} subject */
  reset(subject) {
    this.subject = subject;
    this.#inside = this.#sums((at) => subject[at] === 1);
  }

  /**
   * The region of a click and all that it could mean instead, from small to large.
   * @param {Point} point
   * @param {Kind} kind
   * @param {Stroke[]} earlier
   * @returns {{ chain: number[], best: number }} `best` is the index of the likeliest one, or -1 without any
   */
  choices(point, kind, earlier) {
    const [at] = this.#pixelsOf({ kind, points: [point] });
    if (at === undefined) return { chain: [], best: -1 };
    const chain = this.#chain(this.#regions.labels[at] ?? 0, this.isWrong(at, kind), kind, this.#rivals(kind, earlier));
    return { chain, best: this.#best(chain, kind, at) };
  }

  /**
   * What a hint means after the earlier ones.
   * @param {Stroke} stroke
   * @param {Stroke[]} earlier
   * @returns {Selection}
   */
  select(stroke, earlier) {
    const regions = this.#regions;
    const line = this.#pixelsOf(stroke);
    const rivals = this.#rivals(stroke.kind, earlier);
    const nodes = [];
    const unanswered = new Set();
    for (const leaf of new Set(line.map((at) => regions.labels[at] ?? 0))) {
      const isWrong = line.some((at) => regions.labels[at] === leaf && this.isWrong(at, stroke.kind));
      const node = this.#choose(this.#chain(leaf, isWrong, stroke.kind, rivals), stroke, line[0] ?? 0);
      if (node >= 0) nodes.push(node);
      else if (isWrong) unanswered.add(leaf);
    }
    const seeds = line.filter((at) => unanswered.has(regions.labels[at] ?? 0));
    const { width, height } = regions;
    const reach = stroke.radius === undefined ? DEFAULT_REACH * Math.max(width, height) : stroke.radius * this.#longer();
    const pixels = seeds.length > 0 ? within(this.#colors(), width, { seeds, rivals }, reach) : [];
    return { nodes: [...new Set(nodes)], pixels };
  }

  /** What of a selection is not right already. @type {(selection: Selection, kind: Kind) => Selection} */
  changing({ nodes, pixels }, kind) {
    return { nodes: nodes.filter((node) => this.#count(node, kind) > CONFIRMED * (this.#regions.areas[node] ?? 0)), pixels };
  }

  /** Whether a hint of this kind would change the pixel. @type {(at: number, kind: Kind) => boolean} */
  isWrong(at, kind) {
    return this.subject[at] !== (kind === "keep" ? 1 : 0);
  }

  /** The radius of the disc that is as large as a node, in shares of the photo's longer side. @param {number} node */
  radiusOf(node) {
    return Math.sqrt((this.#regions.areas[node] ?? 0) / Math.PI) / this.#longer();
  }

  /** The longer side of the whole photo, in pixels of the map. */
  #longer() {
    const { part, width, height } = this.#regions;
    return Math.max(width / part.width, height / part.height);
  }

  /** @type {(kind: Kind, earlier: Stroke[]) => number[]} */
  #rivals(kind, earlier) {
    return earlier.filter((other) => other.kind !== kind).flatMap((other) => this.#pixelsOf(other));
  }

  /**
   * The nodes that a hint on a leaf may mean, from small to large.
   * @type {(leaf: number, isWrong: boolean, kind: Kind, rivals: number[]) => number[]}
   */
  #chain(leaf, isWrong, kind, rivals) {
    const { starts, ends, areas, labels } = this.#regions;
    const forbidden = rivals.map((at) => starts[labels[at] ?? 0] ?? 0);
    const all = this.#count(this.#regions.parents.length - 1, kind);
    const chain = [];
    for (const node of this.#regions.ancestors(leaf)) {
      const [start = 0, end = 0, area = 0] = [starts[node], ends[node], areas[node]];
      if (forbidden.some((position) => position >= start && position < end)) break;
      const count = this.#count(node, kind);
      if (isWrong ? count > MAX_SHARE * all : count > CONFIRMED * area) break;
      chain.push(node);
    }
    return chain;
  }

  /** @type {(chain: number[], stroke: Stroke, at: number) => number} */
  #choose(chain, stroke, at) {
    const { areas } = this.#regions;
    const { kind, radius } = stroke;
    const points = this.#pointsOf(stroke);
    const size = (/** @type {number} */ of) => Math.PI * of * of;
    if (radius !== undefined) {
      const wanted = Math.max(1, size(radius * this.#longer()));
      // Of two that are equally off, the smaller one.
      return highest(chain.toReversed(), (node) => -Math.abs(Math.log((areas[node] ?? 0) / wanted)));
    }
    if (points.length === 1) return chain[this.#best(chain, kind, at)] ?? -1;
    // A stroke is as long as what it crosses is wide.
    const longest = size(lengthOf(points) / 2);
    return chain.findLast((node) => (areas[node] ?? 0) <= longest) ?? chain[0] ?? -1;
  }

  /** @type {(chain: number[], kind: Kind, at: number) => number} */
  #best(chain, kind, at) {
    const { width } = this.#regions;
    const point = { x: at % width, y: Math.floor(at / width) };
    const node = highest(chain, (one) => this.#score(one, kind, point));
    return chain.indexOf(node);
  }

  /**
   * How much speaks for a node: strong edges around it and weak ones within, the point in the middle of what changes, and
   * little that is right already.
   * @type {(node: number, kind: Kind, point: Point) => number}
   */
  #score(node, kind, point) {
    const { strengths, parents, areas } = this.#regions;
    const parent = parents[node] ?? -1;
    const around = strengths[parent < 0 ? node : parent] ?? 0;
    const persistence = Math.log((around + WEAKEST) / ((strengths[node] ?? 0) + WEAKEST));
    const count = this.#count(node, kind);
    if (count < 1) return persistence - 2;
    const [x, y] = [this.#of(node, kind, 1) / count, this.#of(node, kind, 2) / count];
    const off = Math.hypot(point.x - x, point.y - y) / Math.sqrt(count / Math.PI);
    const size = Math.log(count / this.#count(parents.length - 1, kind));
    return persistence + SIZE * size - off - (1 - count / (areas[node] ?? 1));
  }

  /** How many pixels of a node a hint of this kind would change. @type {(node: number, kind: Kind) => number} */
  #count(node, kind) {
    return this.#of(node, kind, 0);
  }

  /** @type {(node: number, kind: Kind, which: number) => number} */
  #of(node, kind, which) {
    const [start = 0, end = 0] = [this.#regions.starts[node], this.#regions.ends[node]];
    const between = (/** @type {Float64Array} */ sums) => (sums[3 * end + which] ?? 0) - (sums[3 * start + which] ?? 0);
    return kind === "remove" ? between(this.#inside) : between(this.#all) - between(this.#inside);
  }

  /** Sums over the first leaves, in the order of their positions. @param {(at: number) => boolean} counts */
  #sums(counts) {
    const { labels, starts, leaves, width, height } = this.#regions;
    const sums = new Float64Array(3 * (leaves + 1));
    for (let at = 0, y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 1) {
        if (!counts(at)) continue;
        const to = 3 * ((starts[labels[at] ?? 0] ?? 0) + 1);
        sums[to] = (sums[to] ?? 0) + 1;
        sums[to + 1] = (sums[to + 1] ?? 0) + x;
        sums[to + 2] = (sums[to + 2] ?? 0) + y;
      }
    }
    for (let at = 3; at < sums.length; at += 1) sums[at] = (sums[at] ?? 0) + (sums[at - 3] ?? 0);
    return sums;
  }

  /** The points of a hint in pixels of the map, without those outside. @type {(stroke: Stroke) => Point[]} */
  #pointsOf({ points }) {
    const { part, width, height } = this.#regions;
    const known = points.filter((point) => this.#regions.pixelAt(point) >= 0);
    return known.map(({ x, y }) => ({ x: float(((x - part.left) / part.width) * width), y: float(((y - part.top) / part.height) * height) }));
  }

  /** The pixels that a hint touches. @type {(stroke: Stroke) => number[]} */
  #pixelsOf(stroke) {
    const { width, height } = this.#regions;
    const index = (/** @type {Point} */ { x, y }) => Math.min(height - 1, Math.floor(y)) * width + Math.min(width - 1, Math.floor(x));
    const points = this.#pointsOf(stroke);
    const pixels = new Set(points.slice(0, 1).map(index));
    points.slice(1).forEach((to, at) => {
      const from = points[at] ?? to;
      const [across, down] = [float(to.x - from.x), float(to.y - from.y)];
      const steps = Math.max(Math.ceil(Math.max(Math.abs(across), Math.abs(down))), 1);
      for (let step = 1; step <= steps; step += 1) {
        const share = float(step / steps);
        pixels.add(index({ x: float(from.x + float(share * across)), y: float(from.y + float(share * down)) }));
      }
    });
    return [...pixels];
  }
}

/** @type {(points: Point[]) => number} */
function lengthOf(points) {
  const length = (/** @type {Point} */ one, /** @type {Point} */ other) => Math.hypot(one.x - other.x, one.y - other.y);
  return points.slice(1).reduce((sum, point, at) => sum + length(point, points[at] ?? point), 0);
}

/** The node with the highest score, the last of equals; -1 without any. @type {(nodes: number[], score: (node: number) => number) => number} */
function highest(nodes, score) {
  let [best, most] = [-1, -Infinity];
  for (const node of nodes) {
    const value = score(node);
    if (value >= most) [best, most] = [node, value];
  }
  return best;
}
