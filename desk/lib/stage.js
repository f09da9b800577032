// The stage: a photo and its cut-out, one over the other, with everything that lies over them. It loads, places and names
// them; which pictures these are is up to the page.

import { find, setText } from "./dom.js";
import { Divider } from "./divider.js";
import { Gestures } from "./gestures.js";
import { Placement } from "./placement.js";

/** What of the stage is filled. `both` if the picture lies over the photo, pixel by pixel. */
/** @typedef {"nothing" | "before" | "after" | "both"} Content */

export class Stage {
  #stage = find("stage", HTMLElement);
  #view = find("view", HTMLElement);
  #before = find("before", HTMLImageElement);
  #after = find("after", HTMLImageElement);
  #path = find("path", SVGSVGElement);
  #message = find("message", HTMLElement);
  #placement = new Placement();
  #gestures = new Gestures(this.#placement, () => this.#place());
  /** Whether the next picture takes over the place of the last one. */
  #isKept = false;
  divider = new Divider();

  constructor() {
    new ResizeObserver(() => this.#fit()).observe(this.#view);
  }

  /** @param {string} to see `Gestures.zoom` */
  zoom(to) {
    this.#gestures.zoom(to);
  }

  /** @type {(across: number, down: number) => void} see `Gestures.pan` */
  pan(across, down) {
    this.#gestures.pan(across, down);
  }

  /**
   * Shows a box of the picture.
   * @param {import("./placement.js").Box} box
   * @param {number} scale pixels of the screen for one of the picture, at most
   */
  look(box, scale) {
    this.#placement.look(box, scale / devicePixelRatio);
    this.#place();
  }

  /** Width and height of the picture, in its own pixels. */
  get size() {
    return this.#size();
  }

  /** Whether the whole picture is shown. */
  get isFit() {
    return this.#placement.isFit;
  }

  /** Shows the whole of the next picture. */
  fitNext() {
    this.#placement.isFit = true;
  }

  /** Lets later pictures be shown as large, and at the same place, as the ones before. */
  keepPlace() {
    this.#isKept = true;
  }

  /**
   * The photo alone, or what the border shows.
   * @param {boolean} isOn
   */
  showOriginal(isOn) {
    this.#stage.toggleAttribute("data-original", isOn);
  }

  /**
   * Loads the photo. Rejects if the browser cannot show it.
   * @type {(blob: Blob, alt: string) => Promise<void>}
   */
  loadBefore(blob, alt) {
    return load(this.#before, blob, alt);
  }

  /**
   * Loads the cut-out. Rejects if the browser cannot show it.
   * @type {(blob: Blob, alt: string) => Promise<void>}
   */
  loadAfter(blob, alt) {
    return load(this.#after, blob, alt);
  }

  dropBefore() {
    drop(this.#before);
  }

  dropAfter() {
    drop(this.#after);
    this.showPath("");
  }

  clear() {
    this.dropBefore();
    this.dropAfter();
    this.#stage.dataset.content = "nothing";
    this.say("");
  }

  /**
   * Decides what is on the stage.
   * @param {(before: HTMLImageElement, after: HTMLImageElement) => boolean} liesOver whether the cut-out lies over the photo
   * @returns {{ content: Content, before: boolean, after: boolean }} also which of the two are loaded
   */
  arrange(liesOver) {
    const [before, after] = [this.#before, this.#after].map((image) => image.naturalWidth > 0);
    const isBoth = before && after && liesOver(this.#before, this.#after);
    /** @type {Content} */
    const content = isBoth ? "both" : after ? "after" : before ? "before" : "nothing";
    this.#stage.dataset.content = content;
    this.#stage.toggleAttribute("data-has-before", before);
    this.#fit();
    return { content, before: Boolean(before), after: Boolean(after) };
  }

  /**
   * Shows the path of an SVG file over the cut-out. Only the outline's numbers are taken over; the file itself is never part
   * of the page.
   * @param {string} svg or an empty text for no path
   */
  showPath(svg) {
    const outline = / d="([-MLCZ\d., ]*)"/.exec(svg)?.[1] ?? "";
    const box = / viewBox="([\d. ]+)"/.exec(svg)?.[1];
    this.#stage.toggleAttribute("data-has-path", outline !== "");
    const { x, y } = this.#size();
    this.#path.setAttribute("viewBox", box ?? `0 0 ${x} ${y}`);
    for (const path of this.#path.children) path.setAttribute("d", outline);
    this.#stage.dispatchEvent(new Event("path"));
  }

  /** @param {string} text @param {boolean} [isNote] whether the picture stays visible */
  say(text, isNote = false) {
    setText(find("message-text", HTMLElement), text);
    this.#message.hidden = !text;
    this.#message.classList.toggle("is-note", isNote);
  }

  /** The size of the picture, in its own pixels. */
  #size() {
    const image = this.#after.naturalWidth > 0 ? this.#after : this.#before;
    return { x: image.naturalWidth || 1, y: image.naturalHeight || 1 };
  }

  #fit() {
    const size = this.#size();
    // While no picture is loaded, the place of the last one stays.
    if (this.#isKept && size.x === 1 && size.y === 1) return;
    this.#placement.resize({ x: this.#view.clientWidth, y: this.#view.clientHeight }, size, this.#isKept);
    this.#place();
  }

  #place() {
    const { x, y } = this.#size();
    const { scale, offset } = this.#placement;
    const { style } = this.#view;
    for (const [name, value] of Object.entries({ x: offset.x, y: offset.y, width: x * scale, height: y * scale })) {
      style.setProperty(`--${name}`, `${value}px`);
    }
    this.#view.classList.toggle("is-fit", this.#placement.isFit);
    this.#view.classList.toggle("is-pixelated", scale * devicePixelRatio >= 2);
    this.#gestures.show();
  }
}

/** @param {HTMLImageElement} image */
function drop(image) {
  URL.revokeObjectURL(image.src);
  image.removeAttribute("src");
  image.alt = "";
}

/**
 * Shows a blob in an image. Rejects if the browser cannot show it.
 * @type {(image: HTMLImageElement, blob: Blob, alt: string) => Promise<void>}
 */
export async function load(image, blob, alt) {
  URL.revokeObjectURL(image.src);
  const url = URL.createObjectURL(blob);
  image.src = url;
  image.alt = alt;
  try {
    await image.decode();
  } catch (fault) {
    // If another picture took its place meanwhile, nothing is wrong.
    if (image.src === url) throw fault;
  }
}
