// The cut at the size of the preview: the last picture of the server, and on it what was clicked since.

import { make } from "../lib/dom.js";
import { WHOLE } from "./draft.js";

/** @typedef {import("./choose.js").Selection} Selection */
/** @typedef {import("./choose.js").Kind} Kind */
/** @typedef {import("./draft.js").Wish} Wish */
/** @typedef {import("./regions.js").Regions} Regions */

/**
 * A picture of the server.
 * @typedef {{ revision: number, wish: Wish, picture: ImageBitmap }} Base
 */

/** A pixel with more alpha is subject. */
const SUBJECT = 127;

export class Cut {
  canvas = make("canvas", { class: "plane cut" });
  #context = context(this.canvas);
  #mask = context(make("canvas"));
  #patch = context(make("canvas"));
  /** @type {ImageBitmap} */
  #photo;

  /** @param {ImageBitmap} photo */
  constructor(photo) {
    this.#photo = photo;
    this.canvas.width = photo.width;
    this.canvas.height = photo.height;
  }

  /** Shows a picture of the server. @param {ImageBitmap} picture */
  show(picture) {
    const { width, height } = this.canvas;
    this.#context.globalCompositeOperation = "copy";
    this.#context.drawImage(picture, 0, 0, width, height);
    this.#context.globalCompositeOperation = "source-over";
  }

  /**
   * Keeps or removes what a hint means.
   * @param {Regions} regions
   * @param {Selection} selection
   * @param {Kind} kind
   */
  apply(regions, { nodes, pixels }, kind) {
    const { part } = regions;
    const { width, height } = this.canvas;
    fillMask(this.#mask, regions, { nodes, pixels });
    const box = /** @type {const} */ ([part.left * width, part.top * height, part.width * width, part.height * height]);
    if (kind === "remove") {
      this.#context.globalCompositeOperation = "destination-out";
      this.#context.drawImage(this.#mask.canvas, ...box);
    } else {
      const patch = this.#patch;
      Object.assign(patch.canvas, { width, height });
      patch.drawImage(this.#mask.canvas, ...box);
      patch.globalCompositeOperation = "source-in";
      patch.drawImage(this.#photo, 0, 0, width, height);
      this.#context.drawImage(patch.canvas, 0, 0);
      // It is as large as the picture, and rarely needed.
      Object.assign(patch.canvas, { width: 0, height: 0 });
    }
    this.#context.globalCompositeOperation = "source-over";
  }

  /** Removes what is outside of a box, in shares. @param {{ left: number, top: number, right: number, bottom: number }} box */
  clip({ left, top, right, bottom }) {
    const { width, height } = this.canvas;
    this.#context.clearRect(0, 0, width, top * height);
    this.#context.clearRect(0, bottom * height, width, height);
    this.#context.clearRect(0, 0, left * width, height);
    this.#context.clearRect(right * width, 0, width, height);
  }

  /** Whether each pixel of the regions' map is subject. @param {Regions} regions */
  subject(regions) {
    const { data } = reduced(this.canvas, regions);
    const subject = new Uint8Array(data.length / 4);
    for (let at = 0; at < subject.length; at += 1) subject[at] = (data[4 * at + 3] ?? 0) > SUBJECT ? 1 : 0;
    return subject;
  }

  /** The colors of the photo in the pixels of the map, as RGBA. @param {Regions} regions */
  colors(regions) {
    return reduced(this.#photo, regions).data;
  }

  /** From 0 to 255. @param {import("./regions.js").Point} point */
  alphaAt({ x, y }) {
    const { width, height } = this.canvas;
    return this.#context.getImageData(Math.floor(x * width), Math.floor(y * height), 1, 1).data[3] ?? 0;
  }

  get photo() {
    return this.#photo;
  }
}

/** The part of a picture that the regions divide, in the size of their map. @type {(picture: CanvasImageSource & { width: number, height: number }, regions: Regions) => ImageData} */
function reduced(picture, { part, width, height }) {
  const to = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (!to) throw new Error("no canvas");
  to.imageSmoothingQuality = "high";
  const [across, down] = [picture.width, picture.height];
  to.drawImage(picture, part.left * across, part.top * down, part.width * across, part.height * down, 0, 0, width, height);
  return to.getImageData(0, 0, width, height);
}

/**
 * Draws an opaque mask of what is selected.
 * @type {(to: CanvasRenderingContext2D, regions: Regions, selection: Selection) => void}
 */
function fillMask(to, regions, { nodes, pixels }) {
  const { width, height, labels } = regions;
  to.canvas.width = width;
  to.canvas.height = height;
  const image = to.createImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  const inside = regions.leavesOf(nodes);
  for (let at = 0; at < words.length; at += 1) if (inside[labels[at] ?? 0]) words[at] = 0xffffffff;
  for (const at of pixels) words[at] = 0xffffffff;
  to.putImageData(image, 0, 0);
}

/** @param {HTMLCanvasElement} canvas */
function context(canvas) {
  const drawing = canvas.getContext("2d");
  if (!drawing) throw new Error("no canvas");
  return drawing;
}

/**
 * The picture of the server that is closest to a wish: one whose hints begin the wish's, as many as possible, with its holes
 * and its mask, and without a frame that takes something away.
 * @template {{ wish: Wish }} Of
 * @param {Of[]} bases the oldest first
 * @param {Wish} wish
 * @returns {{ base: Of, missing: Wish["hints"] } | null}
 */
export function closest(bases, wish) {
  /** @type {{ base: Of, missing: Wish["hints"] } | null} */
  let best = null;
  const { path_inset: inset } = wish;
  for (const base of bases) {
    const { hints, holes, roi, mask_source: source, mask } = base.wish;
    const isStart = hints.every((hint, index) => JSON.stringify(hint) === JSON.stringify(wish.hints[index]));
    const isLike = holes === wish.holes && source === wish.mask_source && mask === wish.mask && (roi === wish.roi || roi === WHOLE);
    if (!isStart || !isLike) continue;
    const missing = wish.hints.slice(hints.length);
    // Of equals the one whose path lies alike, else the last.
    const isCloser = !best || missing.length < best.missing.length;
    const isEqual = missing.length === best?.missing.length;
    if (isCloser || (isEqual && (base.wish.path_inset === inset || best?.base.wish.path_inset !== inset))) best = { base, missing };
  }
  return best;
}
