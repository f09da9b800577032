// The page for everyone: by keys alone, on a narrow screen, dark and light, and to assistive programs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Desk, closeBrowser, downloaded, openBrowser, photo } from "./support/page.js";
import { Server } from "./support/server.js";
import { example } from "./support/settings.js";

const COFFEE = photo(example("coffee.jpg"));
const NARROW = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

let server;

before(async () => {
  [server] = await Promise.all([Server.start(), openBrowser()]);
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
  test(`axe finds no fault, ${name}`, () =>
    Desk.use(server, options, async (desk, page) => {
      const check = async (/** @type {string} */ state) =>
        assert.deepEqual(await desk.accessibilityFaults(), [], state);
      await page.getByRole("button", { name: "default" }).waitFor();
      await check("start");
      await page.locator("input[value=clipping]").check();
      await desk.drop([COFFEE, { name: "no picture.jpg", bytes: Buffer.from("text"), type: "image/jpeg" }]);
      await desk.ended("done");
      await desk.shows("both");
      await page.getByText("The same with curl").click();
      await check("cut out");
      await page.locator(".thumb").nth(1).click();
      await desk.ended("failed");
      await check("failed");
      await page.locator("#account").click();
      await check("key");
      await page.keyboard.press("Escape");
      await page.locator("body").press("?");
      await page.getByRole("heading", { name: "Shortcuts" }).waitFor();
      await check("shortcuts");
    }));
}

test("a narrow screen never scrolls sideways", () =>
  Desk.use(server, NARROW, async (desk, page) => {
    // A page that is too wide makes a telephone zoom out.
    const overflow = () => page.evaluate(() => Math.max(document.documentElement.scrollWidth, innerWidth) - 360);
    assert.equal(await overflow(), 0, "start");
    await page.locator("input[value=params]").check();
    assert.equal(await overflow(), 0, "with sets");
    await page.locator("input[value=background]").check();
    await desk.drop(
      Array.from({ length: 3 }, (_, index) => ({ ...COFFEE, name: `${"a very long name ".repeat(6)}${index}.jpg` })),
    );
    await desk.shows("both");
    await page.getByText("The same with curl").click();
    assert.equal(await overflow(), 0, "photos");
    for (const selector of ["#view", "#divider", "#zooms", "#download", "#thumbs"]) {
      const box = await page.locator(selector).boundingBox();
      assert.ok(box && box.x >= -22 && box.x + box.width <= 382, `${selector} is on the screen`);
    }
    await desk.ended("done", 3);
  }));

test("everything works by keys alone", () =>
  Desk.use(server, {}, async (desk, page) => {
    const focused = () => page.evaluate(() => document.activeElement?.id ?? "");
    const tabTo = async (/** @type {string} */ id) => {
      for (let presses = 0; presses < 40 && (await focused()) !== id; presses += 1) await page.keyboard.press("Tab");
      assert.equal(await focused(), id);
      const outline = await page.evaluate(() => {
        const element = document.activeElement;
        const drawn = [element, ...(element?.querySelectorAll("svg") ?? [])].filter((one) => one !== null);
        return drawn.some((one) => getComputedStyle(one).outlineStyle !== "none");
      });
      assert.ok(outline, `the focus on ${id} is visible`);
    };
    await page.getByRole("button", { name: "default" }).waitFor();
    const chosen = page.waitForEvent("filechooser");
    await tabTo("pick");
    await page.keyboard.press("Enter");
    await (await chosen).setFiles([example("coffee.jpg"), example("chelsea.png")]);
    await desk.ended("done", 2);
    await desk.shows("both");

    await tabTo("view");
    await page.keyboard.press("4");
    assert.equal(await page.locator("[data-zoom='4']").getAttribute("aria-pressed"), "true");
    const left = async () => (await page.locator("#after").boundingBox()).x;
    const before = await left();
    await page.keyboard.press("ArrowRight");
    assert.equal(Math.round((await left()) - before), -60);
    await page.keyboard.press("0");
    await tabTo("divider");
    await page.keyboard.press("Home");
    assert.equal(await page.locator("#divider").getAttribute("aria-valuenow"), "0");
    await page.keyboard.press("PageUp");
    assert.equal(await page.locator("#divider").getAttribute("aria-valuetext"), "10 % photo");

    await page.keyboard.press("b");
    assert.equal(await page.locator("input[value=white]").isChecked(), true);
    await page.keyboard.down("x");
    assert.equal(await page.locator(".after").isVisible(), false, "the photo alone");
    await page.keyboard.up("x");
    assert.equal(await page.locator(".after").isVisible(), true);
    await page.keyboard.press("j");
    assert.equal(await page.locator("#photo-name").innerText(), "chelsea.png");
    await desk.shows("both");
    const { name } = await downloaded(page, () => page.keyboard.press("d"));
    assert.equal(name, "chelsea-background.png");

    await page.locator('.thumb[aria-selected="true"]').focus();
    await page.keyboard.press("ArrowLeft");
    assert.equal(await page.locator("#photo-name").innerText(), "coffee.jpg");
    await page.keyboard.press("Delete");
    assert.equal(await page.locator(".thumb").count(), 1);
    assert.equal(
      await page.evaluate(() => document.activeElement?.getAttribute("title")),
      "chelsea.png",
      "the focus stays in the list",
    );

    await page.keyboard.press("?");
    await tabTo("shortcuts-on");
    await page.keyboard.press("Space");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Delete");
    assert.equal(await page.locator(".thumb").count(), 1, "single keys can be switched off");
  }));

test("the theme follows the system, and the user's choice after that", () =>
  Desk.use(server, { colorScheme: "dark" }, async (desk, page) => {
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.getByRole("button", { name: "Switch between light and dark" }).click();
    const light = await background();
    assert.notEqual(dark, light);
    await page.reload();
    assert.equal(await background(), light);
    assert.equal(desk.context.pages().length, 1);
  }));
