// The hand of a person who corrects a cut: where the pointer or the crosshair is, what a click there would change, and what
// is drawn over the stage of it.

import { announce } from "../lib/dom.js";
import { texts } from "../lib/texts.js";
import { toHint, toRoi } from "./draft.js";
import { Gesture } from "./gesture.js";
import { Loupe } from "./loupe.js";
import { Overlay } from "./overlay.js";
import { Pointer } from "./pointer.js";

/** @typedef {import("./regions.js").Point} Point */
/** @typedef {import("./choose.js").Kind} Kind */
/** @typedef {import("./choose.js").Stroke} Stroke */

const words = texts.correct;
/** So long the crosshair rests before it is described, in milliseconds. */
const REST = 400;
/** A pointer that moved less after a click rests, in pixels of the screen. */
const STILL = 10;

export class Hand {
  overlay = new Overlay();
  pointer;
  gesture;
  #loupe = new Loupe();
  /** Where the next click goes. @type {Point | null} */
  #point = null;
  #isByKeys = false;
  /** The radius that was chosen by the wheel; `null` leaves it to the edges. @type {number | null} */
  #size = null;
  /** Whether the pointer has not moved since the last click. */
  #rests = false;
  /** The last change, if it is a click, and the regions that it could have meant. @type {{ stroke: Stroke, sizes: number[], index: number } | null} */
  #last = null;
  #timer = 0;
  #frame = 0;
  #session;
  #tools;
  #pan;

  /**
   * @param {() => import("./session.js").Session | null} session what is being corrected
   * @param {import("./tools.js").Tools} tools
   * @param {(across: number, down: number) => void} pan moves the picture
   */
  constructor(session, tools, pan) {
    this.#session = session;
    this.#tools = tools;
    this.#pan = pan;
    this.gesture = new Gesture({
      add: (stroke) => this.#add(stroke),
      frame: (one, other) => session()?.draft.change({ roi: toRoi(one, other) }),
      changed: () => this.refresh(),
    });
    this.pointer = new Pointer({
      isOn: () => session() !== null,
      draws: () => tools.tool !== "region" && !this.#isMasked,
      hover: (point) => this.#hover(point),
      click: (point) => this.#click(point),
      begin: (point) => this.gesture.begin(tools.tool, this.#kindAt(point), point),
      draw: (point) => this.gesture.draw(point),
      end: () => this.gesture.end(),
      cancel: () => this.gesture.cancel(),
      scale: (steps) => this.scale(steps),
    });
  }

  set hasLoupe(/** @type {boolean} */ isOn) {
    this.#loupe.isOn = isOn;
    this.refresh();
  }

  /** Begins with another tool. */
  retool() {
    this.gesture.cancel();
    this.#size = null;
    this.forget();
    this.refresh();
  }

  /** Lets go of everything. */
  reset() {
    this.#point = null;
    this.retool();
  }

  /** The last click is no longer the last change. */
  forget() {
    this.#last = null;
    this.#rests = false;
  }

  /** Whether a mask decides, so that clicks would do nothing. */
  get #isMasked() {
    return this.#session()?.draft.isMasked ?? false;
  }

  /** What becomes of what is at a point. @type {(point: Point) => Kind} */
  #kindAt(point) {
    const { kind } = this.#tools;
    return kind === "auto" ? (this.#session()?.kindAt(point) ?? "remove") : kind;
  }

  /** @param {Point | null} point */
  #hover(point) {
    const isInside = point !== null && point.x >= 0 && point.y >= 0 && point.x <= 1 && point.y <= 1;
    // A hand that trembles after a click does not aim at the next one.
    const clicked = this.#rests ? this.#last?.stroke.points[0] : undefined;
    const { step } = this.pointer;
    if (clicked && point && Math.hypot((point.x - clicked.x) / step.x, (point.y - clicked.y) / step.y) < STILL) return;
    this.#isByKeys = false;
    this.#rests = false;
    this.#point = isInside ? point : null;
    this.refresh();
  }

  /** Draws once for all that happens before the next frame. */
  refresh() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const session = this.#session();
    if (!session) return this.overlay.hide();
    const point = this.#point;
    const drawn = this.gesture.stroke;
    const isMasked = this.#isMasked;
    const isRegion = this.#tools.tool === "region" && point !== null && !this.#rests && !isMasked;
    const kind = drawn?.kind ?? (point ? this.#kindAt(point) : "remove");
    const aim = isRegion && point ? session.aim(point, kind, this.#size) : null;
    const selection = drawn ? session.cross(drawn) : (aim?.selection ?? null);
    if (session.regions) this.overlay.light(session.regions, selection, kind);
    else this.overlay.hide();
    this.overlay.marks(session.strokes, drawn);
    this.overlay.box(this.gesture.box ?? session.box);
    const isCrossed = this.#isByKeys || (session.regions === null && point !== null && !isMasked);
    this.overlay.cross(isCrossed ? point : null, kind);
    if (!this.#rests) this.#tools.size(aim ? words.share(aim.share) : "");
    this.#loupe.show(point, session.cut, this.pointer.onScreen(point));
    if (this.#isByKeys && point && !isMasked) this.#describe(aim, kind);
  }

  /** @type {(aim: import("./session.js").Aim | null, kind: Kind) => void} */
  #describe(aim, kind) {
    clearTimeout(this.#timer);
    if (this.#tools.tool !== "region" || this.#rests) return;
    this.#timer = setTimeout(() => announce(aim ? words.aimed(kind, words.share(aim.share)) : words.nothingHere), REST);
  }

  /** @param {Point} point */
  #click(point) {
    const session = this.#session();
    if (!session || point.x < 0 || point.y < 0 || point.x > 1 || point.y > 1) return;
    if (this.#isMasked) return this.#refuse();
    const { box } = session;
    if (box && (point.x < box.left || point.x > box.right || point.y < box.top || point.y > box.bottom)) return this.#tools.say(words.outside, true);
    const kind = this.#kindAt(point);
    const aim = session.aim(point, kind, this.#size);
    this.#point = point;
    this.#size = null;
    const stroke = { kind, points: [point], ...(aim?.radius !== undefined && { radius: aim.radius }) };
    this.forget();
    if (!this.#add(stroke)) return;
    this.#rests = true;
    if (aim && aim.sizes.length > 0) this.#last = { stroke, sizes: aim.sizes, index: aim.index };
  }

  /** Says that a mask decides. */
  #refuse() {
    this.#tools.say(words.masked, true);
    announce(words.masked);
  }

  /** Returns whether there was room for it. @param {import("./choose.js").Stroke} stroke */
  #add(stroke) {
    const isAdded = this.#session()?.draft.add(toHint(stroke)) ?? false;
    if (isAdded) announce(words.applied(stroke.kind));
    else this.#tools.say(words.full, true);
    return isAdded;
  }

  /** Takes a smaller or larger region: at the pointer, or of the last click if the pointer rests or has left. @param {number} steps */
  scale(steps) {
    const session = this.#session();
    const last = this.#rests || !this.#point ? this.#last : null;
    if (!session || this.#isMasked) return;
    if (last) {
      const index = Math.min(Math.max(last.index + steps, 0), last.sizes.length - 1);
      if (index === last.index) return;
      last.index = index;
      session.draft.replaceLast(toHint({ ...last.stroke, radius: last.sizes[index] ?? 0 }));
      return;
    }
    const point = this.#point;
    const aim = point && session.aim(point, this.#kindAt(point), this.#size);
    if (!aim || aim.sizes.length === 0) return;
    this.#size = aim.sizes[Math.min(Math.max(aim.index + steps, 0), aim.sizes.length - 1)] ?? null;
    this.refresh();
  }

  /** Moves the crosshair by pixels of the screen. @type {(across: number, down: number) => void} */
  move(across, down) {
    const { step, seen } = this.pointer;
    const from = this.#point ?? { x: (seen.left + seen.right) / 2, y: (seen.top + seen.bottom) / 2 };
    const within = (/** @type {number} */ value) => Math.min(0.9999, Math.max(0, value));
    const isFirst = !this.#isByKeys && this.#point === null;
    const point = isFirst ? from : { x: within(from.x + across * step.x), y: within(from.y + down * step.y) };
    this.#isByKeys = true;
    this.#rests = false;
    this.#point = point;
    const beyond = (/** @type {number} */ at, /** @type {number} */ low, /** @type {number} */ high) => (at < low ? 1 : at > high ? -1 : 0);
    const [right, below] = [beyond(point.x, seen.left, seen.right), beyond(point.y, seen.top, seen.bottom)];
    if (right !== 0 || below !== 0) this.#pan(right, below);
    if (this.gesture.isDrawing) this.gesture.draw(point);
    this.refresh();
  }

  /** What a click does, at the crosshair. */
  enter() {
    if (!this.#point) return this.move(0, 0);
    if (this.#isMasked) return this.#refuse();
    if (this.#tools.tool === "region") return this.#click(this.#point);
    if (this.gesture.isDrawing) return this.gesture.end();
    this.gesture.begin(this.#tools.tool, this.#kindAt(this.#point), this.#point);
    announce(words.anchored);
  }
}
