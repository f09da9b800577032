// What the photo is cut by: the networks, what the photo brings itself, or a mask as a file.

import { find } from "../lib/dom.js";
import { LocalFault } from "../lib/problems.js";
import { texts } from "../lib/texts.js";

/** @typedef {"auto" | "alpha" | "path"} Source */

/**
 * @typedef {object} Actions
 * @property {(source: Source) => void} by
 * @property {(file: File) => void} file
 */

export class MaskChoice {
  #section = find("correct-tools", HTMLElement);
  #by = find("cut-by", HTMLSelectElement);
  #byFile = find("cut-by-file", HTMLOptionElement);
  #input = find("mask-file", HTMLInputElement);
  #masked = find("masked", HTMLElement);

  /** @param {Actions} actions */
  constructor(actions) {
    this.#by.addEventListener("change", () => actions.by(/** @type {Source} */ (this.#by.value)));
    find("pick-mask", HTMLButtonElement).addEventListener("click", () => this.pick());
    find("to-networks", HTMLButtonElement).addEventListener("click", () => {
      actions.by("auto");
      // The button is gone.
      find("view", HTMLElement).focus();
    });
    this.#input.addEventListener("change", () => {
      const [file] = this.#input.files ?? [];
      // So that the same file can be picked again.
      this.#input.value = "";
      if (file) actions.file(file);
    });
  }

  /** Asks for a file. */
  pick() {
    this.#input.click();
  }

  /** Shows what decides, and hides what has no effect then. @param {import("./draft.js").Draft} draft */
  state({ wish, isMasked }) {
    const isFile = wish.mask_source === "file";
    this.#byFile.hidden = !isFile;
    this.#byFile.disabled = !isFile;
    this.#by.value = wish.mask_source;
    this.#masked.hidden = !isMasked;
    this.#section.toggleAttribute("data-masked", isMasked);
  }
}

/**
 * Reads a mask that this account may send. Throws `LocalFault`.
 * @param {File} file
 * @param {Pick<import("../review/decisions.js").Parts, "api" | "persistence">} parts
 */
export async function takeMask(file, { api, persistence }) {
  const { limits } = await persistence.run(() => api.account());
  return readMask(file, limits.mask_bytes);
}

/**
 * Reads a mask into memory, so that it can be sent again whatever becomes of the file. Throws `LocalFault`.
 * @param {File} file
 * @param {number} limit in bytes
 * @returns {Promise<File>}
 */
export async function readMask(file, limit) {
  const { name, type, size } = file;
  if (size === 0) throw new LocalFault(texts.problems.empty);
  if (size > limit) throw new LocalFault(texts.problems.tooLarge(size, limit));
  try {
    return new File([await file.arrayBuffer()], name, { type });
  } catch {
    throw new LocalFault(texts.problems.fileGone);
  }
}
