// Where doubtful places are on what is shown, without a document.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pngSize } from "../lib/pictures.js";
import { Placement, within } from "../lib/placement.js";
import { RESULT, partOf } from "../review/shown.js";
import { png } from "./support/scene.js";

const SIZE = { x: 400, y: 200 };
const WHOLE = { left: 0, top: 0, right: 1, bottom: 1 };
const shown = (more) => partOf({ content: "both", isAlone: false, crop: undefined, variation: "clipping", ...more }, SIZE);

test("the part of the photo that is shown follows the picture on the stage", () => {
  assert.deepEqual(shown({}), WHOLE);
  assert.deepEqual(shown({ content: "before", variation: "compose" }), WHOLE, "the photo alone");
  assert.deepEqual(shown({ content: "after", isAlone: true }), WHOLE, "a job without a preview of its photo");
  assert.deepEqual(shown({ content: "after", crop: [100, 50, 300, 150] }), { left: 0.25, top: 0.25, right: 0.75, bottom: 0.75 });
  assert.deepEqual(shown({ content: "both", variation: RESULT }), WHOLE, "a set whose result lies over the photo");
  for (const more of [{ content: "after" }, { variation: "compose" }, { content: "after", isAlone: true, variation: RESULT }, { content: "after", crop: [0, 0, 9, 9], variation: RESULT }]) {
    assert.equal(shown(more), null, JSON.stringify(more));
  }
});

test("a box in pixels of the photo lies in the part that is shown", () => {
  assert.deepEqual(within([100, 50, 200, 100], SIZE, WHOLE), { left: 0.25, top: 0.25, right: 0.5, bottom: 0.5 });
  const crop = shown({ content: "after", crop: [100, 50, 300, 150] });
  assert.deepEqual(within([100, 50, 200, 100], SIZE, crop), { left: 0, top: 0, right: 0.5, bottom: 0.5 });
  assert.equal(within([0, 50, 100, 100], SIZE, crop).right, 0, "outside of the crop");
});

test("a box is shown in the middle at its scale, and a large one as a whole", () => {
  const placement = new Placement();
  placement.resize({ x: 300, y: 300 }, { x: 1_000, y: 1_000 });
  placement.look({ left: 0.5, top: 0.4, right: 0.6, bottom: 0.5 }, 2);
  assert.deepEqual([placement.scale, placement.isFit], [2, false]);
  assert.deepEqual(placement.offset, { x: 150 - 550 * 2, y: 150 - 450 * 2 });
  placement.look({ left: 0.2, top: 0.4, right: 0.8, bottom: 0.5 }, 2);
  assert.ok(Math.abs(placement.scale - 0.4) < 1e-9, "with some room around it");
  placement.look({ left: 0, top: 0, right: 0.02, bottom: 0.02 }, 2);
  assert.deepEqual(placement.offset, { x: 0, y: 0 }, "the picture covers the view, also at its corner");
});

test("the size of a matte is read from its head", async () => {
  const file = new Blob([png(7, 3, () => [0, 0, 0])]);
  assert.deepEqual(await pngSize(file), { x: 7, y: 3 });
});
