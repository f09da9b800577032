// The robot that measures how much a person has to do, on small pictures.

import assert from "node:assert/strict";
import { test } from "node:test";

import { iouOf, nextClick, truthOf } from "./support/robot.js";

const [WIDTH, HEIGHT] = [40, 30];
const plane = (of) => ({ width: WIDTH, height: HEIGHT, values: Uint8Array.from({ length: WIDTH * HEIGHT }, (_, at) => of(at % WIDTH, Math.floor(at / WIDTH))) });
const box = (x, y, left, top, right, bottom) => x >= left && x < right && y >= top && y < bottom;
/** A subject on the left. */
const mask = plane((x) => (x < 20 ? 255 : 0));

test("a cut is compared with the truth, but not at its outline", () => {
  const truth = truthOf(mask, "ecssd");
  assert.equal(iouOf(mask, truth), 1);
  assert.equal(iouOf(plane((x) => (x < 22 ? 255 : 0)), truth), 1, "within two pixels of the outline");
  assert.equal(iouOf(plane(() => 0), truth), 0);
  const half = iouOf(plane((x, y) => (x < 20 && y < 15 ? 255 : 0)), truth);
  assert.equal(half, 0.5);
  const open = truthOf(plane((x, y) => (y < 15 ? 128 : x < 20 ? 255 : 0)), "grabcut");
  assert.equal(iouOf(plane((x, y) => (y < 15 || x < 20 ? 255 : 0)), open), 1, "gray is open");
});

test("the robot clicks in the middle of the largest wrong region", () => {
  const truth = truthOf(mask, "ecssd");
  assert.equal(nextClick(mask, truth), null);
  // Too much on the right, and a smaller hole on the left.
  const alpha = plane((x, y) => (box(x, y, 25, 10, 36, 21) ? 255 : box(x, y, 4, 4, 9, 9) ? 0 : x < 20 ? 255 : 0));
  assert.deepEqual(nextClick(alpha, truth), { x: 30.5 / WIDTH, y: 15.5 / HEIGHT });
  const corrected = plane((x, y) => (box(x, y, 4, 4, 9, 9) ? 0 : x < 20 ? 255 : 0));
  assert.deepEqual(nextClick(corrected, truth), { x: 6.5 / WIDTH, y: 6.5 / HEIGHT });
  const nothing = nextClick(plane(() => 0), truth);
  assert.ok(nothing.x > 0.15 && nothing.x < 0.35 && nothing.y > 0.25 && nothing.y < 0.75, "away from the frame of the photo");
});
