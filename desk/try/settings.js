// The pickers for mode, format, parameter set, crop and fidelity.

import { find, findIn, make } from "../lib/dom.js";
import { texts } from "../lib/texts.js";

export class SettingsForm extends EventTarget {
  #form = find("settings", HTMLFormElement);
  #set = find("set", HTMLSelectElement);
  #format = find("format", HTMLSelectElement);
  #crop = find("crop", HTMLInputElement);
  #faithful = find("faithful", HTMLInputElement);

  constructor() {
    super();
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("change", () => this.#changed());
    this.#changed();
  }

  /**
   * What to make of a photo.
   * @returns {import("../lib/api.js").Settings}
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
    };
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
    const hints = /** @type {Record<string, string>} */ (texts.modeHints);
    find("mode-hint", HTMLElement).textContent = hints[mode] ?? "";
    this.dispatchEvent(new Event("changed"));
  }
}

/** Whether two settings make the same pictures. */
export const isSame = (
  /** @type {import("../lib/api.js").Settings} */ one,
  /** @type {import("../lib/api.js").Settings} */ other,
) =>
  one.mode === other.mode &&
  one.output_format === other.output_format &&
  one.params === other.params &&
  one.crop === other.crop &&
  one.depth === other.depth &&
  one.color === other.color;
