// What shows through the transparent parts of a cut-out: squares, plain colors, or any color where the page has a picker. And
// the path over it.

import { find } from "./dom.js";

export class Backdrops {
  #root = document.documentElement;
  #stage = find("stage", HTMLElement);
  #color = document.getElementById("backdrop-color");
  #path = find("show-path", HTMLInputElement);
  #radios = [...document.querySelectorAll("input[name=backdrop]")].filter((input) => input instanceof HTMLInputElement);

  constructor() {
    for (const radio of this.#radios) radio.addEventListener("change", () => this.#show(radio.value));
    for (const name of ["click", "input"]) this.#color?.addEventListener(name, () => this.#show("color"));
    this.#path.addEventListener("change", () => this.#showPath());
    this.#stage.addEventListener("path", () => this.#showPath());
    this.#showPath();
    this.#show(this.#radios.find(({ checked }) => checked)?.value ?? "checker");
  }

  /** Shows the next one. */
  next() {
    const values = [...this.#radios.map(({ value }) => value), ...(this.#color ? ["color"] : [])];
    const index = values.indexOf(this.#root.dataset.backdrop ?? "");
    this.#show(values[(index + 1) % values.length] ?? "checker");
  }

  togglePath() {
    if (this.#path.disabled) return;
    this.#path.checked = !this.#path.checked;
    this.#showPath();
  }

  #showPath() {
    this.#path.disabled = !this.#stage.hasAttribute("data-has-path");
    this.#stage.toggleAttribute("data-path", this.#path.checked);
  }

  /** @param {string} backdrop */
  #show(backdrop) {
    this.#root.dataset.backdrop = backdrop;
    if (this.#color instanceof HTMLInputElement) {
      this.#root.style.setProperty("--backdrop-color", this.#color.value);
    }
    for (const radio of this.#radios) radio.checked = radio.value === backdrop;
  }
}
