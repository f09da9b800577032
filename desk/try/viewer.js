// The selected photo on the stage, as far as it has got.

import { find } from "../lib/dom.js";
import { hiddenFormat } from "../lib/pictures.js";
import { describe } from "../lib/problems.js";
import { Stage } from "../lib/stage.js";
import { texts } from "../lib/texts.js";
import { isPending } from "./photos.js";

/** @typedef {import("./photos.js").Photo} Photo */

export class Viewer {
  #element = find("stage", HTMLElement);
  #stage = new Stage();
  /** What is loaded, to load nothing twice. */
  #loaded = { before: "", after: "" };
  /** Settled once the photo is there, if the browser can show it. @type {Promise<void>} */
  #photo = Promise.resolve();
  #pictures;

  /** @param {import("../lib/pictures.js").Pictures<Photo>} pictures */
  constructor(pictures) {
    this.#pictures = pictures;
  }

  /**
   * Shows a photo as far as it has got.
   * @param {Photo | null} photo
   */
  async show(photo) {
    this.#progress(photo);
    if (!photo) return this.#clear();
    if (this.#loaded.before !== String(photo.id)) {
      this.#clear();
      this.#loaded.before = String(photo.id);
      this.#photo = this.#loadPhoto(photo);
    }
    // A result that is there at once lies over the photo nevertheless.
    await this.#photo;
    if (this.#loaded.before === String(photo.id)) await this.#showResult(photo);
  }

  /** @param {Photo} photo */
  async #loadPhoto(photo) {
    const isCurrent = () => this.#loaded.before === String(photo.id);
    const original = await photo.original;
    if (original && isCurrent()) await this.#stage.loadBefore(original, texts.altBefore(photo.file.name)).catch(() => {});
    if (isCurrent()) this.#arrange(photo);
  }

  /** @param {string} to see `Gestures.zoom` */
  zoom(to) {
    this.#stage.zoom(to);
  }

  /** @param {boolean} isOn see `Stage.showOriginal` */
  showOriginal(isOn) {
    this.#stage.showOriginal(isOn);
  }

  /** @param {Photo} photo */
  async #showResult(photo) {
    const wanted = isPending(photo) ? "" : JSON.stringify([photo.step, photo.jobId, photo.shown, photo.problem]);
    if (this.#loaded.after === wanted) return;
    this.#loaded.after = wanted;
    this.#stage.dropAfter();
    this.#arrange(photo);
    if (photo.step !== "done" || !photo.shown || hiddenFormat(photo, photo.shown)) return;
    const isCurrent = () => this.#loaded.after === wanted && this.#loaded.before === String(photo.id);
    try {
      const blob = await this.#pictures.get(photo, photo.shown);
      if (!isCurrent()) return;
      await this.#stage.loadAfter(blob, texts.altAfter(photo.file.name));
      if (!isCurrent()) return;
      const isOverPhoto = this.#arrange(photo) === "both";
      if (isOverPhoto) this.#stage.divider.reveal();
      // The path belongs to the whole photo. A crop may show all of it.
      if (isOverPhoto || !photo.status?.crop_box) await this.#loadPath(photo, isCurrent);
    } catch (fault) {
      if (isCurrent()) this.#stage.say(describe(fault).text);
    }
  }

  /** @type {(photo: Photo, isCurrent: () => boolean) => Promise<void>} */
  async #loadPath(photo, isCurrent) {
    const isOnPhoto = photo.shown === "background" || photo.shown === "clipping";
    if (!photo.status?.assets?.clipping_path || !isOnPhoto) return;
    const svg = await (await this.#pictures.get(photo, "clipping_path")).text();
    if (isCurrent()) this.#stage.showPath(svg);
  }

  /**
   * Decides what is on the stage, and says what is missing.
   * @param {Photo} photo
   */
  #arrange(photo) {
    const isSame = (/** @type {HTMLImageElement} */ one, /** @type {HTMLImageElement} */ other) =>
      one.naturalWidth === other.naturalWidth && one.naturalHeight === other.naturalHeight;
    const { content, before, after } = this.#stage.arrange(isSame);
    this.#element.toggleAttribute("data-cut", photo.step === "done" && after);
    const hidden = photo.shown && hiddenFormat(photo, photo.shown);
    if (photo.problem) this.#stage.say(photo.problem.text);
    else if (hidden) this.#stage.say(texts.noPreview(hidden));
    else if (before && after && content !== "both") this.#stage.say(texts.ownCanvas, true);
    else if (after && !before) this.#stage.say(texts.noBefore, true);
    else if (photo.step === "done" && photo.file.type === "image/gif") this.#stage.say(texts.firstFrame, true);
    else if (!before && !after && !isPending(photo)) this.#stage.say(texts.noBefore);
    else this.#stage.say("");
    return content;
  }

  /** @param {Photo | null} photo */
  #progress(photo) {
    const bar = find("progress", HTMLElement);
    bar.hidden = !photo || !isPending(photo);
    if (!photo || bar.hidden) return;
    const text = stateText(photo);
    find("progress-text", HTMLElement).textContent = text;
    bar.setAttribute("aria-label", text);
    const value = photo.step === "waiting" ? 0 : Math.round(photo.progress * 100);
    bar.setAttribute("aria-valuenow", String(value));
    bar.toggleAttribute("data-unknown", photo.step === "making" && photo.progress < 0.05);
    bar.style.setProperty("--value", `${value}%`);
    if (this.#loaded.before === String(photo.id) && photo.step !== "done") this.#stage.say("");
  }

  #clear() {
    this.#loaded = { before: "", after: "" };
    this.#stage.clear();
    this.#element.removeAttribute("data-cut");
  }
}

/**
 * How far a photo has got, in words.
 * @param {Photo} photo
 */
export function stateText(photo) {
  if (photo.pause) return photo.pause;
  switch (photo.step) {
    case "waiting":
      return texts.waiting;
    case "uploading":
      return texts.uploading(photo.progress);
    case "making":
      return photo.status && photo.status.status !== "queued" ? texts.making : texts.queued;
    case "failed":
      return texts.failed;
    case "done": {
      if (photo.status?.draft) return texts.held;
      const confidence = photo.status?.confidence;
      return confidence !== undefined && confidence < 0.5 ? texts.doneUncertain(confidence) : texts.done(confidence);
    }
  }
}
