// What people do with the review page, in a real browser against a real server.

import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { Desk, closeBrowser, downloaded, openBrowser, photo } from "./support/page.js";
import { ended, hold, openJob, reviewOf, shown, useReview } from "./support/review.js";
import { scene } from "./support/scene.js";
import { Server } from "./support/server.js";
import { example } from "./support/settings.js";

const COFFEE = photo(example("coffee.jpg"));
const CAT = photo(example("chelsea.png"));
const MANY = 50;

let server;

before(async () => {
  [server] = await Promise.all([Server.start(), openBrowser()]);
});

after(async () => {
  await closeBrowser();
  await server?.remove();
});

/** Leaves the single view, if the page shows one. */
async function toGrid(page) {
  if ((await page.locator("html").getAttribute("data-view")) === "single") await page.keyboard.press("Escape");
  await page.locator("#grid").waitFor();
}

test("fifty held jobs are approved by keys alone", async (t) => {
  const own = await Server.start();
  try {
    await hold(own, Array.from({ length: MANY }, (_, index) => ({ ...COFFEE, external_id: `shot-${index}` })));
    await useReview(own, {}, async (_, page) => {
      await page.getByText(`${MANY} jobs, all waiting`).waitFor();
      const begun = performance.now();
      while (!(await page.evaluate(() => document.activeElement?.id === "grid"))) await page.keyboard.press("Tab");
      await page.keyboard.press("Home");
      await page.keyboard.press("Enter");
      for (let count = 1; count <= MANY; count += 1) {
        await shown(page);
        await page.keyboard.press("a");
      }
      await page.locator("#grid").waitFor();
      const seconds = (performance.now() - begun) / 1_000;
      t.diagnostic(`figure: ${MANY} jobs approved by keys in ${seconds.toFixed(1)} s`);
      for (;;) {
        const { jobs } = await own.api("jobs?review=approved&limit=1000");
        if (jobs.length === MANY) break;
        await page.waitForTimeout(200);
      }
      await page.getByText(`${MANY} jobs, 0 waiting`).waitFor();
    });
  } finally {
    await own.remove();
  }
});

test("a decision is sent after five seconds, and U takes it back until then", async () => {
  const [first, second] = await hold(server, [COFFEE, CAT]);
  await useReview(server, {}, async (_, page) => {
    const sent = [];
    page.on("request", (request) => request.method() === "POST" && sent.push(request.url()));
    await openJob(page, first);
    await page.keyboard.press("a");
    await page.locator("#pending", { hasText: "To approve" }).waitFor();
    await page.keyboard.press("u");
    // The job is shown again.
    await page.waitForURL((url) => url.hash === `#${first}`);
    await page.locator("#pending").waitFor({ state: "hidden" });
    await page.waitForTimeout(5_500);
    assert.deepEqual(sent, []);
    assert.equal((await server.api(`status?job_id=${first}`)).status, "pending_review");

    await page.goBack();
    await openJob(page, second);
    await page.keyboard.press("r");
    await page.getByRole("button", { name: "Wrong subject" }).waitFor();
    await page.keyboard.press("2");
    await page.locator("#pending", { hasText: "To reject: Edge" }).waitFor();
    const job = await ended(server, second);
    assert.deepEqual([job.status, job.review.verdict, job.review.reason], ["failed", "rejected", "edge"]);
    assert.equal(sent.length, 1);
  });
});

test("of two windows the first decides, and the other shows how it ended", async () => {
  const [id] = await hold(server, [COFFEE]);
  await useReview(server, {}, async (_, one) => {
    await useReview(server, {}, async (_, other) => {
      await openJob(one, id);
      await openJob(other, id);
      await one.keyboard.press("a");
      assert.equal((await ended(server, id)).status, "done");
      await other.keyboard.press("r");
      await other.keyboard.press("5");
      await other.locator("#announcement", { hasText: "Somebody else decided first" }).waitFor({ state: "attached" });
      await toGrid(other);
      const label = () => other.locator(`#job-${id}`).textContent();
      while (!/Approved/.test((await label()) ?? "")) await other.waitForTimeout(100);
      assert.match(await label(), /Somebody else decided first/);
    });
  });
});

test("a cropped draft lies over the photo as its preview, and is shown cropped at 100 %", async () => {
  const [id] = await hold(server, [{ ...COFFEE, crop: "subject", crop_margin: "5%" }]);
  const { crop_box: box } = await server.api(`status?job_id=${id}`);
  const [left, , right] = box;
  await useReview(server, {}, async (_, page) => {
    await openJob(page, id);
    await page.locator('#stage[data-content="both"][data-has-path]').waitFor();
    const width = () => page.locator("#after").evaluate((image) => image.naturalWidth);
    assert.equal(await width(), 600, "the preview shows the whole photo");
    await page.keyboard.press("z");
    await page.locator('#stage[data-content="after"]:not([data-has-path])').waitFor();
    assert.equal(await width(), right - left);
  });
});

test("a draft that was made again meanwhile is shown before it can be decided", async () => {
  const [id] = await hold(server, [COFFEE]);
  await useReview(server, {}, async (_, page) => {
    await openJob(page, id);
    // The answer of the server to an old revision.
    const body = JSON.stringify({ error: "stale_revision", message: "The job has another revision by now" });
    await page.route("**/approve", (route) => route.fulfill({ status: 409, contentType: "application/json", body }), { times: 1 });
    const asked = page.waitForRequest((request) => request.url().includes(`status?job_id=${id}`));
    await page.keyboard.press("a");
    await asked;
    await toGrid(page);
    await page.locator(`#job-${id}`).click();
    await page.locator("#notes li", { hasText: "It was cut again" }).waitFor();
    await shown(page);
    await page.keyboard.press("a");
    assert.equal((await ended(server, id)).status, "done");
  });
});

test("expired links are replaced silently", async () => {
  const own = await Server.start();
  try {
    const [first] = await hold(own, [COFFEE, CAT]);
    await useReview(own, {}, async (_, page) => {
      await page.locator(".cell img:not([hidden])").nth(1).waitFor();
      // With another secret, the server refuses every link that it made before, as it does when they expire.
      await own.kill();
      rmSync(path.join(own.data, "link-secret"));
      await own.restart();
      const refused = page.waitForResponse((response) => response.url().includes("preview.webp") && response.status() === 403);
      await page.locator(`#job-${first}`).click();
      await refused;
      await shown(page);
      assert.equal(await page.locator("#stage").getAttribute("data-content"), "both");
      assert.equal(await page.locator("#message").isVisible(), false);
      await page.goBack();
      // A thumb whose link is refused is asked for once more.
      let refusals = 0;
      await page.route("**/thumb.webp*", (route) => {
        refusals += 1;
        return refusals <= 2 ? route.fulfill({ status: 403, body: "{}" }) : route.continue();
      });
      await page.locator("#filter-state").selectOption("all");
      // Until the next frame the grid has the pictures of the last list.
      while (refusals <= 2) await page.waitForTimeout(50);
      await page.locator(".cell img:not([hidden])").nth(1).waitFor();
    });
  } finally {
    await own.remove();
  }
});

test("keys show the picture in every way", async () => {
  const [id] = await hold(server, [{ ...COFFEE, external_id: "looked-at" }]);
  await useReview(server, {}, async (desk, page) => {
    await openJob(page, id);
    assert.equal(await page.locator("#job-name").innerText(), "looked-at");
    const box = await page.locator("#after").boundingBox();
    const corner = [box.x + box.width - 6, box.y + 90];
    for (const color of ["#808080", "#000000", "#ff00ff"]) {
      await page.keyboard.press("b");
      assert.equal(await desk.pixel(...corner), color);
    }
    await page.keyboard.down("x");
    await page.locator("#stage[data-original]").waitFor();
    assert.notEqual(await desk.pixel(...corner), "#ff00ff", "the photo alone");
    await page.keyboard.up("x");
    await page.keyboard.press("m");
    await page.locator("#stage[data-matte]").waitFor();
    assert.equal(await desk.pixel(...corner), "#000000", "background in the matte");
    await page.keyboard.press("m");
    await page.keyboard.press("p");
    await page.locator("#path .path-line").waitFor({ state: "visible" });
    const [over, picture] = [await page.locator("#path").boundingBox(), await page.locator("#after").boundingBox()];
    assert.deepEqual(over, picture, "the path lies on the picture");
    await page.keyboard.press("w");
    await page.locator("#marked", { hasText: "of the pixels are not pure white." }).waitFor();
    const share = Number(/^[\d.]+/.exec(await page.locator("#marked").innerText())?.[0]);
    assert.ok(share > 5 && share < 80, `${share} %`);
    assert.equal(await desk.pixel(...corner), "#ffffff", "marks are judged on white");
    await page.keyboard.press("w");
    await page.keyboard.press("c");
    assert.equal(await page.locator("#divider").isVisible(), true);
    await page.keyboard.press("c");
    await page.keyboard.press("z");
    await page.locator("[data-zoom='1'][aria-pressed=true]").waitFor();
    assert.equal(Math.round((await page.locator("#after").boundingBox()).width), 600, "a pixel of the file is a pixel of the screen");
    await page.keyboard.press("z");
    await page.locator("[data-zoom='fit'][aria-pressed=true]").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("heading", { name: "Shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.locator("#grid").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.id), "grid", "the focus returns to the grid");
  });
});

test("the place stays between shots of one product, and no longer", async () => {
  const own = await Server.start();
  try {
    const shot = { ...COFFEE, external_id: "cup" };
    await hold(own, [shot, shot, { ...CAT, external_id: "cat" }]);
    await useReview(own, {}, async (_, page) => {
      const names = () => page.locator(".cell-name").allInnerTexts();
      while ((await names()).length < 3) await page.waitForTimeout(50);
      const places = new Set((await page.locator(".cell").evaluateAll((cells) => cells.map((cell) => `${cell.getAttribute("aria-posinset")} ${cell.querySelector(".cell-name").textContent}`))));
      const cups = [...places].filter((place) => place.endsWith("cup")).map((place) => Number(place.split(" ")[0])).sort();
      assert.equal(cups[1] - cups[0], 1, "shots of a product are next to each other");
      await page.locator(".cell", { hasText: "cup" }).first().click();
      await shown(page);
      await page.keyboard.press("k");
      while ((await page.locator("#job-name").innerText()) !== "cup") await page.keyboard.press("j");
      await shown(page);
      await page.keyboard.press("z");
      await page.locator("[data-zoom='1'][aria-pressed=true]").waitFor();
      for (const key of ["+", "+", "+", "+", "ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
      const place = () => page.locator("#after").boundingBox();
      const before = await place();
      const facts = () => page.locator("#facts").innerText();
      const isFirst = /1 of 2/.test(await facts());
      await page.keyboard.press(isFirst ? "j" : "k");
      await page.waitForFunction((first) => document.getElementById("facts").innerText.includes(first ? "2 of 2" : "1 of 2"), isFirst);
      await shown(page);
      const now = await place();
      assert.deepEqual([now.x, now.y, now.width].map(Math.round), [before.x, before.y, before.width].map(Math.round));
      const toCat = cups[0] === 1 ? "j" : "k";
      while ((await page.locator("#job-name").innerText()) === "cup") await page.keyboard.press(toCat);
      await shown(page);
      assert.equal(await page.locator("[data-zoom='fit']").getAttribute("aria-pressed"), "true");
    });
  } finally {
    await own.remove();
  }
});

test("filters show the jobs that they name", async () => {
  const own = await Server.start();
  try {
    const set = { mode: "params", params: "ebay", external_id: "in-a-set" };
    const [first] = await hold(own, [{ ...COFFEE, external_id: "one" }, { ...CAT, external_id: "two" }, { ...COFFEE, ...set }]);
    await useReview(own, {}, async (_, page) => {
      const count = (text) => page.locator("#count", { hasText: text }).waitFor();
      await count("3 jobs, all waiting");
      await page.locator("#filter-product").fill("two");
      await page.keyboard.press("Enter");
      await count("1 job, all waiting");
      await page.getByRole("button", { name: "Clear" }).click();
      await count("3 jobs");
      await page.locator("#filter-set").selectOption("ebay");
      await count("1 job");
      await page.locator(".cell", { hasText: "in-a-set" }).waitFor();
      await page.getByRole("button", { name: "Clear" }).click();
      await page.locator("#filter-after").fill("2031-01-01");
      await page.getByText("No job matches these filters.").waitFor();
      await page.getByRole("button", { name: "Clear" }).click();
      await page.locator("#filter-confidence").selectOption("0.2");
      const { jobs } = await own.api("jobs?confidence_lt=0.2");
      if (jobs.length === 0) await page.getByText("No job matches these filters.").waitFor();
      else await count(`${jobs.length} job`);
      await page.getByRole("button", { name: "Clear" }).click();
      await count("3 jobs");
      await openJob(page, first);
      await page.keyboard.press("a");
      await ended(own, first);
      await page.goBack();
      await page.locator("#filter-state").selectOption("approved");
      await count("1 job");
      await page.locator(`#job-${first}`, { hasText: /Approved\s*one/ }).waitFor();
      await page.locator("#filter-state").selectOption("rejected");
      await page.getByText("No job matches these filters.").waitFor();
    });
  } finally {
    await own.remove();
  }
});

test("a job without a subject is left out when all are approved", async () => {
  const own = await Server.start();
  try {
    // No object is in the corner.
    const [good, empty] = await hold(own, [COFFEE, { ...scene(), keep: "[[5, 5]]" }]);
    const { jobs } = await own.api("jobs");
    assert.deepEqual(
      jobs.filter((job) => job.empty_draft).map((job) => job.job_id),
      [empty],
    );
    await useReview(own, {}, async (_, page) => {
      await page.getByText("2 jobs, all waiting").waitFor();
      await page.getByRole("button", { name: "Approve all…" }).click();
      await page.getByRole("heading", { name: "Approve 1 job?" }).waitFor();
      await page.locator("#bulk-text", { hasText: "Left out: 1 job without a subject, to correct or reject." }).waitFor();
      assert.equal(await page.locator("#bulk-sample li").count(), 1);
      await page.getByRole("button", { name: "Approve 1 job" }).click();
      assert.equal((await ended(own, good)).review.verdict, "approved");
      assert.equal((await own.api(`status?job_id=${empty}`)).status, "pending_review");
      await page.locator("#bulk:disabled").waitFor();
    });
  } finally {
    await own.remove();
  }
});

test("all jobs of a filter are approved after a look at a sample", async () => {
  const own = await Server.start();
  try {
    const ids = await hold(own, [COFFEE, CAT, COFFEE].map((file) => ({ ...file, external_id: "lot" })));
    const [other] = await hold(own, [{ ...COFFEE, external_id: "other" }]);
    await useReview(own, {}, async (desk, page) => {
      await page.locator("#filter-product").fill("lot");
      await page.keyboard.press("Enter");
      await page.getByText("3 jobs, all waiting").waitFor();
      await page.getByRole("button", { name: "Approve all…" }).click();
      await page.getByRole("heading", { name: "Approve 3 jobs?" }).waitFor();
      await page.locator(".sample img:not([hidden])").nth(2).waitFor();
      assert.deepEqual(await desk.accessibilityFaults(), []);
      await page.getByRole("button", { name: "Approve 3 jobs" }).click();
      await page.locator("#pending", { hasText: "3 jobs: To approve" }).waitFor();
      await page.keyboard.press("u");
      await page.getByText("3 jobs, all waiting").waitFor();
      await page.getByRole("button", { name: "Approve all…" }).click();
      await page.getByRole("button", { name: "Approve 3 jobs" }).click();
      for (const id of ids) assert.equal((await ended(own, id)).review.verdict, "approved");
      assert.equal((await own.api(`status?job_id=${other}`)).status, "pending_review");

      await page.getByText("3 jobs, 0 waiting").waitFor();
      await page.getByRole("button", { name: "Clear" }).click();
      await page.locator("#filter-state").selectOption("all");
      await page.getByText("4 jobs, 1 waiting").waitFor();
      const { name, path: file } = await downloaded(page, () => page.getByRole("button", { name: "Save as CSV" }).click());
      assert.equal(name, "review.csv");
      // `trim` takes the byte order mark away.
      const [head, ...rows] = readFileSync(file, "utf8").trim().split("\r\n").map((row) => row.split(","));
      const column = (row, name) => row[head.indexOf(name)];
      assert.equal(rows.length, 4);
      for (const row of rows) {
        const isOther = column(row, "job_id") === other;
        assert.equal(column(row, "decision"), isOther ? "" : "approved");
        assert.equal(column(row, "external_id"), isOther ? "other" : "lot");
        assert.equal(column(row, "files"), "clipping.png background.png");
        assert.match(column(row, "reviewer"), isOther ? /^$/ : /^key:/);
      }
      const shots = rows.map((row) => column(row, "shot")).sort();
      assert.deepEqual(shots, ["1", "1", "2", "3"]);
    });
  } finally {
    await own.remove();
  }
});

test("a key that may only read cannot decide, and one of scope review can", async () => {
  const [id] = await hold(server, [COFFEE]);
  const keyOf = (scope) => /ck_\S+/.exec(server.command("keys", "create", "--owner", "default", "--scope", scope))?.[0] ?? "";
  await Desk.use(reviewOf(server, keyOf("read")), {}, async (_, page) => {
    await openJob(page, id);
    await page.keyboard.press("a");
    await page.locator("#announcement", { hasText: "This key may only read" }).waitFor({ state: "attached" });
    assert.equal((await server.api(`status?job_id=${id}`)).status, "pending_review");
  });
  await Desk.use(reviewOf(server, keyOf("review")), {}, async (_, page) => {
    await openJob(page, id);
    await page.keyboard.press("a");
    assert.equal((await ended(server, id)).status, "done");
  });
});

test("leaving the page sends what was decided", async () => {
  const [id] = await hold(server, [COFFEE]);
  await useReview(server, {}, async (_, page) => {
    page.on("dialog", (dialog) => void dialog.accept());
    await openJob(page, id);
    await page.keyboard.press("a");
    await page.goto(server.base);
    assert.equal((await ended(server, id)).review.verdict, "approved");
  });
});

test("leaving the page sends a decision that waits for its turn", async () => {
  const own = await Server.start();
  try {
    const ids = await hold(own, [COFFEE, CAT, COFFEE]);
    await useReview(own, {}, async (_, page) => {
      page.on("dialog", (dialog) => void dialog.accept());
      /** @type {string[]} */
      const asked = [];
      // Two are sent at a time, and these get no answer.
      await page.route("**/approve", (route) => void asked.push(route.request().url()));
      await page.getByText("3 jobs, all waiting").waitFor();
      await page.locator(".cell").first().click();
      for (let count = 0; count < 3; count += 1) {
        await shown(page);
        await page.keyboard.press("a");
      }
      await page.locator("#grid .cell[data-step=sending]").nth(2).waitFor();
      while (asked.length < 2) await page.waitForTimeout(50);
      const left = ids.filter((id) => !asked.some((url) => url.includes(id)));
      assert.deepEqual([asked.length, left.length], [2, 1]);
      await page.goto(own.base);
      assert.equal((await ended(own, left[0])).review.verdict, "approved");
    });
  } finally {
    await own.remove();
  }
});

test("a decision that was not sent outlives the filters", async () => {
  const own = await Server.start();
  try {
    const [id] = await hold(own, [{ ...COFFEE, external_id: "one" }, { ...CAT, external_id: "two" }]);
    await useReview(own, {}, async (_, page) => {
      let answer = () => {};
      const answered = new Promise((resolve) => (answer = () => resolve()));
      const body = JSON.stringify({ error: "not_held", message: "The job is not held" });
      await page.route("**/approve", async (route) => {
        await answered;
        await route.fulfill({ status: 409, contentType: "application/json", body });
      });
      const asked = page.waitForRequest("**/approve");
      await openJob(page, id);
      await page.keyboard.press("a");
      await toGrid(page);
      await page.locator("#filter-product").fill("two");
      await page.keyboard.press("Enter");
      await page.getByText("1 job, all waiting").waitFor();
      // The list does not have the job, and leaving the page would lose its decision nevertheless.
      const isWarning = () => page.evaluate(() => !window.dispatchEvent(new Event("beforeunload", { cancelable: true })));
      assert.equal(await isWarning(), true, "not sent");
      await page.getByRole("button", { name: "Clear" }).click();
      await page.locator(`#job-${id}[data-step=decided], #job-${id}[data-step=sending]`).waitFor();
      await page.getByText("2 jobs, 1 waiting").waitFor();
      await asked;
      assert.equal(await isWarning(), true, "on its way");
      await page.getByRole("button", { name: "Clear" }).click();
      await page.locator(`#job-${id}[data-step=sending]`).waitFor();
      answer();
      await page.locator(`#job-${id}[data-step=waiting][data-problem]`).waitFor();
      const label = () => page.locator(`#job-${id}`).textContent();
      assert.match((await label()) ?? "", /Somebody else decided first/);
      assert.equal(await isWarning(), false, "refused");
      await page.getByRole("button", { name: "Clear" }).click();
      await page.locator(`#job-${id}[data-problem]`).waitFor();
      assert.match((await label()) ?? "", /Somebody else decided first/);
    });
  } finally {
    await own.remove();
  }
});

test("a key that is held decides about one job", async () => {
  const own = await Server.start();
  try {
    await hold(own, [COFFEE, CAT, COFFEE]);
    await useReview(own, {}, async (_, page) => {
      await page.getByText("3 jobs, all waiting").waitFor();
      const position = () => page.locator("#position").innerText();
      /** Holds a key until the next jobs could have been decided too. */
      const holdKey = async (key) => {
        await page.keyboard.down(key);
        for (let count = 0; count < 20; count += 1) {
          await shown(page);
          // A second `down` of the same key repeats it.
          await page.keyboard.down(key);
        }
        await page.keyboard.up(key);
      };
      await page.locator(".cell").first().click();
      await shown(page);
      await holdKey("a");
      assert.equal(await position(), "2 of 3");
      await page.locator("#approve").focus();
      await holdKey("Enter");
      assert.equal(await position(), "3 of 3");
      await page.keyboard.press("k");
      await page.keyboard.press("k");
      assert.equal(await position(), "1 of 3");
      await page.keyboard.down("j");
      await page.keyboard.down("j");
      await page.keyboard.up("j");
      assert.equal(await position(), "3 of 3", "moving goes on while its key is held");
    });
  } finally {
    await own.remove();
  }
});

test("a matte that does not load is reported, and can be asked for again", async () => {
  const [id] = await hold(server, [COFFEE]);
  await useReview(server, {}, async (_, page) => {
    await openJob(page, id);
    await page.route("**/matte.png*", (route) => route.fulfill({ status: 410, body: "{}" }), { times: 1 });
    await page.keyboard.press("m");
    await page.locator("#message", { hasText: "410" }).waitFor();
    assert.equal(await page.locator("#show-matte").isChecked(), false);
    await page.keyboard.press("m");
    await page.locator("#stage[data-matte]").waitFor();
    assert.equal(await page.locator("#message").isVisible(), false);
  });
});

test("the try page leads to the photo that it holds for review, and back", () =>
  Desk.use(server, {}, async (desk, page) => {
    server.command("owners", "set", "default", "--review", "always");
    try {
      await desk.drop([COFFEE]);
      await desk.ended("done");
      await desk.shows("both");
      assert.equal(await page.locator("#photo-state").innerText(), "Cut out · held for review");
      await page.getByRole("link", { name: "Review it" }).click();
      await shown(page);
      await page.getByRole("link", { name: "Try", exact: true }).click();
      await page.getByRole("heading", { name: "Drop a photo" }).waitFor();
    } finally {
      server.command("owners", "set", "default", "--review", "off");
    }
  }));

test("HTML in names and notes is shown as text", async () => {
  const name = "<img src=x onerror=alert(1)><b>bold";
  const [id] = await hold(server, [{ ...COFFEE, external_id: name }]);
  await useReview(server, {}, async (_, page) => {
    await openJob(page, id);
    assert.equal(await page.locator("#job-name").innerText(), name);
    assert.equal(await page.locator("#job-name *, .cell-name *, img[src=x]").count(), 0);
  });
});
