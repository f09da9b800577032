// The panel about the selected photo: its name and state, what went wrong, its pictures, its command.

import { button, find, findIn, make } from "../lib/dom.js";
import { texts } from "../lib/texts.js";
import { command } from "./curl.js";
import { isPending, variationsOf } from "./photos.js";
import { isSame } from "./settings.js";
import { stateText } from "./viewer.js";

/** @typedef {import("./photos.js").Photo} Photo */

/**
 * @typedef {object} Parts
 * @property {import("./photos.js").Photos} photos
 * @property {import("./settings.js").SettingsForm} settings
 * @property {import("../lib/api.js").Api} api
 * @property {(photo: Photo) => void} run
 */

export class Details {
  #variations = find("variations", HTMLFieldSetElement);
  #repair = find("repair", HTMLElement);
  #notes = find("notes", HTMLElement);
  #again = find("cut-again", HTMLButtonElement);
  #copy = find("copy", HTMLButtonElement);
  #command = find("command-text", HTMLElement);
  /** What is shown of the photo, to build nothing twice: rebuilt buttons would lose the focus. */
  #shown = "";
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const { photos, settings } = parts;
    find("remove", HTMLButtonElement).addEventListener(
      "click",
      () => photos.selected && photos.remove(photos.selected),
    );
    this.#again.addEventListener("click", () => photos.selected && this.#cutAgain(photos.selected));
    this.#copy.addEventListener("click", () => void this.#copyCommand());
    settings.addEventListener("changed", () => this.show(photos.selected));
  }

  /** @param {Photo | null} photo */
  show(photo) {
    const { settings, api } = this.#parts;
    this.#again.hidden = !photo || isPending(photo) || isSame(photo.settings, settings.value);
    if (!photo) return;
    find("photo-name", HTMLElement).textContent = photo.file.name;
    const state = find("photo-state", HTMLElement);
    state.textContent = stateText(photo);
    state.dataset.step = photo.step;
    const text = command((path) => api.url(path), photo.file.name, photo.settings, photo.jobId);
    if (this.#command.textContent !== text) this.#command.textContent = text;
    const shown = JSON.stringify([
      photo.id,
      photo.problem,
      photo.status?.warnings,
      photo.step,
      variationsOf(photo.status),
    ]);
    if (shown !== this.#shown) this.#build(photo);
    this.#shown = shown;
  }

  /** @param {Photo} photo */
  #build(photo) {
    const warnings = photo.step === "done" ? Object.values(photo.status?.warnings ?? {}).flat() : [];
    const notes = [...new Set(warnings)].map((warning) => make("li", {}, warning));
    if (photo.status?.draft) notes.push(make("li", {}, make("a", { href: `review#${photo.jobId}` }, texts.reviewIt)));
    this.#notes.replaceChildren(...notes);
    const again = button(texts.tryAgain, () => this.#tryAgain(photo), "primary");
    this.#repair.replaceChildren(...(photo.problem?.canRetry ? [again] : []));
    this.#buildVariations(photo);
  }

  /** @param {Photo} photo */
  #buildVariations(photo) {
    const names = variationsOf(photo.status);
    this.#variations.hidden = names.length < 2 || photo.step !== "done";
    const choices = names.map((name) => {
      const input = make("input", { type: "radio", name: "variation", value: name });
      input.checked = name === photo.shown;
      input.addEventListener("change", () => this.#parts.photos.change(photo, { shown: name }));
      return make("label", { class: "choice" }, input, make("span", {}, texts.variations[name] ?? name));
    });
    findIn(this.#variations, ".choices", HTMLElement).replaceChildren(...choices);
  }

  /** @param {Photo} photo */
  #tryAgain(photo) {
    // From the disk, as the server may have lost or refused what it has.
    photo.fileKey = "";
    this.#parts.run(photo);
    find("view", HTMLElement).focus();
  }

  /** @param {Photo} photo */
  #cutAgain(photo) {
    photo.settings = this.#parts.settings.value;
    this.#parts.run(photo);
    find("view", HTMLElement).focus();
  }

  async #copyCommand() {
    try {
      // Missing in pages that come over plain HTTP from another machine.
      await navigator.clipboard.writeText(this.#command.textContent ?? "");
      this.#copy.textContent = texts.copied;
    } catch {
      getSelection()?.selectAllChildren(this.#command);
      this.#copy.textContent = texts.copyByHand;
    }
    setTimeout(() => (this.#copy.textContent = texts.copy), 3_000);
  }
}
