// Steps of people who correct a cut on the review page.

import assert from "node:assert/strict";

import { PATIENCE } from "./page.js";
import { openJob } from "./review.js";

/** Begins to correct the job with this id. */
export async function begin(page, id) {
  await openJob(page, id);
  await page.keyboard.press("e");
  await page.locator("#correct-tools").waitFor();
}

/** Where a point of the photo is on the screen. */
export const onScreen = (page, { x, y }) =>
  page.evaluate(
    ([x, y]) => {
      const view = document.getElementById("view");
      const { left, top } = view.getBoundingClientRect();
      const [offsetX, offsetY, width, height] = ["x", "y", "width", "height"].map((name) => parseFloat(view.style.getPropertyValue(`--${name}`)));
      return [left + offsetX + x * width, top + offsetY + y * height];
    },
    [x, y],
  );

export const click = async (page, point) => page.mouse.click(...(await onScreen(page, point)));

/** Clicks at two points within a moment, however long each step of a test takes. */
export async function clickTwice(page, one, other) {
  const places = [await onScreen(page, one), await onScreen(page, other)];
  await page.evaluate((places) => {
    const view = document.getElementById("view");
    // No pointer has this id.
    view.setPointerCapture = () => {};
    for (const [clientX, clientY] of places) {
      for (const name of ["pointerdown", "pointerup"]) {
        view.dispatchEvent(new PointerEvent(name, { bubbles: true, cancelable: true, clientX, clientY, pointerId: 1, button: 0, pointerType: "mouse" }));
      }
    }
  }, places);
}

/** Waits for this revision of the cut. */
export const saved = (page, revision) => page.locator("#correct-status", { hasText: `Revision ${revision} is saved.` }).waitFor();

/** Waits until the server has this revision of the cut, or refuses it. Returns whether it is there. */
export async function isRecut(page, revision) {
  const status = (words) => page.locator(`#correct-status${words}`);
  const isThere = status("").filter({ hasText: `Revision ${revision} is saved.` });
  await isThere.or(status("[data-problem]")).waitFor();
  return isThere.isVisible();
}

/** The alpha of the local cut at a point, from 0 to 255. */
export const alphaAt = (page, { x, y }) =>
  page.evaluate(
    ([x, y]) => {
      const canvas = document.querySelector("canvas.cut");
      return canvas.getContext("2d").getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data[3];
    },
    [x, y],
  );

/** Waits until something is so. */
export async function until(isSo, what) {
  for (const end = performance.now() + PATIENCE; !(await isSo()); ) {
    assert.ok(performance.now() < end, `it never happens: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until the local cut is so at a point. */
export const becomes = (page, point, isSubject) =>
  until(async () => (await alphaAt(page, point)) > 127 === isSubject, isSubject ? "it is subject" : "it is background");
