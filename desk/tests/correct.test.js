// Cuts that are corrected on the review page, in a real browser against a real server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { alphaAt, becomes, begin, click, clickTwice, onScreen, saved, until } from "./support/correct.js";
import { Desk, closeBrowser, openBrowser } from "./support/page.js";
import { ended, hold, openJob, reviewOf, shown, useReview } from "./support/review.js";
import { BALL, BOX, HEIGHT, WIDTH, leftHalf, scene } from "./support/scene.js";
import { Server } from "./support/server.js";

const NARROW = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

let server;

before(async () => {
  [server] = await Promise.all([Server.start(), openBrowser()]);
});

after(async () => {
  await closeBrowser();
  await server?.remove();
});

const hintsOf = async (id) => (await server.api(`jobs/${id}`)).subject?.hints ?? [];

test("one click on the wrong object removes it, and the next key approves", async (t) => {
  const [id] = await hold(server, [scene()]);
  await useReview(server, {}, async (desk, page) => {
    await begin(page, id);
    assert.ok((await alphaAt(page, BALL)) > 200, "the networks take the ball for subject");
    await page.mouse.move(...(await onScreen(page, BALL)));
    await page.locator(".lit").waitFor();
    await page.locator("#region-size", { hasText: "7 % of the photo" }).waitFor();
    // From the click to the frame after it.
    const { milliseconds, canApprove } = await page.evaluate(async (point) => {
      const view = document.getElementById("view");
      const send = (name) => view.dispatchEvent(new PointerEvent(name, { bubbles: true, cancelable: true, clientX: point[0], clientY: point[1], pointerId: 1, button: 0, pointerType: "mouse" }));
      view.setPointerCapture = () => {};
      const begun = performance.now();
      send("pointerdown");
      send("pointerup");
      const canvas = document.querySelector("canvas.cut");
      await new Promise((resolve) => requestAnimationFrame(resolve));
      canvas.getContext("2d").getImageData(0, 0, 1, 1);
      return { milliseconds: performance.now() - begun, canApprove: !document.getElementById("approve").disabled };
    }, await onScreen(page, BALL));
    t.diagnostic(`figure: a click shows after ${milliseconds.toFixed(0)} ms`);
    assert.ok((await alphaAt(page, BALL)) < 10, "the page shows it at once");
    assert.equal(canApprove, false, "only the picture of the server can be approved");
    await saved(page, 2);
    assert.ok((await alphaAt(page, BALL)) < 10 && (await alphaAt(page, BOX)) > 200);
    const [hint, ...others] = await hintsOf(id);
    assert.deepEqual([hint.kind, hint.points.length, others.length], ["remove", 1, 0]);
    assert.match(hint.radius, /^1[12]\.\d+%$/, "the region that lit up");

    await page.keyboard.press("Escape");
    await page.locator("#correct-tools").waitFor({ state: "hidden" });
    await page.locator("#stage:not([data-local])").waitFor();
    for (let backdrop = 0; backdrop < 3; backdrop += 1) await page.keyboard.press("b");
    assert.equal(await desk.pixel(...(await onScreen(page, BALL))), "#ff00ff", "the picture of the server");
    assert.notEqual(await desk.pixel(...(await onScreen(page, BOX))), "#ff00ff");
    await page.keyboard.press("a");
    const job = await ended(server, id);
    assert.deepEqual([job.status, job.review.revision], ["done", 2]);
  });
});

test("regions light up while the pointer moves", async (t) => {
  const [id] = await hold(server, [scene()]);
  await useReview(server, {}, async (_, page) => {
    await begin(page, id);
    const times = await page.evaluate(async () => {
      const view = document.getElementById("view");
      const { left, top, width, height } = view.getBoundingClientRect();
      const times = [];
      for (let step = 0; step < 60; step += 1) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        const begun = performance.now();
        view.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: left + width * (0.1 + 0.013 * step), clientY: top + height * 0.6, pointerType: "mouse" }));
        await new Promise((resolve) => requestAnimationFrame(resolve));
        times.push(performance.now() - begun);
      }
      return times.sort((one, other) => one - other);
    });
    const median = times[Math.floor(times.length / 2)];
    t.diagnostic(`figure: a region lights up after ${median.toFixed(0)} ms, in the worst case ${times.at(-1).toFixed(0)} ms`);
    await page.mouse.move(...(await onScreen(page, BOX)));
    const size = () => page.locator("#region-size").innerText();
    await page.locator("#region-size", { hasText: "of the photo" }).waitFor();
    const before = await size();
    await page.mouse.wheel(0, 70);
    await until(async () => (await size()) !== before, "another region");
    assert.ok(parseFloat(await size()) < parseFloat(before), "towards oneself is smaller");
    await page.mouse.wheel(0, -70);
    await until(async () => (await size()) === before, "the region before");
    assert.equal(await page.locator("[data-zoom='fit']").getAttribute("aria-pressed"), "true", "the wheel chooses a region, and does not zoom");
  });
});

test("undo and redo change the cut, and what comes quickly is sent together", async () => {
  const [id] = await hold(server, [scene()]);
  await useReview(server, {}, async (_, page) => {
    const sent = [];
    page.on("request", (request) => request.url().endsWith("/recut") && sent.push(request.postDataJSON()));
    await begin(page, id);
    await click(page, BALL);
    await saved(page, 2);
    await page.keyboard.press("Control+z");
    await becomes(page, BALL, true);
    await saved(page, 3);
    assert.deepEqual(await hintsOf(id), []);
    await page.keyboard.press("Control+y");
    await becomes(page, BALL, false);
    await saved(page, 4);
    assert.equal((await hintsOf(id)).length, 1);
    assert.deepEqual(sent.map(({ revision, hints }) => [revision, hints.length]), [[1, 1], [2, 0], [3, 1]]);

    await clickTwice(page, { x: 0.05, y: 0.1 }, { x: 0.95, y: 0.05 });
    await saved(page, 5);
    assert.equal((await hintsOf(id)).length, 3);
    assert.equal(sent.length, 4);
    await page.getByRole("button", { name: "Start over" }).click();
    await saved(page, 6);
    assert.deepEqual(await hintsOf(id), []);
    await becomes(page, BALL, true);
  });
});

test("a correction does not begin once its job was left", async () => {
  const [id] = await hold(server, [{ ...scene(), external_id: "left" }]);
  await useReview(server, {}, async (_, page) => {
    let release;
    const left = new Promise((resolve) => (release = resolve));
    await page.route("**/correct/correct.js", async (route) => {
      await left;
      await route.continue();
    });
    await openJob(page, id);
    const asked = [];
    page.on("request", (request) => request.url().endsWith(`/jobs/${id}`) && asked.push(request.url()));
    const modules = page.waitForRequest("**/correct/correct.js");
    await page.keyboard.press("e");
    const url = (await modules).url();
    await page.keyboard.press("Escape");
    await page.locator("html[data-view=grid]").waitFor();
    release();
    await page.evaluate(async (url) => {
      await import(url);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }, url);
    assert.deepEqual(asked, [], "the page does not open the correction");
    assert.equal(await page.locator("html[data-correct]").count(), 0);
    await begin(page, id);
    assert.equal(asked.length, 1);
  });
});

test("strokes, frames, holes and the cut before", async () => {
  const [id] = await hold(server, [scene()]);
  await useReview(server, {}, async (desk, page) => {
    const drag = async (...points) => {
      await page.mouse.move(...(await onScreen(page, points[0])));
      await page.mouse.down();
      for (const point of points.slice(1)) await page.mouse.move(...(await onScreen(page, point)), { steps: 8 });
      await page.mouse.up();
    };
    await begin(page, id);
    await page.keyboard.press("2");
    await drag({ x: 0.67, y: 0.5 }, BALL, { x: 0.83, y: 0.62 });
    await becomes(page, BALL, false);
    await saved(page, 2);
    assert.ok((await alphaAt(page, BALL)) < 10, "the server removes what the stroke crosses");
    assert.ok((await hintsOf(id))[0].points.length > 3);

    await page.keyboard.down("v");
    await page.locator("#stage[data-previous]").waitFor();
    await page.mouse.move(5, 5);
    const color = await desk.pixel(...(await onScreen(page, BALL)));
    const [red, blue] = [color.slice(1, 3), color.slice(5)].map((part) => parseInt(part, 16));
    assert.ok(blue - red > 80, `the blue ball of the first cut, and not what was removed in gray: ${color}`);
    await page.keyboard.up("v");
    await page.locator("#stage:not([data-previous])").waitFor();

    await page.keyboard.press("3");
    await drag({ x: 0.1, y: 0.2 }, { x: 0.33, y: 0.9 });
    await saved(page, 3);
    assert.deepEqual([await alphaAt(page, { x: 0.4, y: 0.5 }), (await alphaAt(page, { x: 0.25, y: 0.5 })) > 200], [0, true]);
    const { subject } = await server.api(`jobs/${id}`);
    const box = subject.roi.split(" ").map((side) => Math.round(parseFloat(side)));
    assert.deepEqual(box, [10, 20, 33, 90]);
    await page.keyboard.press("1");
    await click(page, { x: 0.9, y: 0.9 });
    await page.locator("#correct-status", { hasText: "outside of the frame" }).waitFor();
    await page.keyboard.press("h");
    await saved(page, 4);
    assert.equal((await server.api(`jobs/${id}`)).subject.holes, "open");
  });
});

test("a cut is corrected by keys alone", async () => {
  const [id] = await hold(server, [scene()]);
  await useReview(server, {}, async (_, page) => {
    await until(async () => {
      await page.keyboard.press("Tab");
      return page.evaluate(() => document.activeElement?.id === "grid");
    }, "the grid has the focus");
    await page.locator(`#job-${id}`).waitFor();
    await page.keyboard.press("Home");
    await until(async () => {
      if ((await page.locator(`#job-${id}`).getAttribute("aria-selected")) === "true") return true;
      await page.keyboard.press("ArrowRight");
      return false;
    }, "the job is chosen");
    await page.keyboard.press("Enter");
    await shown(page);
    await page.keyboard.press("e");
    await page.locator("#correct-tools").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "view");
    // The crosshair begins in the middle.
    await page.keyboard.press("ArrowRight");
    await page.locator(".cross:not([hidden])").waitFor({ state: "attached" });
    const [x] = await onScreen(page, BALL);
    const crossX = () => page.locator(".cross").evaluate((cross) => cross.getBoundingClientRect().left);
    await until(async () => {
      await page.keyboard.press("Shift+ArrowRight");
      return (await crossX()) > x - 20;
    }, "the crosshair is on the ball");
    await page.locator("#announcement", { hasText: "Remove 7 % of the photo" }).waitFor({ state: "attached" });
    await page.keyboard.press(".");
    await page.keyboard.press(",");
    await page.keyboard.press("Enter");
    await becomes(page, BALL, false);
    await saved(page, 2);
    // A frame from one Enter to the next.
    await page.keyboard.press("3");
    await page.keyboard.press("Enter");
    for (let step = 0; step < 5; step += 1) await page.keyboard.press("Shift+ArrowUp");
    for (let step = 0; step < 5; step += 1) await page.keyboard.press("Shift+ArrowLeft");
    await page.keyboard.press("Escape");
    assert.equal(await page.locator("#correct-tools").isVisible(), true, "the first Escape drops the frame");
    await page.keyboard.press("Escape");
    await page.locator("#correct-tools").waitFor({ state: "hidden" });
    await shown(page);
    await page.keyboard.press("a");
    assert.equal((await ended(server, id)).review.revision, 2);
  });
});

test("of two windows the first corrects, and the other goes on from there", async () => {
  const [id] = await hold(server, [scene()]);
  await useReview(server, {}, async (_, one) => {
    await useReview(server, {}, async (_, other) => {
      await begin(one, id);
      await begin(other, id);
      await click(one, BALL);
      await saved(one, 2);
      await click(other, { x: 0.05, y: 0.1 });
      await other.locator("#correct-status", { hasText: "Somebody else corrected it first" }).waitFor();
      await becomes(other, BALL, false);
      assert.equal((await hintsOf(id)).length, 1);
      await click(other, { x: 0.06, y: 0.12 });
      await saved(other, 3);
      assert.deepEqual((await hintsOf(id)).map(({ kind }) => kind), ["remove", "keep"]);
      await one.keyboard.press("Escape");
      await shown(one);
      await one.keyboard.press("a");
      await one.locator("#announcement", { hasText: "It was cut again" }).waitFor({ state: "attached" });
    });
  });
});

test("a correction outlives a connection that breaks, and leaving the job", async () => {
  const [id, next] = await hold(server, [{ ...scene(), external_id: "broken" }, { ...scene(), external_id: "next" }]);
  await useReview(server, {}, async (_, page) => {
    const sent = [];
    // The server accepts the first one, and its answer is lost.
    await page.route("**/recut", async (route) => {
      sent.push([route.request().headers()["idempotency-key"], route.request().postData()]);
      const answer = await route.fetch();
      if (sent.length === 1) await route.abort();
      else await route.fulfill({ response: answer });
    });
    await begin(page, id);
    await click(page, BALL);
    await page.keyboard.press("Escape");
    await page.evaluate((to) => (location.hash = to), next);
    await page.locator("#job-name", { hasText: "next" }).waitFor();
    await until(async () => (await server.api(`status?job_id=${id}`)).draft?.revision === 2, "the second revision");
    await page.evaluate((to) => (location.hash = to), id);
    await page.locator("#job-name", { hasText: "broken" }).waitFor();
    await shown(page);
    assert.equal(sent.length, 2);
    assert.deepEqual(sent[0], sent[1], "the same request again");
    assert.equal((await hintsOf(id)).length, 1);
  });
});

test("a correction that is refused after it was finished gives the cut of the server back", async () => {
  const [id] = await hold(server, [scene()]);
  await useReview(server, {}, async (_, page) => {
    let refuse;
    const left = new Promise((resolve) => (refuse = resolve));
    await page.route("**/recut", async (route) => {
      await left;
      await route.fulfill({ status: 409, json: { error: "too_many_revisions", message: "The job was cut 50 times." } });
    });
    await begin(page, id);
    await click(page, BALL);
    await becomes(page, BALL, false);
    await page.keyboard.press("Escape");
    await page.locator("#correct-tools").waitFor({ state: "hidden" });
    await page.locator("#stage[data-local][data-making]").waitFor();
    refuse();
    await page.locator("#notes", { hasText: "at most 50 times" }).waitFor();
    await shown(page);
    await page.locator("#stage:not([data-local]):not([data-making])").waitFor();
    await page.keyboard.press("a");
    assert.equal((await ended(server, id)).review.revision, 1);
  });
});

test("the correction of a done job is a new job, which is held", async () => {
  const own = await Server.start();
  try {
    const [id] = await hold(own, [{ ...scene(), external_id: "done" }]);
    await own.api(`jobs/${id}/approve`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"revision": 1}' });
    await Desk.use(reviewOf(own), {}, async (_, page) => {
      await page.locator("#filter-state").selectOption("approved");
      await page.locator(`#job-${id}`).click();
      await page.locator("#correct:not(:disabled)").click();
      await page.locator("#correct-status", { hasText: "This job is done" }).waitFor();
      await click(page, BALL);
      await becomes(page, BALL, false);
      await saved(page, 1);
      const to = page.url().split("#")[1];
      assert.notEqual(to, id);
      assert.equal((await own.api(`jobs/${to}`)).recut_of, id);
      await page.mouse.move(5, 5);
      await click(page, { x: 0.05, y: 0.1 });
      await saved(page, 2);
      assert.equal((await own.api(`jobs/${id}`)).status, "done", "the old one stays");
      await page.keyboard.press("Escape");
      await shown(page);
      await page.keyboard.press("a");
      assert.equal((await ended(own, to)).status, "done");

      const { bytes, name } = scene();
      const plain = await own.make(bytes, name, { mode: "clipping" });
      // Nothing else waits, so the page shows all jobs.
      await page.locator("#filter-state").selectOption("all");
      await page.locator(`#job-${plain.job_id}`).click();
      await page.locator("#correct:not(:disabled)").click();
      await page.locator("#notes", { hasText: "There is no preview of the photo" }).waitFor();
    });
  } finally {
    await own.remove();
  }
});

test("a set's picture with another canvas is corrected over the photo", async () => {
  const [id] = await hold(server, [{ ...scene(), mode: "params", params: "ebay", external_id: "in-a-set" }]);
  await useReview(server, {}, async (_, page) => {
    await begin(page, id);
    await becomes(page, BALL, true);
    await click(page, BALL);
    await becomes(page, BALL, false);
    await saved(page, 2);
    assert.ok((await alphaAt(page, BALL)) < 10 && (await alphaAt(page, BOX)) > 200);
    await page.keyboard.press("Escape");
    await shown(page);
  });
});

test("a mask decides, undo returns to the networks, and a mask of another size is refused", async () => {
  const [id] = await hold(server, [{ ...scene(), external_id: "masked" }]);
  const wall = { x: 0.05, y: 0.1 };
  const file = (name, buffer) => ({ name, mimeType: "image/png", buffer });
  const sourceOf = async () => (await server.api(`jobs/${id}`)).subject?.mask_source ?? "auto";
  await useReview(server, {}, async (desk, page) => {
    await begin(page, id);
    await becomes(page, wall, false);
    const chooser = page.waitForEvent("filechooser");
    await page.keyboard.press("f");
    await (await chooser).setFiles(file("half.png", leftHalf(WIDTH, HEIGHT)));
    await saved(page, 2);
    await becomes(page, BALL, false);
    await becomes(page, wall, true);
    assert.equal(await sourceOf(), "file");
    await page.locator("#masked", { hasText: "A mask decides" }).waitFor();
    assert.equal(await page.locator("#kinds").isVisible(), false);
    assert.deepEqual(await desk.accessibilityFaults(), []);
    await click(page, BOX);
    await page.locator("#correct-status", { hasText: "Clicks are off" }).waitFor();

    await page.keyboard.press("Control+z");
    await becomes(page, BALL, true);
    await becomes(page, wall, false);
    await saved(page, 3);
    assert.equal(await sourceOf(), "auto");
    await page.locator("#masked").waitFor({ state: "hidden" });
    await page.locator("#kinds").waitFor();
    // The regions of the networks' cut are there again.
    await page.mouse.move(...(await onScreen(page, BALL)));
    await page.locator("#region-size", { hasText: "of the photo" }).waitFor();

    await page.locator("#mask-file").setInputFiles(file("small.png", leftHalf(400, 300)));
    await page.locator("#correct-status[data-problem]", { hasText: "400 x 300" }).waitFor();
    await page.locator("#correct-status[data-problem]", { hasText: `${WIDTH} x ${HEIGHT}` }).waitFor();
    await page.locator("#mask-file").setInputFiles(file("text.png", Buffer.from("no picture")));
    await page.locator("#correct-status[data-problem]", { hasText: "not a picture of a known kind" }).waitFor();
    await page.locator("#cut-by").selectOption("path");
    await page.locator("#correct-status[data-problem]", { hasText: "path" }).waitFor();
    await becomes(page, BALL, true);
    assert.equal(await page.locator("#cut-by").inputValue(), "auto");
    assert.equal(await sourceOf(), "auto");
  });
});

test("a mask that the browser can show is shown before the server has it", async () => {
  const [id] = await hold(server, [{ ...scene(), external_id: "shown-mask" }]);
  const wall = { x: 0.05, y: 0.1 };
  const file = (name, buffer) => ({ name, mimeType: "image/png", buffer });
  await useReview(server, {}, async (_, page) => {
    let release;
    let held = new Promise((resolve) => (release = resolve));
    await page.route("**/recut", async (route) => {
      await held;
      await route.continue();
    });
    await begin(page, id);
    await page.locator("#mask-file").setInputFiles(file("half.png", leftHalf(WIDTH, HEIGHT)));
    await becomes(page, wall, true);
    await becomes(page, BALL, false);
    assert.equal((await server.api(`jobs/${id}`)).draft.revision, 1, "the server has not seen it");
    await page.locator("#correct-status", { hasText: "Making the new cut" }).waitFor();
    release();
    await saved(page, 2);
    assert.ok((await alphaAt(page, wall)) > 200 && (await alphaAt(page, BALL)) < 10);
    held = new Promise((resolve) => (release = resolve));
    await page.locator("#mask-file").setInputFiles(file("text.png", Buffer.from("no picture")));
    await page.locator("#correct-status", { hasText: "This browser cannot show this mask" }).waitFor();
    release();
    await page.locator("#correct-status[data-problem]", { hasText: "not a picture of a known kind" }).waitFor();
    await becomes(page, wall, true);
  });
});

test("the path moves inwards and back, whatever the photo is cut by", async () => {
  const [id] = await hold(server, [{ ...scene(), external_id: "inset" }]);
  const outline = async () => {
    const { assets } = await server.api(`status?job_id=${id}`);
    return (await fetch(assets.clipping_path)).text();
  };
  const insetOf = async () => (await server.api(`jobs/${id}`)).path_inset ?? 0;
  await useReview(server, {}, async (_, page) => {
    const before = await outline();
    await begin(page, id);
    const slider = page.getByRole("slider", { name: "How far the path lies inside" });
    await slider.focus();
    for (let step = 0; step < 15; step += 1) await page.keyboard.press("ArrowRight");
    await page.locator("#path-inset-text", { hasText: "1.5 px" }).waitFor();
    const loupe = await page.locator("#show-loupe").isChecked();
    await page.keyboard.press("l");
    assert.equal(await page.locator("#show-loupe").isChecked(), !loupe, "the slider leaves other keys to the page");
    await page.keyboard.press("l");
    await saved(page, 2);
    assert.equal(await insetOf(), 1.5);
    assert.notEqual(await outline(), before);
    await page.locator("#view").focus();
    await click(page, BALL);
    await saved(page, 3);
    assert.equal(await insetOf(), 1.5, "a click leaves it");
    await page.keyboard.press("Control+z");
    await saved(page, 4);
    for (let step = 0; step < 15 && (await page.locator("#undo-hint").isEnabled()); step += 1) await page.keyboard.press("Control+z");
    await page.locator("#path-inset-text", { hasText: "0.0 px" }).waitFor();
    await until(async () => (await insetOf()) === 0, "the path is back");
    await until(async () => (await server.api(`status?job_id=${id}`)).status === "pending_review", "the last revision");
    assert.equal(await outline(), before);
  });
  const [soft] = await hold(server, [{ ...scene(), mode: "background", external_id: "no-path" }]);
  await useReview(server, {}, async (_, page) => {
    await begin(page, soft);
    assert.equal(await page.locator("#inset-field").isVisible(), false, "without a path there is nothing to move");
  });
});

test("a PSD goes to a retoucher, and a mask that is dropped on the picture begins a correction", async () => {
  const [layered, plain] = await hold(server, [{ ...scene(), external_id: "layers/1", output_format: "psd" }, { ...scene(), external_id: "no-layers" }]);
  await useReview(server, NARROW, async (_, page) => {
    await openJob(page, layered);
    const download = page.waitForEvent("download");
    await page.keyboard.press("t");
    assert.equal((await download).suggestedFilename(), `layers-1-${layered}.psd`);
    await page.evaluate((to) => (location.hash = to), plain);
    await page.locator("#job-name", { hasText: "no-layers" }).waitFor();
    await shown(page);
    await page.locator("#retouch").click();
    await page.locator("#retouch-status", { hasText: "output_format=psd" }).waitFor();

    const dropped = [...leftHalf(WIDTH, HEIGHT)];
    await page.evaluate((bytes) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([Uint8Array.from(bytes)], "half.png", { type: "image/png" }));
      document.getElementById("view").dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer }));
    }, dropped);
    await saved(page, 2);
    await becomes(page, BALL, false);
    await page.locator("#to-networks").click();
    await becomes(page, BALL, true);
    await saved(page, 3);
    const overflow = await page.evaluate(() => Math.max(document.documentElement.scrollWidth, innerWidth) - document.documentElement.clientWidth);
    assert.equal(overflow, 0);
  });
});

for (const [name, options] of [
  ["wide and light", {}],
  ["wide and dark", { colorScheme: "dark" }],
  ["narrow and light", NARROW],
  ["narrow and dark", { ...NARROW, colorScheme: "dark" }],
]) {
  test(`axe finds no fault while a cut is corrected, ${name}`, async () => {
    const [id] = await hold(server, [{ ...scene(), external_id: name }]);
    await useReview(server, options, async (desk, page) => {
      await openJob(page, id);
      await page.locator("#correct").click();
      await page.locator("#correct-tools").waitFor();
      assert.deepEqual(await desk.accessibilityFaults(), [], "begun");
      const isNarrow = "isMobile" in options;
      if (isNarrow) await page.touchscreen.tap(...(await onScreen(page, BOX)));
      else await click(page, BOX);
      await saved(page, 2);
      if (isNarrow) {
        await page.locator("#smaller").click();
        await saved(page, 3);
      }
      await page.locator("#show-loupe").click();
      for (const tool of ["Stroke", "Frame"]) {
        await page.getByRole("radio", { name: tool }).check();
        assert.deepEqual(await desk.accessibilityFaults(), [], tool);
      }
      const overflow = await page.evaluate(() => Math.max(document.documentElement.scrollWidth, innerWidth) - document.documentElement.clientWidth);
      assert.equal(overflow, 0);
    });
  });
}
