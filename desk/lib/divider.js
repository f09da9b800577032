// The border between photo and cut-out: left of it is the photo.

import { find } from "./dom.js";
import { texts } from "./texts.js";

const STEP = 2;
const LARGE_STEP = 10;
const MIDDLE = 50;
/** As long as the transition in viewer.css, in milliseconds. */
const REVEAL = 900;

export class Divider {
  #handle = find("divider", HTMLElement);
  #stage = find("stage", HTMLElement);
  #value = MIDDLE;

  constructor() {
    this.#handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.#handle.setPointerCapture(event.pointerId);
    });
    this.#handle.addEventListener("pointermove", (event) => {
      if (!this.#handle.hasPointerCapture(event.pointerId)) return;
      const { left, width } = this.#stage.getBoundingClientRect();
      this.set(((event.clientX - left) / width) * 100);
    });
    this.#handle.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * @param {number} value percent of the stage that shows the photo
   */
  set(value) {
    this.#value = Math.min(100, Math.max(0, value));
    const rounded = Math.round(this.#value);
    this.#stage.style.setProperty("--split", `${this.#value}%`);
    this.#handle.setAttribute("aria-valuenow", String(rounded));
    this.#handle.setAttribute("aria-valuetext", texts.dividerAt(rounded));
  }

  /** Draws the photo back from its cut-out. */
  reveal() {
    this.set(100);
    // Two frames later the browser has the start of the transition.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        // Somebody may have moved it meanwhile.
        if (this.#value !== 100) return;
        this.#stage.dataset.revealing = "";
        this.set(MIDDLE);
        setTimeout(() => delete this.#stage.dataset.revealing, REVEAL);
      }),
    );
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const values = /** @type {Record<string, number>} */ ({
      ArrowLeft: this.#value - STEP,
      ArrowDown: this.#value - STEP,
      ArrowRight: this.#value + STEP,
      ArrowUp: this.#value + STEP,
      PageDown: this.#value - LARGE_STEP,
      PageUp: this.#value + LARGE_STEP,
      Home: 0,
      End: 100,
    });
    const value = values[event.key];
    if (value === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.set(value);
  }
}
