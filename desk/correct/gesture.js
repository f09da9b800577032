// Drawing a stroke or a frame: by dragging or, with the crosshair, from one Enter to the next.

/** @typedef {import("./regions.js").Point} Point */
/** @typedef {import("./choose.js").Stroke} Stroke */

/** Points of a stroke that are closer to each other mean nothing, in shares of the photo. */
const NEAR = 0.004;
const MAX_POINTS = 48;
/** A frame that is smaller was a slip, in shares of the photo. */
const SMALLEST = 0.01;

/**
 * @typedef {object} Handlers
 * @property {(stroke: Stroke) => void} add
 * @property {(one: Point, other: Point) => void} frame
 * @property {() => void} changed
 */

export class Gesture {
  /** The stroke that is being drawn. @type {Stroke | null} */
  stroke = null;
  /** The corners of the frame that is being drawn. @type {[Point, Point] | null} */
  #corners = null;
  #handlers;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  get isDrawing() {
    return this.stroke !== null || this.#corners !== null;
  }

  /** The frame that is being drawn. */
  get box() {
    if (!this.#corners) return null;
    const [one, other] = this.#corners;
    const [left, top] = [Math.min(one.x, other.x), Math.min(one.y, other.y)];
    return { left, top, right: Math.max(one.x, other.x), bottom: Math.max(one.y, other.y) };
  }

  /** @type {(tool: import("./tools.js").Tool, kind: import("./choose.js").Kind, point: Point) => void} */
  begin(tool, kind, point) {
    const start = inside(point);
    if (tool === "roi") this.#corners = [start, start];
    else this.stroke = { kind, points: [start] };
    this.#handlers.changed();
  }

  /** @param {Point} point */
  draw(point) {
    const to = inside(point);
    if (this.#corners) this.#corners = [this.#corners[0], to];
    const last = this.stroke?.points.at(-1);
    if (this.stroke && last && Math.hypot(to.x - last.x, to.y - last.y) >= NEAR) {
      this.stroke = { ...this.stroke, points: [...this.stroke.points, to] };
    }
    this.#handlers.changed();
  }

  end() {
    const [{ stroke }, corners, box] = [this, this.#corners, this.box];
    this.cancel();
    if (stroke) this.#handlers.add({ ...stroke, points: thinned(stroke.points) });
    const isLarge = box !== null && box.right - box.left >= SMALLEST && box.bottom - box.top >= SMALLEST;
    if (corners && isLarge) this.#handlers.frame(...corners);
  }

  cancel() {
    if (!this.isDrawing) return;
    this.stroke = null;
    this.#corners = null;
    this.#handlers.changed();
  }
}

/** @type {(point: Point) => Point} */
const inside = ({ x, y }) => ({ x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) });

/** Few enough points, the ends among them. @type {(points: Point[]) => Point[]} */
export function thinned(points) {
  if (points.length <= MAX_POINTS) return points;
  const step = (points.length - 1) / (MAX_POINTS - 1);
  return Array.from({ length: MAX_POINTS }, (_, index) => points[Math.round(index * step)] ?? { x: 0, y: 0 });
}
