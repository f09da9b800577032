// The pages of the status function, in a real browser: pictures and uploads go to a bucket of another origin.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { alphaAt, becomes, begin, click, saved } from "./support/correct.js";
import { Deployment } from "./support/deployment.js";
import { Desk, closeBrowser, downloaded, openBrowser, photo } from "./support/page.js";
import { ended, hold, shown, useReview } from "./support/review.js";
import { BALL, BOX, HEIGHT, WIDTH, leftHalf, padded, scene } from "./support/scene.js";
import { example } from "./support/settings.js";

const COFFEE = photo(example("coffee.jpg"));

let deployment;

before(async () => {
  [deployment] = await Promise.all([Deployment.start(), openBrowser()]);
});

after(async () => {
  await closeBrowser();
  await deployment?.remove();
});

test("a dropped photo goes to the bucket and comes back as a cut-out", () =>
  Desk.use(deployment, {}, async (desk, page) => {
    const asked = [];
    page.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).origin}`));
    await desk.drop([COFFEE]);
    await desk.ended("done");
    await desk.shows("both");
    for (const method of ["PUT", "GET"]) {
      assert.ok(asked.includes(`${method} ${deployment.store}`), `${method}: ${asked.join(", ")}`);
    }
    const { path: file } = await downloaded(page, () => page.locator("#download").click());
    const { jobs } = await deployment.api("jobs?limit=1");
    const status = await deployment.api(`status?job_id=${jobs[0].job_id}`);
    const stored = Buffer.from(await (await fetch(status.final_urls.background)).arrayBuffer());
    assert.ok(readFileSync(file).equals(stored));
  }));

test("the brush reads the pixels of the bucket, and a corrected cut is approved", async () => {
  const [id] = await hold(deployment, [scene()]);
  await useReview(deployment, {}, async (_, page) => {
    const thumb = page.locator(`#job-${id} img`).first();
    await thumb.waitFor();
    assert.equal(new URL(await thumb.getAttribute("src")).origin, deployment.store);
    await begin(page, id);
    assert.ok((await alphaAt(page, BALL)) > 200, "the networks take the ball for subject");
    await click(page, BALL);
    await saved(page, 2);
    assert.ok((await alphaAt(page, BALL)) < 10 && (await alphaAt(page, BOX)) > 200);
    await page.keyboard.press("Escape");
    await page.locator("#correct-tools").waitFor({ state: "hidden" });
    await page.locator("#stage:not([data-local])").waitFor();
    await shown(page);
    await page.keyboard.press("a");
    const job = await ended(deployment, id);
    assert.deepEqual([job.status, job.review.revision], ["done", 2]);
  });
});

test("a mask too large for the gateway goes to the bucket", async () => {
  const [id] = await hold(deployment, [scene()]);
  await useReview(deployment, {}, async (_, page) => {
    const sent = [];
    page.on("request", (request) => sent.push(`${request.method()} ${new URL(request.url()).origin}`));
    await begin(page, id);
    const mask = { name: "half.png", mimeType: "image/png", buffer: padded(leftHalf(WIDTH, HEIGHT), 6_000_000) };
    await page.locator("#mask-file").setInputFiles(mask);
    await saved(page, 2);
    await becomes(page, BALL, false);
    assert.ok(sent.includes(`PUT ${deployment.store}`), sent.join(", "));
    assert.equal((await deployment.api(`jobs/${id}`)).subject.mask_source, "file");
  });
});
