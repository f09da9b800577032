// What people do with the try page, in a real browser against a real server.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { dropToCut } from "./support/drop.js";
import { Desk, closeBrowser, downloaded, openBrowser, photo } from "./support/page.js";
import { HEIGHT, WIDTH, leftHalf, scene } from "./support/scene.js";
import { Server } from "./support/server.js";
import { PYTHON, example } from "./support/settings.js";

const COFFEE = photo(example("coffee.jpg"));
/** How often a time is measured. */
const ROUNDS = 7;
const PNG_SIGNATURE = "89504e470d0a1a0a";

let server;

before(async () => {
  [server] = await Promise.all([Server.start(), openBrowser()]);
});

after(async () => {
  await closeBrowser();
  await server?.remove();
});

test("a dropped photo is cut out, compared and downloaded", () =>
  Desk.use(server, {}, async (desk, page) => {
    assert.equal(new URL(page.url()).hash, "", "the key leaves the address");
    await desk.drop([COFFEE]);
    await desk.ended("done");
    await desk.shows("both");
    assert.match(await page.locator("#photo-state").innerText(), /^Cut out · certainty \d+ %/);

    // Near the top right corner of the photo: background, which the cut-out does not have.
    await page.locator("#backdrop-color").fill("#ff00fe");
    const box = await page.locator("#after").boundingBox();
    const corner = [box.x + box.width - 6, box.y + 90];
    assert.equal(await desk.pixel(...corner), "#ff00fe");
    const knob = await page.locator("#divider").boundingBox();
    await page.mouse.move(knob.x + knob.width / 2, knob.y + knob.height / 2);
    await page.mouse.down();
    await page.mouse.move(corner[0] + 20, corner[1] + 100, { steps: 4 });
    await page.mouse.up();
    assert.notEqual(await desk.pixel(...corner), "#ff00fe", "the photo is left of the border");
    assert.ok(Number(await page.locator("#divider").getAttribute("aria-valuenow")) > 70);

    const { name, path: file } = await downloaded(page, () => page.locator("#download").click());
    assert.equal(name, "coffee-background.png");
    const { jobs } = await server.api("jobs?limit=1");
    const status = await server.api(`status?job_id=${jobs[0].job_id}`);
    const served = Buffer.from(await (await fetch(status.final_urls.background)).arrayBuffer());
    assert.ok(readFileSync(file).equals(served) && served.subarray(0, 8).toString("hex") === PNG_SIGNATURE);
  }));

test("backdrops, zoom and pan show the cut-out as it is", () =>
  Desk.use(server, {}, async (desk, page) => {
    await desk.drop([COFFEE]);
    await desk.shows("both");
    const box = await page.locator("#after").boundingBox();
    const corner = [box.x + box.width - 6, box.y + 90];
    for (const [value, color] of [
      ["white", "#ffffff"],
      ["black", "#000000"],
    ]) {
      await page.locator(`input[value=${value}]`).check();
      assert.equal(await desk.pixel(...corner), color);
    }
    const width = async () => (await page.locator("#after").boundingBox()).width;
    await page.locator("[data-zoom='1']").click();
    assert.equal(Math.round(await width()), 600, "a pixel of the picture is a pixel of the screen");
    await page.locator("[data-zoom='4']").click();
    assert.equal(Math.round(await width()), 2_400);
    assert.equal(await page.locator("[data-zoom='4']").getAttribute("aria-pressed"), "true");
    const left = async () => (await page.locator("#after").boundingBox()).x;
    const before = await left();
    const view = await page.locator("#view").boundingBox();
    await page.mouse.move(view.x + 100, view.y + 300);
    await page.mouse.down();
    await page.mouse.move(view.x + 160, view.y + 300, { steps: 3 });
    await page.mouse.up();
    assert.equal(Math.round((await left()) - before), 60, "the picture follows the pointer");
    await page.mouse.wheel(0, 4_000);
    await page.locator("[data-zoom='fit']").click();
    assert.equal(Math.round(await width()), Math.round(box.width));
  }));

test("the path lies over the cut-out, and every picture of a photo is there", () =>
  Desk.use(server, {}, async (desk, page) => {
    await page.locator("input[value=clipping]").check();
    await page.locator("#format").selectOption("webp");
    await desk.drop([COFFEE]);
    await desk.shows("both");
    await page.locator("#stage[data-has-path]").waitFor();
    await page.locator("#show-path").check();
    const outline = page.locator("#path .path-line");
    await outline.waitFor({ state: "visible" });
    assert.match((await outline.getAttribute("d")) ?? "", /^M[\d.]+/);
    const [over, picture] = [await page.locator("#path").boundingBox(), await page.locator("#after").boundingBox()];
    assert.deepEqual(over, picture, "the path lies on the picture");

    await page.getByRole("radio", { name: "Soft cut-out" }).check();
    await page.waitForFunction(() => !document.querySelector("#stage").hasAttribute("data-revealing"));
    await desk.shows("both");
    const { name } = await downloaded(page, () => page.locator("#download").click());
    assert.equal(name, "coffee-background.webp");
    const { name: zip, path: file } = await downloaded(page, () => page.locator("#download-all").click());
    assert.equal(zip, "cutline.zip");
    assert.deepEqual(listed(file), ["coffee-background.webp", "coffee-clipping.webp"]);
  }));

test("a parameter set makes pictures on a canvas of their own", () =>
  Desk.use(server, {}, async (desk, page) => {
    await page.locator("input[value=params]").check();
    await page.locator("#set option[value=ebay]").waitFor({ state: "attached" });
    await page.locator("#set").selectOption("ebay");
    await desk.drop([COFFEE]);
    await desk.shows("after");
    await page.getByText("another size than the photo").waitFor();
    assert.equal(await page.locator("#after").evaluate((image) => image.naturalWidth), 1_600);
    assert.equal(await page.locator("#divider").isVisible(), false);
    const { name } = await downloaded(page, () => page.locator("#download").click());
    assert.equal(name, "coffee-compose.jpg");
  }));

test("a photo is cut again with other settings, without another upload", () =>
  Desk.use(server, {}, async (desk, page) => {
    let uploads = 0;
    page.on("request", (request) => (uploads += request.method() === "PUT" ? 1 : 0));
    await desk.drop([COFFEE]);
    await desk.ended("done");
    await page.locator("input[value=clipping]").check();
    await page.locator("#cut-again").click();
    await page.getByRole("radio", { name: "Path cut-out" }).waitFor();
    await desk.ended("done");
    assert.equal(uploads, 1);
    assert.equal(await page.locator("#cut-again").isVisible(), false, "the settings are the photo's now");
  }));

test("a photo is cropped to its subject, and shown whole again", () =>
  Desk.use(server, {}, async (desk, page) => {
    await page.locator("input[value=clipping]").check();
    await page.locator("#crop").check();
    await desk.drop([COFFEE]);
    await desk.shows("after");
    await page.getByText("another size than the photo").waitFor();
    const { jobs } = await server.api("jobs?limit=1");
    const { crop_box: box } = await server.api(`status?job_id=${jobs[0].job_id}`);
    const [left, , right] = box;
    assert.equal(await page.locator("#after").evaluate((image) => image.naturalWidth), right - left);
    assert.equal(await page.locator("#stage[data-has-path]").count(), 0, "the path belongs to the whole photo");
    assert.match(await page.locator("#command-text").textContent(), / -F crop=subject /);
    await page.locator("#crop").uncheck();
    await page.locator("#cut-again").click();
    await desk.shows("both");
    await page.locator("#stage[data-has-path]").waitFor();
  }));

test("a photo keeps its depth and colors, and its pixels are checked", () =>
  Desk.use(server, {}, async (desk, page) => {
    await page.locator("#faithful").check();
    await desk.drop([COFFEE]);
    await desk.shows("both");
    const { jobs } = await server.api("jobs?limit=1");
    const { pixel_check: check } = await server.api(`status?job_id=${jobs[0].job_id}`);
    assert.ok(check.pixels > 0);
    assert.equal(check.largest_difference, 0);
    assert.match(await page.locator("#command-text").textContent(), / -F depth=keep \\\n {2}-F color=keep /);
  }));

test("a mask decides what is kept, and goes with the curl command", () =>
  Desk.use(server, {}, async (desk, page) => {
    const submitted = [];
    page.on("request", (request) => request.url().endsWith("/upload") && submitted.push(request.postDataJSON()));
    await page.locator("#mask-file").setInputFiles({ name: "left half.png", mimeType: "image/png", buffer: leftHalf(WIDTH, HEIGHT) });
    await page.locator("#mask-name", { hasText: "left half.png" }).waitFor();
    assert.equal(await page.locator("#cut-by").inputValue(), "file");
    assert.deepEqual(await desk.accessibilityFaults(), []);
    await desk.drop([scene()]);
    await desk.shows("both");
    const alpha = await page.locator("#after").evaluate((image) => {
      const drawing = new OffscreenCanvas(image.naturalWidth, image.naturalHeight).getContext("2d");
      drawing.drawImage(image, 0, 0);
      return [0.1, 0.9].map((x) => drawing.getImageData(Math.floor(x * image.naturalWidth), 20, 1, 1).data[3]);
    });
    assert.deepEqual(alpha, [255, 0], "the left half of the wall, which no network keeps");
    assert.ok(submitted[0].mask_key && !("mask" in submitted[0]));
    assert.match(await page.locator("#command-text").textContent(), / -F 'mask=@"left half.png"'/);

    // Of a PNG without transparency, nothing can be kept by that.
    await page.locator("#cut-by").selectOption("alpha");
    assert.equal(await page.locator("#mask-name").isVisible(), false);
    await page.locator("#cut-again").click();
    await desk.ended("failed");
    assert.match(await page.locator("#command-text").textContent(), / -F mask_source=alpha /);
    await page.locator("#cut-by").selectOption("auto");
    await page.locator("#mask-file").setInputFiles({ name: "small.png", mimeType: "image/png", buffer: leftHalf(40, 30) });
    await page.locator("#cut-again").click();
    await page.locator("#message", { hasText: "40 x 30" }).waitFor();
    await page.locator("#cut-by").selectOption("auto");
    await page.locator("#cut-again").click();
    await desk.ended("done");
    assert.equal("mask_key" in submitted.at(-1), false);
  }));

test("a photo of two megapixels is cut out while one looks", (t) =>
  Desk.use(server, {}, async (desk, page) => {
    const times = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      times.push(await dropToCut(page, COFFEE.bytes, round));
      await desk.ended("done");
      await page.locator("#remove").click();
    }
    times.sort((one, other) => one - other);
    t.diagnostic(`figure: from the drop of 2 MP to the cut on the stage: ${times[Math.floor(ROUNDS / 2)].toFixed(0)} ms, at most ${times.at(-1).toFixed(0)} ms`);
  }));

test("thirty photos at once are all cut out and packed", () =>
  Desk.use(server, {}, async (desk, page) => {
    const names = Array.from({ length: 30 }, (_, index) => `photo ${index + 1}.jpg`);
    await desk.drop(names.map((name) => ({ ...COFFEE, name })));
    assert.equal(await page.locator(".thumb").count(), 30);
    await page.waitForFunction(() => document.querySelectorAll('.thumb[data-step="done"]').length === 30, null, {
      timeout: 600_000,
    });
    const { path: file } = await downloaded(page, () => page.getByText("All 30 as ZIP").click());
    assert.deepEqual(listed(file), names.map((name) => name.replace(".jpg", "-background.png")).sort());
  }));

test("photos are picked, pasted and taken from folders", () =>
  Desk.use(server, {}, async (desk, page) => {
    const folder = mkdtempSync(path.join(tmpdir(), "cutline-photos-"));
    mkdirSync(path.join(folder, "more"));
    writeFileSync(path.join(folder, "a.jpg"), COFFEE.bytes);
    writeFileSync(path.join(folder, "more", "b.jpg"), COFFEE.bytes);
    writeFileSync(path.join(folder, "more", "notes.txt"), "no picture");
    writeFileSync(path.join(folder, ".DS_Store"), "hidden");
    await page.locator("#folder").setInputFiles(folder);
    await page.getByText("1 file in the folder skipped").first().waitFor();
    rmSync(folder, { recursive: true });
    await page.locator("#files").setInputFiles(example("chelsea.png"));
    await desk.paste({ ...COFFEE, name: "image.png" });
    await page.locator(".thumb").nth(3).waitFor();
    const labels = await page
      .locator(".thumb")
      .evaluateAll((thumbs) => thumbs.map((thumb) => thumb.getAttribute("title")));
    assert.deepEqual(labels.sort(), ["a.jpg", "b.jpg", "chelsea.png", "image.png"]);
  }));

test("the shown command makes the same picture", () =>
  Desk.use(server, {}, async (desk, page) => {
    await page.locator("#format").selectOption("webp");
    await desk.drop([{ ...COFFEE, name: 'it\'s "red", really;.jpg' }]);
    await desk.ended("done");
    await page.getByText("The same with curl").click();
    const text = await page.locator("#command-text").innerText();
    assert.ok(!text.includes(server.key) && !text.includes(server.pageKey), "the key is not shown");
    const folder = mkdtempSync(path.join(tmpdir(), "cutline-command-"));
    writeFileSync(path.join(folder, 'it\'s "red", really;.jpg'), COFFEE.bytes);
    const answers = execFileSync("sh", ["-c", text.replaceAll("curl ", "curl -sS ")], {
      cwd: folder,
      env: { ...process.env, KEY: server.key, no_proxy: "127.0.0.1" },
      encoding: "utf8",
    });
    rmSync(folder, { recursive: true });
    const [accepted, status] = answers.split(/(?<=\})\s*(?=\{)/).map((line) => JSON.parse(line));
    assert.deepEqual([accepted.status, accepted.mode], ["queued", "background"]);
    assert.match(status.final_urls.background, /\/background\.webp/);
  }));

test("kinds that browsers cannot show are explained, and their cut-out is shown", () =>
  Desk.use(server, {}, async (desk, page) => {
    const made = await server.make(COFFEE.bytes, "coffee.jpg", { mode: "background", output_format: "tiff" });
    const tiff = Buffer.from(await (await fetch(made.final_urls.background)).arrayBuffer());
    await desk.drop([{ name: "coffee.tiff", bytes: tiff, type: "image/tiff" }]);
    await desk.shows("after");
    await page.getByText("Your browser cannot show this kind of photo").waitFor();
    await page.locator("#format").selectOption("psd");
    await page.locator("#cut-again").click();
    await page.getByText("Browsers cannot show PSD files").waitFor();
    const { name } = await downloaded(page, () => page.locator("#download").click());
    assert.equal(name, "coffee-background.psd");
  }));

test("HTML in names and answers is shown as text", () =>
  Desk.use(server, {}, async (desk, page) => {
    const name = "<img src=x onerror=alert(1)><b>bold.jpg";
    await desk.drop([
      { ...COFFEE, name },
      { name: "<i>no picture.jpg", bytes: Buffer.from("<script>"), type: "image/jpeg" },
    ]);
    assert.equal(await page.locator("#photo-name").innerText(), name);
    await desk.ended("failed");
    await page.locator(".thumb").nth(1).click();
    assert.equal(await page.locator("#photo-name").innerText(), "<i>no picture.jpg");
    assert.equal(await page.locator("#photo-name *, .thumb b, .thumb i, #message i").count(), 0);
    await desk.ended("done");
  }));

/** The names in a ZIP, sorted. */
function listed(file) {
  const script =
    "import json, sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print(json.dumps(z.namelist()))";
  return JSON.parse(execFileSync(PYTHON, ["-c", script, file], { encoding: "utf8" })).sort();
}
