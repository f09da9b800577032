// A magnifier over a corner of the stage: the cut around the pointer.

import { find, make } from "../lib/dom.js";

/** @typedef {import("./regions.js").Point} Point */

/** Its side in pixels of the screen. */
const SIDE = 176;
/** How large it shows a pixel of the preview, in pixels of the screen. */
const SCALE = 4;
/** How much of what was removed shows through. */
const GHOST = 0.3;

export class Loupe {
  isOn = false;
  #canvas = make("canvas", { width: String(SIDE * 2), height: String(SIDE * 2) });
  #element = make("div", { class: "loupe", "aria-hidden": "true" }, make("div", { class: "backdrop" }), this.#canvas);

  constructor() {
    this.#element.hidden = true;
    find("stage", HTMLElement).append(this.#element);
  }

  /**
   * Shows what is around a point, or nothing.
   * @param {Point | null} point
   * @param {import("./cut.js").Cut | undefined} cut
   * @param {Point} onScreen the point in shares of the stage, which the loupe stays away from
   */
  show(point, cut, onScreen) {
    const drawing = this.#canvas.getContext("2d");
    this.#element.hidden = !this.isOn || !point || !cut;
    if (this.#element.hidden || !point || !cut || !drawing) return;
    this.#element.toggleAttribute("data-right", onScreen.x < 0.5 && onScreen.y < 0.5);
    const side = this.#canvas.width;
    const seen = SIDE / SCALE;
    const { width, height } = cut.canvas;
    const from = /** @type {const} */ ([point.x * width - seen / 2, point.y * height - seen / 2, seen, seen]);
    drawing.clearRect(0, 0, side, side);
    drawing.imageSmoothingEnabled = false;
    drawing.globalAlpha = GHOST;
    drawing.drawImage(cut.photo, ...from, 0, 0, side, side);
    drawing.globalAlpha = 1;
    drawing.drawImage(cut.canvas, ...from, 0, 0, side, side);
    for (const [color, thick] of /** @type {const} */ ([["#fff", 5], ["#1d1c19", 2]])) {
      drawing.strokeStyle = color;
      drawing.lineWidth = thick;
      drawing.beginPath();
      for (const [x, y] of /** @type {const} */ ([[1, 0], [0, 1]])) {
        for (const end of [-1, 1]) {
          drawing.moveTo(side / 2 + end * 8 * x, side / 2 + end * 8 * y);
          drawing.lineTo(side / 2 + end * 26 * x, side / 2 + end * 26 * y);
        }
      }
      drawing.stroke();
    }
  }
}
