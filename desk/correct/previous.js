// The cut before the last one, while it is held over the stage to be compared.

import { announce, find, make } from "../lib/dom.js";
import { texts } from "../lib/texts.js";

export class Previous {
  #stage = find("stage", HTMLElement);
  #canvas = make("canvas", { class: "plane" });
  #label = make("p", { class: "previous-label" }, texts.correct.previous);

  constructor() {
    find("view", HTMLElement).append(make("div", { class: "layer previous", "aria-hidden": "true" }, make("div", { class: "plane backdrop" }), this.#canvas));
    this.#stage.append(this.#label);
    this.#label.hidden = true;
  }

  /** @param {import("./cut.js").Base[] | null} bases the pictures of the server, the last one last; `null` ends it */
  show(bases) {
    const picture = bases?.at(-2)?.picture;
    if (bases && !picture) announce(texts.correct.noPrevious);
    this.#stage.toggleAttribute("data-previous", picture !== undefined);
    this.#label.hidden = !bases;
    this.#label.textContent = picture ? texts.correct.previous : texts.correct.noPrevious;
    if (!picture) return;
    this.#canvas.width = picture.width;
    this.#canvas.height = picture.height;
    this.#canvas.getContext("2d")?.drawImage(picture, 0, 0);
  }
}
