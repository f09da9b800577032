// The review page for everyone, and with as many jobs as a large studio has. The answers about the many are made up here: a
// server would need hours to make their pictures.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Desk, closeBrowser, openBrowser, photo } from "./support/page.js";
import { hold, openJob, reviewOf, shown, useReview } from "./support/review.js";
import { Server } from "./support/server.js";
import { example } from "./support/settings.js";

const COFFEE = photo(example("coffee.jpg"));
const NARROW = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
const COUNT = 10_000;
const PAGE = 1_000;

let server;
let id;

before(async () => {
  [server] = await Promise.all([Server.start(), openBrowser()]);
  [id] = await hold(server, [{ ...COFFEE, external_id: `${"a very long name ".repeat(6)}` }, { ...COFFEE, mode: "background" }]);
});

after(async () => {
  await closeBrowser();
  await server?.remove();
});

const checks = [
  ["wide and light", {}],
  ["wide and dark", { colorScheme: "dark" }],
  ["narrow and light", NARROW],
  ["narrow and dark", { ...NARROW, colorScheme: "dark" }],
];

for (const [name, options] of checks) {
  test(`axe finds no fault in the review, ${name}`, () =>
    useReview(server, options, async (desk, page) => {
      const check = async (/** @type {string} */ state) => assert.deepEqual(await desk.accessibilityFaults(), [], state);
      // A check may outlast the time to take a decision back, and the next tests need the job.
      await page.route("**/approve", () => {});
      await page.locator(".cell img:not([hidden])").nth(1).waitFor();
      await check("grid");
      await page.locator("#grid").focus();
      await page.keyboard.press("Home");
      await check("chosen");
      await openJob(page, id);
      await check("a job");
      await page.locator("#reject").click();
      await check("reasons");
      await page.keyboard.press("Escape");
      for (const key of ["m", "p", "w", "c", "b"]) await page.keyboard.press(key);
      await page.locator("#stage[data-matte][data-marks]").waitFor();
      await check("everything over it");
      await page.keyboard.press("a");
      await page.locator("#pending").waitFor();
      await check("decided");
      await page.keyboard.press("u");
      await page.keyboard.press("?");
      await page.getByRole("heading", { name: "Shortcuts" }).waitFor();
      await check("shortcuts");
      await page.keyboard.press("Escape");
      await page.goBack();
      await page.locator("#filter-box").evaluate((box) => (box.open = true));
      await page.locator("#filter-state").selectOption("rejected");
      await page.getByText("No job matches these filters.").waitFor();
      await check("nothing");
    }));
}

test("a narrow screen never scrolls sideways in the review", () =>
  useReview(server, NARROW, async (_, page) => {
    const overflow = () => page.evaluate(() => Math.max(document.documentElement.scrollWidth, innerWidth) - 360);
    assert.equal(await overflow(), 0, "grid");
    await page.getByText("Filters").click();
    assert.equal(await overflow(), 0, "filters");
    await page.getByText("Filters").click();
    await openJob(page, id);
    assert.equal(await overflow(), 0, "a job");
    for (const selector of ["#view", "#zooms", "#approve", "#reject"]) {
      const box = await page.locator(selector).boundingBox();
      assert.ok(box && box.x >= 0 && box.x + box.width <= 360, `${selector} is on the screen`);
    }
    await page.locator("#reject").click();
    assert.equal(await overflow(), 0, "reasons");
  }));

/** Answers for many jobs, from the status of a real one. */
async function serveMany(page) {
  const status = await server.api(`status?job_id=${id}`);
  const idOf = (index) => `019cdc54-2673-7c32-b9e5-${String(index).padStart(12, "0")}`;
  await page.route("**/api/v1/jobs?*", (route) => {
    const query = new URL(route.request().url()).searchParams;
    const [first, limit] = [Number(query.get("cursor") ?? 0), Math.min(Number(query.get("limit")), PAGE)];
    const jobs = Array.from({ length: Math.min(limit, COUNT - first) }, (_, index) => ({
      job_id: idOf(COUNT - first - index),
      status: "pending_review",
      state: "pending",
      mode: "clipping",
      external_id: `product-${Math.floor((first + index) / 3)}`,
      created_at: "2026-11-01T10:00:00Z",
      confidence: (((first + index) * 7_919) % 1_000) / 1_000,
    }));
    const cursor = first + jobs.length < COUNT ? { cursor: String(first + jobs.length) } : {};
    return route.fulfill({ json: { jobs, ...cursor } });
  });
  let statuses = 0;
  await page.route("**/api/v1/status?*", (route) => {
    statuses += 1;
    return route.fulfill({ json: { ...status, job_id: new URL(route.request().url()).searchParams.get("job_id") } });
  });
  return () => statuses;
}

test("the grid stays quick with ten thousand jobs", async (t) => {
  await Desk.use({ link: server.base, key: server.key }, {}, async (_, page) => {
    const asked = await serveMany(page);
    await page.goto(reviewOf(server).link);
    await page.getByText(`${COUNT} jobs, all waiting`).waitFor();
    await page.locator(".cell img:not([hidden])").nth(10).waitFor();
    const first = await page.locator('.cell[aria-posinset="1"] .cell-doubt').innerText();
    assert.equal(first, "0 %", "the worst first, of all pages");

    // From the top to the end in two seconds, a step a frame.
    const frames = await page.evaluate(async () => {
      const grid = document.getElementById("grid");
      const times = [];
      const most = { cells: 0 };
      const steps = 120;
      let last = performance.now();
      for (let step = 1; step <= steps; step += 1) {
        grid.scrollTop = ((grid.scrollHeight - grid.clientHeight) * step) / steps;
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const now = performance.now();
        times.push(now - last);
        last = now;
        most.cells = Math.max(most.cells, document.querySelectorAll(".cell").length);
      }
      times.sort((one, other) => one - other);
      return { median: times[Math.floor(steps / 2)], worst: times.at(-1), cells: most.cells };
    });
    t.diagnostic(`figure: scrolling ${COUNT} jobs: ${frames.median.toFixed(0)} ms a frame, at most ${frames.worst.toFixed(0)} ms; ${frames.cells} cells`);
    assert.ok(frames.cells < 200, `${frames.cells} cells in the document`);
    await page.locator(`.cell[aria-posinset="${COUNT}"] img:not([hidden])`).waitFor();
    // A machine that draws slowly cannot scroll fast.
    if (frames.median < 50) assert.ok(asked() < 400, `${asked()} statuses: fast scrolling asks for nothing`);

    await page.locator("#grid").focus();
    await page.keyboard.press("Home");
    await page.locator('.cell[aria-posinset="1"][aria-selected=true]').waitFor();
    await page.keyboard.press("PageDown");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(() => {
      const chosen = document.querySelector(".cell[aria-selected=true]:not([aria-posinset='1'])");
      return chosen !== null && chosen.id === document.getElementById("grid").getAttribute("aria-activedescendant");
    });
    await page.keyboard.press("Enter");
    await shown(page);
  });
});
