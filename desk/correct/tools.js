// The controls in the panel with which a cut is corrected.

import { find } from "../lib/dom.js";
import { texts } from "../lib/texts.js";

/** @typedef {"region" | "stroke" | "roi"} Tool */
/** @typedef {"auto" | "remove" | "keep"} KindChoice */

/**
 * @typedef {object} Actions
 * @property {() => void} changed another tool or kind
 * @property {(steps: number) => void} scale
 * @property {(holes: "auto" | "open" | "keep") => void} holes
 * @property {(pixels: number) => void} inset
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {() => void} startOver
 * @property {(isOn: boolean) => void} removed
 * @property {(isOn: boolean) => void} loupe
 * @property {(isHeld: boolean) => void} previous
 * @property {() => void} done
 */

export class Tools {
  /** @type {Tool} */
  tool = "region";
  /** @type {KindChoice} */
  kind = "auto";
  #section = find("correct-tools", HTMLElement);
  #holes = find("holes", HTMLSelectElement);
  #inset = find("path-inset", HTMLInputElement);
  /** Whether the slider is being moved. An answer that arrives meanwhile does not move it back. */
  #isMoved = false;
  #undo = find("undo-hint", HTMLButtonElement);
  #redo = find("redo-hint", HTMLButtonElement);
  #startOver = find("start-over", HTMLButtonElement);
  #removed = find("show-removed", HTMLInputElement);
  #loupe = find("show-loupe", HTMLInputElement);
  #status = find("correct-status", HTMLElement);
  #actions;

  /** @param {Actions} actions */
  constructor(actions) {
    this.#actions = actions;
    this.#section.addEventListener("change", ({ target }) => {
      if (target instanceof HTMLInputElement && target.name === "tool") this.choose(/** @type {Tool} */ (target.value));
      if (target instanceof HTMLInputElement && target.name === "kind") this.choose(this.tool, /** @type {KindChoice} */ (target.value));
    });
    this.#holes.addEventListener("change", () => actions.holes(/** @type {"auto" | "open" | "keep"} */ (this.#holes.value)));
    this.#inset.addEventListener("input", () => {
      this.#isMoved = true;
      this.#sayInset();
    });
    // Moved back to where it was, it has no `change`.
    for (const end of ["change", "pointerup", "pointercancel", "blur"]) {
      this.#inset.addEventListener(end, () => (this.#isMoved = false));
    }
    this.#inset.addEventListener("change", () => actions.inset(this.#inset.valueAsNumber));
    const click = (/** @type {string} */ id, /** @type {() => void} */ action) => find(id, HTMLButtonElement).addEventListener("click", action);
    click("smaller", () => actions.scale(-1));
    click("larger", () => actions.scale(1));
    click("undo-hint", actions.undo);
    click("redo-hint", actions.redo);
    click("start-over", actions.startOver);
    click("correct-done", actions.done);
    this.#removed.addEventListener("change", () => actions.removed(this.#removed.checked));
    this.#loupe.addEventListener("change", () => actions.loupe(this.#loupe.checked));
    const previous = find("show-previous", HTMLButtonElement);
    const isKey = (/** @type {KeyboardEvent} */ { key }) => key === " " || key === "Enter";
    previous.addEventListener("pointerdown", () => actions.previous(true));
    for (const end of ["pointerup", "pointercancel", "pointerleave", "blur"]) previous.addEventListener(end, () => actions.previous(false));
    previous.addEventListener("keydown", (event) => isKey(event) && actions.previous(true));
    previous.addEventListener("keyup", (event) => isKey(event) && actions.previous(false));
  }

  /** @param {boolean} isShown */
  show(isShown) {
    this.#section.hidden = !isShown;
    document.documentElement.toggleAttribute("data-correct", isShown);
  }

  /** @param {Tool} tool @param {KindChoice} [kind] */
  choose(tool, kind = this.kind) {
    this.tool = tool;
    this.kind = kind;
    for (const [name, value] of [["tool", tool], ["kind", kind]]) {
      const input = this.#section.querySelector(`input[name=${name}][value=${value}]`);
      if (input instanceof HTMLInputElement) input.checked = true;
    }
    find("stage", HTMLElement).dataset.tool = tool;
    const isTouch = tool === "region" && matchMedia("(hover: none)").matches;
    find("correct-hint", HTMLElement).textContent = texts.correct.hints[isTouch ? "touch" : tool];
    find("kinds", HTMLFieldSetElement).hidden = tool === "roi";
    find("scale", HTMLElement).hidden = tool !== "region";
    this.#actions.changed();
  }

  /** Goes on to the next kind. */
  nextKind() {
    const kinds = /** @type {const} */ (["auto", "remove", "keep"]);
    this.choose(this.tool, kinds[(kinds.indexOf(this.kind) + 1) % kinds.length]);
  }

  nextHoles() {
    this.#holes.selectedIndex = (this.#holes.selectedIndex + 1) % this.#holes.length;
    this.#holes.dispatchEvent(new Event("change"));
  }

  /** @param {"show-removed" | "show-loupe"} id */
  toggle(id) {
    find(id, HTMLInputElement).click();
  }

  #sayInset() {
    const text = texts.correct.inset(this.#inset.valueAsNumber);
    find("path-inset-text", HTMLOutputElement).textContent = text;
    this.#inset.setAttribute("aria-valuetext", text);
  }

  /** @param {import("./draft.js").Draft} draft @param {boolean} hasPath whether the job has a clipping path */
  state(draft, hasPath) {
    const { wish } = draft;
    this.#holes.value = wish.holes;
    if (!this.#isMoved) this.#inset.value = String(wish.path_inset);
    this.#sayInset();
    find("inset-field", HTMLElement).hidden = !hasPath;
    this.#undo.disabled = !draft.canUndo;
    this.#redo.disabled = !draft.canRedo;
    this.#startOver.disabled = !draft.canStartOver;
  }

  /** @param {string} text how large the region is that a click means */
  size(text) {
    find("region-size", HTMLOutputElement).textContent = text;
  }

  /** @param {string} text @param {boolean} [isProblem] */
  say(text, isProblem = false) {
    this.#status.textContent = text;
    this.#status.toggleAttribute("data-problem", isProblem);
  }
}
