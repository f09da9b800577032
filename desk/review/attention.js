// The places of a cut that a person should look at: boxes over the picture with their messages, and the same as a list in the
// panel. While the picture has the focus, Tab goes from one to the next, and after the last one on to the controls.

import { announce, find, findIn, make } from "../lib/dom.js";
import { linkOf, pngSize } from "../lib/pictures.js";
import { within } from "../lib/placement.js";
import { areKeysOn } from "../lib/shortcuts.js";
import { texts } from "../lib/texts.js";
import { variationsOf } from "./shown.js";

/** @typedef {import("./jobs.js").Job} Job */
/** @typedef {import("../lib/api.js").Attention} Place */
/** @typedef {import("../lib/placement.js").Point} Point */
/** @typedef {import("../lib/placement.js").Box} Box */

/** A preview has the photo's own size if its sides are shorter than this, in pixels. */
const MAX_PREVIEW = 2_048;

export class Attention {
  #view = find("view", HTMLElement);
  #stage = find("stage", HTMLElement);
  #layer = make("div", { class: "layer places", "aria-hidden": "true" });
  #section = find("attention", HTMLElement);
  #isShown = find("show-places", HTMLInputElement);
  /** @type {Job | null} */
  #job = null;
  /** @type {Place[]} */
  #places = [];
  /** What is built, to build nothing twice: rebuilt buttons would lose the focus. */
  #built = "";
  /** The place that was gone to, or -1. */
  #at = -1;
  /** Width and height of the photo, once they are known. @type {Promise<Point> | null} */
  #size = null;
  #viewer;
  #pictures;

  /**
   * @param {import("./viewer.js").Viewer} viewer
   * @param {import("../lib/pictures.js").Pictures<Job>} pictures
   */
  constructor(viewer, pictures) {
    this.#viewer = viewer;
    this.#pictures = pictures;
    this.#view.append(this.#layer);
    this.#view.addEventListener("keydown", (event) => this.#press(event));
    this.#isShown.addEventListener("change", () => this.#stage.toggleAttribute("data-no-places", !this.#isShown.checked));
    viewer.addEventListener("arranged", () => void this.#draw());
  }

  /** Shows or hides the boxes. */
  toggle() {
    if (!this.#isShown.disabled) this.#isShown.click();
  }

  /** Shows the places of a job, once they are known. @param {Job | null} job */
  show(job) {
    const places = job?.status?.attention ?? [];
    const built = JSON.stringify([job?.jobId, job?.status?.draft?.revision, places]);
    if (built === this.#built) return;
    this.#built = built;
    if (this.#job !== job) this.#size = null;
    [this.#job, this.#places, this.#at] = [job, places, -1];
    this.#section.hidden = places.length === 0;
    this.#isShown.disabled = places.length === 0;
    const items = places.map(({ message }, index) => {
      const button = make("button", { type: "button" }, make("span", { class: "place-number" }, String(index + 1)), make("span", {}, message));
      button.addEventListener("click", () => void this.#go(index));
      return make("li", {}, button);
    });
    findIn(this.#section, "ol", HTMLElement).replaceChildren(...items);
    void this.#draw();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.key !== "Tab" || event.ctrlKey || event.altKey || event.metaKey || !areKeysOn()) return;
    const next = this.#at + (event.shiftKey ? -1 : 1);
    // At either end the focus moves on, as everywhere.
    if (next < 0 || next >= this.#places.length) return this.#mark(-1);
    event.preventDefault();
    void this.#go(next);
  }

  /** Shows a place at 200 %. @param {number} index */
  async #go(index) {
    const [job, place] = [this.#job, this.#places[index]];
    if (!job || !place) return;
    this.#mark(index);
    // On narrow screens the list is below the picture.
    this.#stage.scrollIntoView({ block: "nearest" });
    announce(texts.review.place(index + 1, this.#places.length, place.message));
    const isCurrent = () => job === this.#job && index === this.#at;
    await this.#settled();
    if (!isCurrent()) return;
    const size = await this.#sizeOf(job).catch(() => null);
    if (!size || !isCurrent()) return;
    if (!this.#viewer.partOf(size)) {
      const other = ["clipping", "background"].find((name) => variationsOf(job).includes(name));
      if (!other) return announce(texts.review.placeOnCanvas);
      await this.#viewer.choose(other);
    }
    if (isCurrent()) await this.#viewer.lookAt(place.box, size, isCurrent);
  }

  /** Resolves once the stage shows the job, or says why not. Before, photo and picture may be those of another one. */
  async #settled() {
    while (this.#stage.dataset.loading !== undefined) {
      await new Promise((resolve) => ["arranged", "shown"].forEach((name) => this.#viewer.addEventListener(name, resolve, { once: true })));
    }
  }

  /** @param {number} index */
  #mark(index) {
    this.#at = index;
    for (const [at, box] of [...this.#layer.children].entries()) box.toggleAttribute("data-current", at === index);
  }

  /** The size of the photo, which the boxes are in pixels of. @param {Job} job @returns {Promise<Point>} */
  #sizeOf(job) {
    const photo = find("before", HTMLImageElement);
    const [x, y] = [photo.naturalWidth, photo.naturalHeight];
    const isWhole = x > 0 && Math.max(x, y) < MAX_PREVIEW;
    if (isWhole || !linkOf(job, "matte")) return Promise.resolve({ x: x || 1, y: y || 1 });
    this.#size ??= this.#pictures.get(job, "matte").then(pngSize);
    this.#size.catch(() => (this.#size = null));
    return this.#size;
  }

  /** Draws the boxes where the picture is. */
  async #draw() {
    const job = this.#job;
    const places = this.#places;
    const hasPicture = () => this.#stage.dataset.content !== "nothing" && this.#stage.dataset.loading === undefined;
    if (!job || places.length === 0 || !hasPicture()) return this.#layer.replaceChildren();
    const size = await this.#sizeOf(job).catch(() => null);
    if (places !== this.#places || !hasPicture()) return;
    const part = size && this.#viewer.partOf(size);
    this.#layer.replaceChildren(...(part ? places.map((place, index) => boxOf(place, index, within(place.box, size, part))) : []));
    this.#mark(this.#at);
  }
}

/** @type {(place: Place, index: number, box: Box) => HTMLElement} */
function boxOf({ message }, index, box) {
  const element = make("div", { class: "place" }, make("p", { class: "place-label" }, make("b", {}, String(index + 1)), ` ${message}`));
  for (const [side, value] of Object.entries(box)) element.style.setProperty(`--${side}`, String(value));
  element.toggleAttribute("data-low", box.top < 0.1);
  return element;
}
