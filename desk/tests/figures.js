// What people do with the pages, measured: how long a cut takes, and what a robot has to do to put doubtful cuts right.
// `cargo xtask bench desk` runs this. It prints one line of JSON.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { click, isRecut } from "./support/correct.js";
import { dropToCut } from "./support/drop.js";
import { Desk, closeBrowser, openBrowser } from "./support/page.js";
import { hold, reviewOf, shown } from "./support/review.js";
import { GOAL, MAX_CLICKS, iouOf, nextClick, truthOf } from "./support/robot.js";
import { Server } from "./support/server.js";
import { photosOf } from "./support/set.js";
import { example } from "./support/settings.js";

/** How often a time is measured. */
const ROUNDS = 11;
/** How many photos the robot puts right: the most doubtful ones whose cut is wrong. */
const PHOTOS = 10;

/** The times from the drop of a photo to its cut on the stage, in milliseconds. */
async function dropTimes(server) {
  const times = [];
  await Desk.use(server, {}, async (desk, page) => {
    const bytes = readFileSync(example("coffee.jpg"));
    for (let round = 0; round < ROUNDS; round += 1) {
      times.push(await dropToCut(page, bytes, round));
      await desk.ended("done");
      await page.locator("#remove").click();
    }
  });
  return times;
}

/** Uploads the photos of a set, and returns their jobs, the most doubtful first. */
async function doubtful(server, folder) {
  const jobs = [];
  for (const photo of photosOf(folder)) {
    const [id] = await hold(server, [{ bytes: readFileSync(photo.photo), mode: "background", external_id: `${photo.source}-${photo.stem}` }]);
    const { confidence = 0 } = await server.api(`status?job_id=${id}`);
    jobs.push({ ...photo, id, confidence });
  }
  return jobs.sort((one, other) => one.confidence - other.confidence);
}

/** Puts the most doubtful cuts right that are wrong. */
async function robot(server, folder) {
  const jobs = await doubtful(server, folder);
  const sessions = [];
  await Desk.use(reviewOf(server), {}, async (_, page) => {
    await page.locator("#grid .cell").first().waitFor();
    for (const job of jobs) {
      if (sessions.length === PHOTOS) break;
      const session = await mend(page, job);
      if (session) sessions.push(session);
    }
  });
  return sessions;
}

/** Clicks until a cut is right. Returns `null` if it was right already. */
async function mend(page, { id, source, stem, mask, confidence }) {
  await page.evaluate((to) => (location.hash = to), id);
  await page.locator("#job-name", { hasText: `${source}-${stem}` }).waitFor();
  await shown(page);
  const begun = performance.now();
  await page.keyboard.press("e");
  await page.locator("#correct-tools").waitFor();
  const first = await alphaOf(page);
  const truth = truthOf(await grayOf(page, mask, first), source);
  const ious = [iouOf(first, truth)];
  let clicks = 0;
  for (let alpha = first; ious.at(-1) < GOAL && clicks < MAX_CLICKS; alpha = await alphaOf(page)) {
    const point = nextClick(alpha, truth);
    if (!point) break;
    clicks += 1;
    await click(page, point);
    // A click that leaves nothing of the cut is refused. A photo that ends so was not put right.
    if (!(await isRecut(page, clicks + 1))) break;
    ious.push(iouOf(await alphaOf(page), truth));
  }
  await page.keyboard.press("Escape");
  await page.locator("#correct-tools").waitFor({ state: "hidden" });
  await shown(page);
  if (clicks === 0) return null;
  await page.keyboard.press("a");
  return { name: `${source}/${stem}`, confidence, ious, clicks: ious.at(-1) < GOAL ? MAX_CLICKS : clicks, seconds: (performance.now() - begun) / 1_000 };
}

/** The alpha of the cut on the stage. */
async function alphaOf(page) {
  const { width, height, data } = await page.evaluate(() => {
    const canvas = document.querySelector("canvas.cut");
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    let text = "";
    for (let at = 3; at < data.length; at += 4) text += String.fromCharCode(data[at]);
    return { width, height, data: btoa(text) };
  });
  return { width, height, values: new Uint8Array(Buffer.from(data, "base64")) };
}

/** The gray of a mask, in the size of a cut. */
async function grayOf(page, file, { width, height }) {
  const mask = { data: readFileSync(file).toString("base64"), width, height };
  const data = await page.evaluate(async ({ data, width, height }) => {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const drawing = new OffscreenCanvas(width, height).getContext("2d");
    drawing.imageSmoothingEnabled = false;
    drawing.drawImage(await createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none" }), 0, 0, width, height);
    const pixels = drawing.getImageData(0, 0, width, height).data;
    let text = "";
    for (let at = 0; at < pixels.length; at += 4) text += String.fromCharCode(pixels[at]);
    return btoa(text);
  }, mask);
  return { width, height, values: new Uint8Array(Buffer.from(data, "base64")) };
}

const folder = process.env.CUTLINE_EVAL;
let server;
try {
  [server] = await Promise.all([Server.start(), openBrowser()]);
  const drop = await dropTimes(server);
  const sessions = folder ? await robot(server, folder) : null;
  assert.ok(!sessions || sessions.length > 0, "no cut of the set is wrong");
  console.log(JSON.stringify({ drop, sessions }));
} finally {
  await closeBrowser();
  await server?.remove();
}
