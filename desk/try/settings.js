// The pickers for mode, format, parameter set, mask, crop and fidelity.

import { find, findIn, make } from "../lib/dom.js";
import { texts } from "../lib/texts.js";

/**
 * What to make of a photo. A mask that comes as a file is uploaded with each.
 * @typedef {import("../lib/api.js").Settings & { mask?: File }} Choice
 */

export class SettingsForm extends EventTarget {
  #form = find("settings", HTMLFormElement);
  #set = find("set", HTMLSelectElement);
  #format = find("format", HTMLSelectElement);
  #crop = find("crop", HTMLInputElement);
  #faithful = find("faithful", HTMLInputElement);
  #by = find("cut-by", HTMLSelectElement);
  #byFile = find("cut-by-file", HTMLOptionElement);
  #file = find("mask-file", HTMLInputElement);
  /** @type {File | null} */
  #mask = null;

  constructor() {
    super();
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    // These two come before the form, which all changes reach.
    this.#by.addEventListener("change", () => (this.#mask = null));
    this.#file.addEventListener("change", () => this.#take());
    find("pick-mask", HTMLButtonElement).addEventListener("click", () => this.#file.click());
    this.#form.addEventListener("change", () => this.#changed());
    this.#changed();
  }

  /**
   * What to make of a photo.
   * @returns {Choice}
   */
  get value() {
    const { mode } = this;
    const format = this.#format.value;
    return {
      mode,
      ...(format && { output_format: format }),
      ...(mode === "params" && { params: this.#set.value }),
      ...(this.#crop.checked && { crop: "subject" }),
      ...(this.#faithful.checked && { depth: "keep", color: "keep" }),
      ...this.#source,
    };
  }

  /** What it is cut by. */
  get #source() {
    if (this.#mask) return { mask: this.#mask };
    const source = /** @type {import("../lib/api.js").MaskSource} */ (this.#by.value);
    return source === "auto" ? {} : { mask_source: source };
  }

  /** Takes the mask that was picked. */
  #take() {
    const [file] = this.#file.files ?? [];
    // So that the same file can be picked again.
    this.#file.value = "";
    if (file) this.#mask = file;
  }

  get mode() {
    return findIn(this.#form, "input[name=mode]:checked", HTMLInputElement).value;
  }

  /**
   * Offers these parameter sets. There is always a built-in one, so none means that they could not be loaded.
   * @param {import("../lib/api.js").ListedSet[]} sets
   */
  offer(sets) {
    const chosen = this.#set.value;
    const options = sets.map(({ name, built_in }) =>
      make("option", { value: name }, built_in ? texts.setBuiltIn(name) : name),
    );
    const none = make("option", { value: "", disabled: "" }, texts.setNone);
    this.#set.replaceChildren(...(options.length > 0 ? options : [none]));
    if (sets.some(({ name }) => name === chosen)) this.#set.value = chosen;
    this.#changed();
  }

  #changed() {
    const { mode } = this;
    find("set-field", HTMLElement).hidden = mode !== "params";
    const mask = this.#mask;
    this.#byFile.hidden = this.#byFile.disabled = !mask;
    if (mask) this.#by.value = "file";
    const line = find("mask-name", HTMLElement);
    line.hidden = !mask;
    line.textContent = mask ? texts.maskChosen(mask.name) : "";
    const hints = /** @type {Record<string, string>} */ (texts.modeHints);
    find("mode-hint", HTMLElement).textContent = hints[mode] ?? "";
    this.dispatchEvent(new Event("changed"));
  }
}

/** Whether two settings make the same pictures. @type {(one: Choice, other: Choice) => boolean} */
export const isSame = (one, other) =>
  one.mode === other.mode &&
  one.output_format === other.output_format &&
  one.params === other.params &&
  one.crop === other.crop &&
  one.depth === other.depth &&
  one.color === other.color &&
  one.mask_source === other.mask_source &&
  one.mask === other.mask;
