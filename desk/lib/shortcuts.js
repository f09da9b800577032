// Single keys for everything that is done often. They can be switched off, for people who dictate to their computer.

import { find, make } from "./dom.js";

/** The keys that act again and again while they are held. All others act once: held, `a` would approve what nobody saw. */
const REPEATED = new Set(["arrowleft", "arrowright", "arrowup", "arrowdown", "j", "k", "+", "=", "-"]);

/** The keys that move a slider. */
const MOVES = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"]);

/**
 * @typedef {object} Actions
 * @property {Record<string, () => void>} keys by the key's name
 * @property {(isHeld: boolean) => void} original while `x` is held
 * @property {string[][]} rows each key with what it does, for the list of keys
 * @property {{ title: string, rows: string[][] }} [more] keys that work at times only
 */

/** @param {Actions} actions */
export function setUpShortcuts({ keys, original, rows, more }) {
  const dialog = find("shortcuts-dialog", HTMLDialogElement);
  const isOn = find("shortcuts-on", HTMLInputElement);
  find("open-shortcuts", HTMLButtonElement).addEventListener("click", () => dialog.showModal());
  find("shortcuts-close", HTMLButtonElement).addEventListener("click", () => dialog.close());
  const items = (/** @type {string[][]} */ of) =>
    of.flatMap(([key = "", does = ""]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, does)]);
  const list = find("shortcuts", HTMLElement);
  list.append(...items(rows));
  if (more) list.after(make("h3", {}, more.title), make("dl", { class: "shortcuts" }, ...items(more.rows)));

  document.addEventListener("keydown", (event) => {
    if (!isOn.checked || isForOthers(event)) return;
    if (event.key === "?") return dialog.showModal();
    const key = event.key.toLowerCase();
    if (key === "x") return original(true);
    const action = keys[key];
    if (!action) return;
    event.preventDefault();
    if (!event.repeat || REPEATED.has(key)) action();
  });
  document.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "x") original(false);
  });
  window.addEventListener("blur", () => original(false));
}

/** Whether single keys do something. */
export const areKeysOn = () => find("shortcuts-on", HTMLInputElement).checked;

/** Whether a key belongs to what has the focus, to a dialog or to the browser. */
export function isForOthers(/** @type {KeyboardEvent} */ event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  if (document.querySelector("dialog[open]")) return true;
  const { target } = event;
  if (target instanceof HTMLInputElement && target.type === "radio") return event.key.startsWith("Arrow");
  if (target instanceof HTMLInputElement && target.type === "range") return MOVES.has(event.key);
  if (target instanceof HTMLInputElement) return target.type !== "checkbox";
  return target instanceof HTMLSelectElement;
}
