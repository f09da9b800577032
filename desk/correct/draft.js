// The wishes of a person about a cut: hints, the part that counts, the holes, a mask, and how far the path lies inside, with
// undo and redo. While a mask decides, hints, frame and holes have no effect. They stay, for the way back to the networks.

/** @typedef {import("./choose.js").Stroke} Stroke */
/** @typedef {import("./regions.js").Point} Point */
/** @typedef {import("../lib/api.js").Hint} Hint */
/** @typedef {import("../lib/api.js").MaskSource} MaskSource */
/**
 * `path_inset` is in pixels of the picture. `mask` is null if the server has it already.
 * @typedef {Required<import("../lib/api.js").Subject> & { path_inset: number, mask: File | null }} Wish
 */

export const WHOLE = "0% 0% 100% 100%";
const MAX_HINTS = 100;
const MAX_POINTS = 2_000;

/** Sends `changed`. */
export class Draft extends EventTarget {
  /** @type {Wish[]} the current one is last */
  #past;
  /** @type {Wish[]} the next one is last */
  #future = [];

  /** @param {Wish} wish */
  constructor(wish) {
    super();
    this.#past = [wish];
  }

  /** @returns {Wish} */
  get wish() {
    return this.#past.at(-1) ?? wishOf(undefined);
  }

  get canUndo() {
    return this.#past.length > 1;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Whether a mask decides, and not the networks. */
  get isMasked() {
    return isMasked(this.wish);
  }

  /** Whether anything steers the cut. The path only follows it. */
  get canStartOver() {
    return !isSame(this.wish, wishOf(undefined, this.wish.path_inset));
  }

  /** Steers the networks' cut. @param {Partial<Wish>} changes */
  change(changes) {
    this.#step({ ...this.wish, ...changes, mask_source: "auto", mask: null });
  }

  /** Moves the path, whatever the photo is cut by. @param {number} pixels */
  inset(pixels) {
    this.#step({ ...this.wish, path_inset: pixels });
  }

  /** Has the photo cut by the networks, or by what it brings itself. @param {Exclude<MaskSource, "file">} source */
  cutBy(source) {
    this.#step({ ...this.wish, mask_source: source, mask: null });
  }

  /** Has the photo cut by a file. @param {File} mask */
  cutByFile(mask) {
    // The server keeps one mask, and the page cannot send another one that it never had. So undo ends after that.
    const last = this.#past.findLastIndex((wish) => wish.mask_source === "file" && wish.mask === null);
    const wish = this.wish;
    this.#past.splice(0, last + 1);
    this.#step({ ...wish, mask_source: "file", mask });
  }

  /** @param {Wish} wish */
  #step(wish) {
    const last = this.#past.at(-1);
    if (last && isSame(wish, last)) return;
    this.#past.push(wish);
    this.#future = [];
    this.#changed();
  }

  /**
   * Adds a hint. Returns whether there is room for it.
   * @param {Hint} hint
   */
  add(hint) {
    const hints = [...without(this.wish.hints, hint), hint];
    const points = hints.reduce((sum, one) => sum + one.points.length, 0);
    if (hints.length > MAX_HINTS || points > MAX_POINTS) return false;
    this.change({ hints });
    return true;
  }

  /** Puts another hint in the place of the last one, as one step with it. @param {Hint} hint */
  replaceLast(hint) {
    const last = this.wish;
    if (!this.canUndo || last.hints.length === 0) return;
    this.#past[this.#past.length - 1] = { ...last, hints: [...last.hints.slice(0, -1), hint] };
    this.#changed();
  }

  undo() {
    const last = this.canUndo ? this.#past.pop() : undefined;
    if (!last) return;
    this.#future.push(last);
    this.#changed();
  }

  redo() {
    const next = this.#future.pop();
    if (!next) return;
    this.#past.push(next);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}

/** @type {(one: Wish, other: Wish) => boolean} */
export const isSame = (one, other) => JSON.stringify(changes(one, other)) === "{}";

/**
 * What a recut has to name so that `from` becomes `to`.
 * @param {Wish} from
 * @param {Wish} to
 * @returns {Partial<Wish>}
 */
export function changes(from, to) {
  const isOther = (/** @type {keyof Wish} */ name) => JSON.stringify(from[name]) !== JSON.stringify(to[name]);
  return {
    ...(isOther("hints") && { hints: to.hints }),
    ...(isOther("roi") && { roi: to.roi }),
    ...(isOther("holes") && { holes: to.holes }),
    ...(isOther("mask_source") && { mask_source: to.mask_source }),
    ...(isOther("path_inset") && { path_inset: to.path_inset }),
    ...(to.mask && to.mask !== from.mask && { mask: to.mask }),
  };
}

/** Whether a wish is a cut by a mask. @param {Wish} wish */
export const isMasked = ({ mask_source }) => mask_source !== "auto";

/**
 * The wish that a job has.
 * @param {import("../lib/api.js").Subject | undefined} subject
 * @param {number} [inset] how far its path lies inside the outline
 * @returns {Wish}
 */
export const wishOf = (subject, inset = 0) => ({
  hints: subject?.hints ?? [],
  roi: subject?.roi ?? WHOLE,
  holes: subject?.holes ?? "auto",
  mask_source: subject?.mask_source ?? "auto",
  path_inset: inset,
  mask: null,
});

/** The API refuses a point that hints of both kinds have, so the later one wins. @type {(hints: Hint[], by: Hint) => Hint[]} */
function without(hints, by) {
  const taken = new Set(by.points.map(String));
  return hints.flatMap((hint) => {
    if (hint.kind === by.kind) return [hint];
    const points = hint.points.filter((point) => !taken.has(String(point)));
    return points.length > 0 ? [{ ...hint, points }] : [];
  });
}

/** @type {(share: number) => string} */
const percent = (share) => `${Math.round(Math.min(1, Math.max(0, share)) * 1e7) / 1e5}%`;

/** A hint for the API. @type {(stroke: Stroke) => Hint} */
export const toHint = ({ kind, points, radius }) => ({
  kind,
  points: points.map(({ x, y }) => [percent(x), percent(y)]),
  ...(radius !== undefined && { radius: percent(radius) }),
});

/**
 * A hint in shares of the photo. One in pixels needs the photo's size.
 * @param {Hint} hint
 * @param {Point} size
 * @returns {Stroke}
 */
export function toStroke({ kind, points, radius }, size) {
  const longer = Math.max(size.x, size.y);
  return {
    kind,
    points: points.map(([x, y]) => ({ x: share(x, size.x), y: share(y, size.y) })),
    ...(radius !== undefined && radius !== null && { radius: share(radius, longer) }),
  };
}

/** @type {(value: number | string, side: number) => number} */
const share = (value, side) => (String(value).endsWith("%") ? parseFloat(String(value)) / 100 : Number(value) / side);

/** A box for the API. @type {(one: Point, other: Point) => string} */
export function toRoi(one, other) {
  const [left, right] = [Math.min(one.x, other.x), Math.max(one.x, other.x)];
  const [top, bottom] = [Math.min(one.y, other.y), Math.max(one.y, other.y)];
  return [left, top, right, bottom].map(percent).join(" ");
}

/** A box in shares of the photo. @type {(roi: string, size: Point) => { left: number, top: number, right: number, bottom: number }} */
export function boxOf(roi, size) {
  const [left = "0", top = "0", right = "100%", bottom = "100%"] = roi.trim().split(/\s+/);
  const within = (/** @type {string} */ value, /** @type {number} */ side) => Math.min(1, share(value, side));
  return { left: within(left, size.x), top: within(top, size.y), right: within(right, size.x), bottom: within(bottom, size.y) };
}

/** Whether the photo's size is needed to read a wish. @param {Wish} wish */
export const hasPixels = ({ hints, roi }) =>
  /(^|\s)[\d.]+(\s|$)/.test(roi) || hints.some(({ points, radius }) => typeof radius === "number" || points.flat().some((value) => typeof value === "number"));
