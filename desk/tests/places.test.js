// Doubtful places on the review page, in a real browser against a real server. The places themselves are the tests' own, so
// that it is known where they are.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { begin, onScreen, until } from "./support/correct.js";
import { closeBrowser, openBrowser } from "./support/page.js";
import { hold, openJob, shown, useReview } from "./support/review.js";
import { BALL, HEIGHT, WIDTH, png, scene } from "./support/scene.js";
import { Server } from "./support/server.js";

const NARROW = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
const PLACES = [
  { reason: "second_object", message: "Another object is <b>apart</b> from the main one.", box: [570, 230, 790, 450] },
  { reason: "unsure_area", message: "Unsure whether this is subject.", box: [140, 170, 170, 200] },
];

let server;

before(async () => {
  [server] = await Promise.all([Server.start(), openBrowser()]);
});

after(async () => {
  await closeBrowser();
  await server?.remove();
});

/** Has the API name these places of every job. */
async function withPlaces(page, attention) {
  const answer = async (route) => {
    const response = await route.fetch();
    if (!response.ok()) return route.fulfill({ response });
    await route.fulfill({ response, json: { ...(await response.json()), attention } });
  };
  await page.route("**/api/v1/status?*", answer);
  await page.route(/\/api\/v1\/jobs\/[0-9a-f-]+$/, answer);
  // The page knows the jobs already.
  await page.reload();
  await page.locator("#grid .cell").first().waitFor();
}

/** What has the focus. */
const focused = (page) => page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute("data-zoom") || document.activeElement?.tagName);

/** Whether all of a place is in view. */
async function isInView(place, view) {
  const [inner, outer] = await Promise.all([place.boundingBox(), view.boundingBox()]);
  return inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width && inner.y + inner.height <= outer.y + outer.height;
}

/** Waits for the close-up of the place with this number. */
async function isAt(page, number) {
  await page.locator(`.place:nth-child(${number})[data-current]`).waitFor({ state: "attached" });
  await until(async () => Math.abs((await page.locator("#view").evaluate((view) => parseFloat(view.style.getPropertyValue("--width")))) - 2 * WIDTH) < 1, "200 %");
  await until(() => isInView(page.locator(`.place:nth-child(${number})`), page.locator("#view")), "the place is in view");
}

test("Tab goes from one doubtful place to the next at 200 %, and on to the controls after the last one", async () => {
  const [id] = await hold(server, [{ ...scene(), external_id: "places" }]);
  await useReview(server, {}, async (desk, page) => {
    await withPlaces(page, PLACES);
    await openJob(page, id);
    await page.locator(".place").nth(1).waitFor();
    assert.deepEqual(await page.locator("#attention li").allInnerTexts().then((texts) => texts.map((text) => text.replace(/\s+/g, " "))), PLACES.map(({ message }, index) => `${index + 1} ${message}`));
    const box = await page.locator(".place").first().boundingBox();
    const [left, top] = await onScreen(page, { x: 570 / WIDTH, y: 230 / HEIGHT });
    assert.ok(Math.abs(box.x - left) < 4 && Math.abs(box.y - top) < 4, "the box lies where the place is");
    assert.deepEqual(await desk.accessibilityFaults(), []);

    assert.equal(await focused(page), "view");
    await page.keyboard.press("Tab");
    await isAt(page, 1);
    await page.locator("#announcement", { hasText: `Place 1 of 2: ${PLACES[0].message}` }).waitFor({ state: "attached" });
    await page.keyboard.press("Tab");
    await isAt(page, 2);
    await page.keyboard.press("Shift+Tab");
    await isAt(page, 1);
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "view");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "out", "nobody is trapped in the picture");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "fit", "a button that has the focus gives it on");
    assert.equal(await page.locator(".place[data-current]").count(), 0);
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(page), "view");
    await page.keyboard.press("Shift+Tab");
    assert.notEqual(await focused(page), "view", "and back out of it");

    await page.locator("#attention button").first().click();
    await isAt(page, 1);
    await page.keyboard.press("n");
    await page.locator(".place").first().waitFor({ state: "hidden" });
    assert.equal(await page.locator("#show-places").isChecked(), false);
  });
});

test("a Tab that comes before the picture waits for it", async () => {
  // Twice as large, so that a place in pixels lies elsewhere than on the photo before.
  const large = png(2 * WIDTH, 2 * HEIGHT, (x, y) => (Math.hypot(x - 680, y - 340) < 110 ? [170, 40, 45] : [205, 205, 200]));
  const [first] = await hold(server, [{ ...scene(), external_id: "waits" }]);
  const [second] = await hold(server, [{ name: "large.png", bytes: large, type: "image/png", external_id: "waits for" }]);
  await useReview(server, {}, async (_, page) => {
    const held = [];
    let isHolding = true;
    await page.route(new RegExp(`/files/.*${second}/.*preview`), (route) => (isHolding ? void held.push(route) : route.continue()));
    await withPlaces(page, PLACES);
    await openJob(page, first);
    await page.locator(".place").nth(1).waitFor();
    await page.evaluate((to) => (location.hash = to), second);
    await page.locator("#stage[data-loading]").waitFor({ state: "attached" });
    await page.locator("#job-name", { hasText: "waits for" }).waitFor();
    await page.locator("#view").focus();
    // The places are known, and the pictures are not there.
    await until(async () => held.length > 0 && (await page.locator("#attention li").count()) === 2, "the pictures are held");
    await page.keyboard.press("Tab");
    await page.locator("#announcement", { hasText: "Place 1 of 2" }).waitFor({ state: "attached" });
    isHolding = false;
    for (const route of held) await route.continue();
    await page.locator(".place:nth-child(1)[data-current]").waitFor({ state: "attached" });
    const width = () => page.locator("#view").evaluate((view) => parseFloat(view.style.getPropertyValue("--width")));
    await until(async () => Math.abs((await width()) - 4 * WIDTH) < 1, "200 %");
    await until(() => isInView(page.locator(".place:nth-child(1)"), page.locator("#view")), "the place is in view");
  });
});

test("while a cut is corrected, Tab shows the place and a click there corrects it", async () => {
  const [id] = await hold(server, [{ ...scene(), external_id: "corrected" }]);
  await useReview(server, {}, async (_, page) => {
    await withPlaces(page, PLACES);
    await begin(page, id);
    await page.locator(".place").nth(1).waitFor({ state: "attached" });
    await page.keyboard.press("Tab");
    await isAt(page, 1);
    await page.mouse.click(...(await onScreen(page, BALL)));
    await page.locator("#correct-status", { hasText: "Revision 2 is saved." }).waitFor();
    assert.equal((await server.api(`jobs/${id}`)).subject.hints[0].kind, "remove");
    await page.keyboard.press("Escape");
    await shown(page);
  });
});

test("a job without doubtful places is as before", async () => {
  const [id] = await hold(server, [{ ...scene(), external_id: "sure" }]);
  await useReview(server, {}, async (_, page) => {
    await withPlaces(page, []);
    await openJob(page, id);
    assert.equal(await page.locator("#attention").isVisible(), false);
    assert.equal(await page.locator("#show-places").isVisible(), false);
    assert.equal(await page.locator(".place").count(), 0);
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "out");
    assert.equal(await page.locator("[data-zoom='fit']").getAttribute("aria-pressed"), "true", "nothing was enlarged");
  });
});

test("a set's picture has no boxes, and its cut-out takes its place to show one", async () => {
  const [id] = await hold(server, [{ ...scene(), mode: "params", params: "ebay", external_id: "canvas" }]);
  await useReview(server, {}, async (_, page) => {
    await withPlaces(page, PLACES);
    await openJob(page, id);
    await page.locator("#attention button").first().waitFor();
    assert.equal(await page.locator(".place").count(), 0);
    await page.locator("#attention button").first().click();
    const hasCutOut = (await page.locator("#variations input[value=clipping], #variations input[value=background]").count()) > 0;
    if (hasCutOut) await isAt(page, 1);
    else await page.locator("#announcement", { hasText: "canvas of its own" }).waitFor({ state: "attached" });
  });
});

test("doubtful places fit a narrow screen, and a tap on their list shows one", async () => {
  const [id] = await hold(server, [{ ...scene(), external_id: "narrow" }]);
  await useReview(server, NARROW, async (desk, page) => {
    await withPlaces(page, PLACES);
    await openJob(page, id);
    await page.locator("#attention button").first().waitFor();
    assert.deepEqual(await desk.accessibilityFaults(), []);
    await page.locator("#attention button").nth(1).tap();
    await page.locator(".place:nth-child(2)[data-current]").waitFor({ state: "attached" });
    const overflow = await page.evaluate(() => Math.max(document.documentElement.scrollWidth, innerWidth) - document.documentElement.clientWidth);
    assert.equal(overflow, 0);
  });
});
