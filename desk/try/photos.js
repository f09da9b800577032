// The photos of this page and which one is shown. Others change them here and listen to `added`, `changed`, `removed` and
// `selected`, each with the photo as detail.

/**
 * @typedef {"waiting" | "uploading" | "making" | "done" | "failed"} Step
 *
 * @typedef {object} Photo
 * @property {number} id
 * @property {File} file
 * @property {import("./settings.js").Choice} settings what to make of it
 * @property {Step} step
 * @property {number} progress of this step, 0 to 1
 * @property {string} pause why it waits, if it does
 * @property {string} fileKey of its upload, or an empty text
 * @property {string} jobId of its job, or an empty text
 * @property {import("../lib/api.js").Status | null} status the last one
 * @property {import("../lib/problems.js").Problem | null} problem
 * @property {string} shown the variation that is shown
 * @property {string} thumbnail the URL of a small picture
 * @property {Promise<Blob | null>} original the photo as browsers can show it, if they can
 * @property {AbortController} life aborted when the photo is removed
 */

/** @typedef {"added" | "changed" | "removed" | "selected"} PhotoEvent */

export class Photos extends EventTarget {
  /** @type {Photo[]} */
  all = [];
  /** @type {Photo | null} */
  selected = null;
  #lastId = 0;

  /**
   * @param {File} file
   * @param {import("./settings.js").Choice} settings
   * @returns {Photo}
   */
  add(file, settings) {
    this.#lastId += 1;
    /** @type {Photo} */
    const photo = {
      id: this.#lastId,
      file,
      settings,
      step: "waiting",
      progress: 0,
      pause: "",
      fileKey: "",
      jobId: "",
      status: null,
      problem: null,
      shown: "",
      thumbnail: "",
      original: Promise.resolve(null),
      life: new AbortController(),
    };
    this.all.push(photo);
    this.#send("added", photo);
    if (!this.selected) this.select(photo);
    return photo;
  }

  /**
   * @param {Photo} photo
   * @param {Partial<Photo>} changes
   */
  change(photo, changes) {
    Object.assign(photo, changes);
    if (this.all.includes(photo)) this.#send("changed", photo);
  }

  /** @param {Photo} photo */
  remove(photo) {
    const index = this.all.indexOf(photo);
    if (index < 0) return;
    this.all.splice(index, 1);
    photo.life.abort(new DOMException("removed", "AbortError"));
    this.#send("removed", photo);
    URL.revokeObjectURL(photo.thumbnail);
    if (this.selected === photo) this.select(this.all[Math.min(index, this.all.length - 1)] ?? null);
  }

  /** @param {Photo | null} photo */
  select(photo) {
    if (this.selected === photo) return;
    this.selected = photo;
    this.#send("selected", photo);
  }

  /**
   * Selects the photo that is so many places after the selected one, if there is one.
   * @param {number} distance
   */
  step(distance) {
    const index = this.selected ? this.all.indexOf(this.selected) + distance : 0;
    const photo = this.all[index];
    if (photo) this.select(photo);
  }

  /**
   * @param {PhotoEvent[]} names
   * @param {(photo: Photo) => void} listener
   */
  on(names, listener) {
    for (const name of names) {
      this.addEventListener(name, (event) => {
        if (event instanceof CustomEvent) listener(event.detail);
      });
    }
  }

  /** @type {(name: PhotoEvent, photo: Photo | null) => void} */
  #send(name, photo) {
    this.dispatchEvent(new CustomEvent(name, { detail: photo }));
  }
}

/** Whether the photo still has something to do. */
export const isPending = (/** @type {Photo} */ photo) => photo.step !== "done" && photo.step !== "failed";

/**
 * The variations of a result, the main one first.
 * @param {import("../lib/api.js").Status | null} status
 * @returns {string[]}
 */
export function variationsOf(status) {
  const names = Object.keys(status?.final_urls ?? status?.draft?.final_urls ?? {});
  const rank = (/** @type {string} */ name) => ["background", "clipping"].indexOf(name);
  // In mode clipping the path's cut-out is the result, and a composed picture always is.
  return names.sort((one, other) => {
    const [first, second] = [rank(one), rank(other)];
    if (first < 0 || second < 0) return first - second;
    return second - first;
  });
}
