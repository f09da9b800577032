// The keys with which a cut is corrected. They go before those of the page.

import { find } from "../lib/dom.js";
import { areKeysOn, isForOthers } from "../lib/shortcuts.js";

/** How far an arrow key moves the crosshair, in pixels of the screen. */
const STEP = 8;
const LARGE_STEP = 48;

/** Keys of the page that make no sense meanwhile. */
const SILENT = ["m", "w", "p", "c"];

/**
 * @typedef {object} Actions
 * @property {() => boolean} isOn
 * @property {(across: number, down: number) => void} move in pixels of the screen
 * @property {() => void} enter
 * @property {() => void} escape
 * @property {(isHeld: boolean) => void} space
 * @property {(isHeld: boolean) => void} previous
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {Record<string, () => void>} keys by the key's name
 */

/** @param {Actions} actions */
export function setUpKeys(actions) {
  const view = find("view", HTMLElement);
  const reasons = find("reasons", HTMLElement);
  document.addEventListener(
    "keydown",
    (event) => {
      const isTaken = actions.isOn() ? press(event) : event.key.toLowerCase() === "v" && areKeysOn() && !isForOthers(event) && hold(event);
      if (!isTaken) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    { capture: true },
  );
  document.addEventListener("keyup", ({ key }) => {
    if (key.toLowerCase() === "v") actions.previous(false);
    if (key === " ") actions.space(false);
  });
  window.addEventListener("blur", () => {
    actions.previous(false);
    actions.space(false);
  });

  /** @param {KeyboardEvent} event */
  const hold = (event) => {
    if (!event.repeat) actions.previous(true);
    return true;
  };

  /** Whether the key is used. @type {(event: KeyboardEvent) => boolean} */
  const press = (event) => {
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !document.querySelector("dialog[open]")) {
      if (key === "z" && !event.shiftKey) return run(actions.undo);
      if (key === "y" || key === "z") return run(actions.redo);
    }
    // The page asks why the job is rejected.
    if (isForOthers(event) || !reasons.hidden) return false;
    const { target } = event;
    const isOnStage = target === view || target === document.body;
    const moves = /** @type {Record<string, [number, number]>} */ ({ arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] });
    const move = moves[key];
    if (move) {
      const step = event.shiftKey ? LARGE_STEP : STEP;
      return run(() => isOnStage && actions.move(move[0] * step, move[1] * step));
    }
    if (key === "escape") return run(actions.escape);
    if (key === "enter" && isOnStage) return run(() => !event.repeat && actions.enter());
    if (key === " " && isOnStage) return run(() => actions.space(true));
    if (!areKeysOn()) return false;
    if (key === "v") return hold(event);
    if (SILENT.includes(key)) return true;
    const action = actions.keys[key];
    return action !== undefined && run(() => (!event.repeat || key === "," || key === ".") && action());
  };
}

/** @param {() => unknown} action */
function run(action) {
  action();
  return true;
}
