// The correction of one job: the photo and its regions, the pictures that the server made, and what was clicked since.

import { linkOf, pngSize } from "../lib/pictures.js";
import { Chooser } from "./choose.js";
import { Cut, closest } from "./cut.js";
import { Draft, boxOf, hasPixels, isMasked, isSame, toStroke } from "./draft.js";
import { enclosed, fills } from "./holes.js";
import { levels } from "./levels.js";
import { maskPreview, matted } from "./matted.js";
import { readRegions } from "./regions.js";

/** @typedef {import("../review/jobs.js").Job} Job */
/** @typedef {import("./choose.js").Kind} Kind */
/** @typedef {import("./choose.js").Selection} Selection */
/** @typedef {import("./choose.js").Stroke} Stroke */
/** @typedef {import("./draft.js").Wish} Wish */
/** @typedef {import("./regions.js").Point} Point */
/** @typedef {import("../lib/pictures.js").Pictures<Job>} Pictures */
/** @typedef {import("./cut.js").Base & { subject: Uint8Array | null }} Base */

/**
 * What a click would change.
 * @typedef {{ selection: Selection, radius: number | undefined, share: number, sizes: number[], index: number }} Aim
 * `sizes` are the radii of the regions that it could mean, from small to large
 */

/** So many pictures of the server are kept, to go back to them at once. */
const MAX_BASES = 4;

export class Session {
  /** @type {import("./regions.js").Regions | null} */
  regions = null;
  /** @type {Base[]} the oldest first */
  bases = [];
  /** The hints so far. @type {Stroke[]} */
  strokes = [];
  /** @type {Chooser | null} */
  #chooser = null;
  #isClosed = false;
  /** Counts the files of regions that were asked for. */
  #turn = 0;
  #isLoading = false;
  /** What the masks of this page keep; `null` for one that this browser cannot show. @type {WeakMap<File, ImageBitmap | null>} */
  #masks = new WeakMap();
  /** Width and height of the upright photo, where hints are in pixels. */
  #size = { x: 1, y: 1 };
  #pictures;

  /**
   * @param {Job} job
   * @param {Pictures} pictures
   * @param {Cut} cut
   * @param {{ revision: number, wish: Wish }} begun what the job was when the correction began
   */
  constructor(job, pictures, cut, begun) {
    this.job = job;
    this.begun = begun;
    this.cut = cut;
    this.draft = new Draft(begun.wish);
    this.#pictures = pictures;
  }

  /**
   * Begins with the job as it is.
   * @param {Job} job
   * @param {Wish} wish what it was made with
   * @param {Pictures} pictures
   */
  static async open(job, wish, pictures) {
    // Fresh links may come with the revision of somebody else.
    const begun = { revision: job.status?.draft?.revision ?? 0, wish };
    const photo = await createImageBitmap(await pictures.get(job, "source_preview"));
    const session = new Session(job, pictures, new Cut(photo), begun);
    session.#size = { x: photo.width, y: photo.height };
    try {
      if (hasPixels(wish) && linkOf(job, "matte")) session.#size = await pngSize(await pictures.get(job, "matte"));
      await Promise.all([session.loadRegions(), session.take(wish)]);
    } catch (fault) {
      session.close();
      throw fault;
    }
    return session;
  }

  /** Loads the regions of the job's last cut. Without them, only the server knows what a click means. */
  async loadRegions() {
    const turn = (this.#turn += 1);
    this.regions = null;
    this.#chooser = null;
    this.#isLoading = true;
    let regions = null;
    try {
      if (linkOf(this.job, "regions")) regions = await readRegions(await (await this.#pictures.get(this.job, "regions")).arrayBuffer());
    } catch {
      // The page says that they are missing.
    }
    // Those of a later cut are asked for already.
    if (turn !== this.#turn) return;
    this.#isLoading = false;
    this.regions = regions;
    for (const base of this.bases) base.subject = null;
    if (this.bases.length > 0) this.render();
  }

  /** Shows the job's last picture, which was made with this wish. @param {Wish} wish */
  async take(wish) {
    const { job } = this;
    const revision = job.status?.draft?.revision ?? 0;
    const picture = await pictureOf(job, this.#pictures, this.cut.photo);
    // A slow picture may come after the next one.
    const isLate = revision < (this.bases.at(-1)?.revision ?? 0);
    if (this.#isClosed || isLate) return picture.close();
    const before = this.bases.at(-1)?.wish ?? wish;
    this.bases.push({ revision, wish, picture, subject: null });
    for (const old of this.bases.splice(0, this.bases.length - MAX_BASES)) old.picture.close();
    // Networks look at a small part alone, which then has regions of its own. A cut by a mask has none.
    if (before.roi !== wish.roi || isMasked(before) !== isMasked(wish)) await this.loadRegions();
    else this.render();
  }

  /** Whether only the server knows what a click means. A cut by a mask takes no clicks. */
  get lacksRegions() {
    return this.regions === null && !this.#isLoading && !isMasked(this.bases.at(-1)?.wish ?? this.draft.wish);
  }

  /** The revision whose picture is shown as it is, or 0 if something was clicked since. */
  get revision() {
    const last = this.bases.at(-1);
    return last && isSame(last.wish, this.draft.wish) ? last.revision : 0;
  }

  /** Looks what a mask keeps, and shows it if it is still wanted. @param {File} mask */
  async look(mask) {
    this.#masks.set(mask, await maskPreview(mask, this.cut.photo).catch(() => null));
    if (this.draft.wish.mask === mask) this.render();
  }

  /** Whether only the server can show the mask that is wanted. */
  get isUnseen() {
    const { mask } = this.draft.wish;
    return mask !== null && this.#masks.get(mask) === null;
  }

  /** Draws the cut as it is wanted, as far as the page knows. */
  render() {
    const { wish } = this.draft;
    const last = this.bases.at(-1);
    if (!last || this.#isClosed) return;
    // Open holes, a larger frame, another mask, or the networks' cut in place of one, are for the server to show. Clicks show
    // nevertheless.
    const { holes, roi, mask_source, mask } = last.wish;
    const { base, missing } = closest(this.bases, wish) ?? closest(this.bases, { ...wish, holes, roi, mask_source, mask }) ?? { base: last, missing: [] };
    // A mask is shown as this browser reads it, until the server's picture is there.
    const preview = wish.mask && wish.mask !== base.wish.mask ? this.#masks.get(wish.mask) : null;
    this.cut.show(preview ?? base.picture);
    this.strokes = [];
    if (isMasked(wish)) return;
    this.strokes = wish.hints.map((hint) => toStroke(hint, this.#size));
    const { regions } = this;
    if (regions) {
      base.subject ??= this.cut.subject(regions);
      const subject = base.subject.slice();
      if (this.#chooser) this.#chooser.reset(subject);
      else this.#chooser = new Chooser(regions, subject, this.#colors(regions));
      if (fills(base.wish, wish)) this.#change({ nodes: [], pixels: enclosed(subject, regions.width) }, "keep");
      const count = this.strokes.length - missing.length;
      this.strokes.slice(count).forEach((stroke, index) => this.#apply(stroke, this.strokes.slice(0, count + index)));
    }
    if (wish.roi !== base.wish.roi) this.cut.clip(boxOf(wish.roi, this.#size));
  }

  /** @type {(stroke: Stroke, earlier: Stroke[]) => void} */
  #apply(stroke, earlier) {
    const selection = this.#chooser?.select(stroke, earlier);
    if (selection) this.#change(selection, stroke.kind);
  }

  /** Keeps or removes what is selected. @type {(selection: Selection, kind: Kind) => void} */
  #change(selection, kind) {
    const { regions } = this;
    const chooser = this.#chooser;
    if (!regions || !chooser) return;
    this.cut.apply(regions, selection, kind);
    const value = kind === "keep" ? 1 : 0;
    const inside = regions.leavesOf(selection.nodes);
    const { subject } = chooser;
    for (let at = 0; at < subject.length; at += 1) if (inside[regions.labels[at] ?? 0]) subject[at] = value;
    for (const at of selection.pixels) subject[at] = value;
    chooser.reset(subject);
  }

  /** The photo's colors, once they are needed. @param {import("./regions.js").Regions} regions */
  #colors(regions) {
    /** @type {Uint8ClampedArray | null} */
    let colors = null;
    return () => (colors ??= this.cut.colors(regions));
  }

  /** The kind of a hint that changes what is at a point. @type {(point: Point) => Kind} */
  kindAt(point) {
    const at = this.regions?.pixelAt(point) ?? -1;
    if (this.#chooser && at >= 0) return this.#chooser.isWrong(at, "remove") ? "remove" : "keep";
    return this.cut.alphaAt(point) > 127 ? "remove" : "keep";
  }

  /**
   * What a click would change.
   * @param {Point} point
   * @param {Kind} kind
   * @param {number | null} size the radius that was chosen, if any
   * @returns {Aim | null}
   */
  aim(point, kind, size) {
    const chooser = this.#chooser;
    const { regions } = this;
    if (!chooser || !regions) return null;
    const { chain, best } = chooser.choices(point, kind, this.strokes);
    if (best < 0) {
      const selection = chooser.select({ kind, points: [point] }, this.strokes);
      const share = selection.pixels.length / regions.labels.length;
      return selection.pixels.length > 0 ? { selection, radius: undefined, share, sizes: [], index: 0 } : null;
    }
    const nodes = levels(chain, best, (node) => regions.areas[node] ?? 0);
    const sizes = nodes.map((node) => chooser.radiusOf(node));
    const off = (/** @type {number} */ index) => Math.abs((sizes[index] ?? 0) - (size ?? 0));
    const index = size === null ? nodes.indexOf(chain[best] ?? -1) : sizes.reduce((nearest, _, at) => (off(at) < off(nearest) ? at : nearest), 0);
    const node = nodes[index] ?? 0;
    const { part, areas, labels } = regions;
    const share = ((areas[node] ?? 0) / labels.length) * part.width * part.height;
    return { selection: { nodes: [node], pixels: [] }, radius: sizes[index], share, sizes, index };
  }

  /** What a stroke would change. @param {Stroke} stroke @returns {Selection | null} */
  cross(stroke) {
    const chooser = this.#chooser;
    return chooser ? chooser.changing(chooser.select(stroke, this.strokes), stroke.kind) : null;
  }

  /** The part that counts, if it is not the whole photo. */
  get box() {
    if (this.draft.isMasked) return null;
    const box = boxOf(this.draft.wish.roi, this.#size);
    return box.left <= 0 && box.top <= 0 && box.right >= 1 && box.bottom >= 1 ? null : box;
  }

  close() {
    this.#isClosed = true;
    for (const { picture } of this.bases) picture.close();
    this.bases = [];
    this.cut.photo.close();
  }
}

/**
 * The cut over the photo. The preview of a set may have another canvas, so for one it is made of the matte.
 * @type {(job: Job, pictures: Pictures, photo: ImageBitmap) => Promise<ImageBitmap>}
 */
async function pictureOf(job, pictures, photo) {
  const hasPreview = job.listed.mode !== "params" && linkOf(job, "preview") !== undefined;
  if (hasPreview) return createImageBitmap(await pictures.get(job, "preview"));
  const size = /** @type {const} */ ({ resizeWidth: photo.width, resizeHeight: photo.height, resizeQuality: "high" });
  const matte = await createImageBitmap(await pictures.get(job, "matte"), size);
  try {
    return matted(photo, matte);
  } finally {
    matte.close();
  }
}
