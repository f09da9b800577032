// The page in a real browser. A violation of the content security policy, an uncaught error or a key in an address fails the
// test that caused it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";

import { CHROMIUM, library } from "./settings.js";

const { chromium } = library("playwright-core");

/** Longer than any step takes on a slow and busy machine. */
export const PATIENCE = 120_000;

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser;

export async function openBrowser() {
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS, headless: true });
}

export async function closeBrowser() {
  await browser?.close();
}

/** A tab with the page. */
export class Desk {
  #faults = [];

  /**
   * @param {{ link: string, key: string }} server
   * @param {object} [options] of the browser's context
   */
  static async open({ link, key }, options = {}) {
    const desk = new Desk();
    const context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      reducedMotion: "reduce",
      ...options,
    });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    const keys = [key, link.split("#key=")[1]].filter((secret) => secret);
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy violation: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    page.on("console", (message) => {
      const text = message.text();
      if (/policy/i.test(text)) desk.#faults.push(text);
    });
    page.on("pageerror", (error) => desk.#faults.push(`uncaught: ${error.stack}`));
    page.on("request", (request) => {
      if (keys.some((secret) => request.url().includes(secret))) desk.#faults.push(`the key is in an address: ${request.url()}`);
    });
    // From the start: a dialog that opens before the browser knows that a test takes its place would never be seen.
    page.on("filechooser", () => {});
    await page.goto(link);
    return Object.assign(desk, { page, context });
  }

  /** Closes the tab, and reports what went wrong in it. */
  async close() {
    await this.context.close();
    assert.deepEqual(this.#faults, []);
  }

  /** Runs a test in a tab of its own. */
  static async use(server, options, test) {
    const desk = await Desk.open(server, options);
    try {
      await test(desk, desk.page);
    } catch (fault) {
      const shown = await desk.page
        .locator("body")
        .innerText()
        .catch(() => "");
      throw new Error(`${fault.message}\nThe page shows:\n${shown}\nFaults: ${desk.#faults.join("\n")}`, {
        cause: fault,
      });
    }
    await desk.close();
  }

  /** Drops files on the page. */
  async drop(files) {
    const list = files.map(({ name, bytes, type = "" }) => ({
      name,
      type,
      data: Buffer.from(bytes).toString("base64"),
    }));
    await this.#send("drop", list);
  }

  /** Pastes a file. */
  async paste({ name, bytes, type = "" }) {
    await this.#send("paste", [{ name, type, data: Buffer.from(bytes).toString("base64") }]);
  }

  async #send(kind, list) {
    await this.page.evaluate(
      ({ kind, list }) => {
        const transfer = new DataTransfer();
        for (const { name, type, data } of list) {
          const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
          transfer.items.add(new File([bytes], name, { type }));
        }
        const options = { bubbles: true, cancelable: true };
        const event =
          kind === "drop"
            ? new DragEvent("drop", { ...options, dataTransfer: transfer })
            : new ClipboardEvent("paste", { ...options, clipboardData: transfer });
        document.body.dispatchEvent(event);
      },
      { kind, list },
    );
  }

  /** Waits until so many photos have ended in this way. */
  async ended(step, count = 1) {
    const thumbs = this.page.locator(`.thumb[data-step="${step}"]`);
    await this.page.waitForFunction(
      ({ step, count }) => document.querySelectorAll(`.thumb[data-step="${step}"]`).length >= count,
      { step, count },
    );
    assert.equal(await thumbs.count(), count);
  }

  /** Waits until the stage has this content, and the border its place. */
  async shows(content) {
    await this.page.locator(`#stage[data-content="${content}"]`).waitFor();
    // It starts at the right edge, and leaves it two frames later.
    await this.page.locator('#divider:not([aria-valuenow="100"])').waitFor({ state: "attached" });
  }

  /** The color of a pixel of the screen, as `#rrggbb`. */
  async pixel(x, y) {
    const png = await this.page.screenshot({
      clip: { x: Math.round(x), y: Math.round(y), width: 1, height: 1 },
      animations: "disabled",
    });
    const blank = await this.context.newPage();
    const color = await blank.evaluate(async (data) => {
      const blob = await (await fetch(`data:image/png;base64,${data}`)).blob();
      const canvas = new OffscreenCanvas(1, 1);
      const context = canvas.getContext("2d");
      context.drawImage(await createImageBitmap(blob), 0, 0);
      return `#${[...context.getImageData(0, 0, 1, 1).data]
        .slice(0, 3)
        .map((part) => part.toString(16).padStart(2, "0"))
        .join("")}`;
    }, png.toString("base64"));
    await blank.close();
    return color;
  }

  /** The faults that axe finds. */
  async accessibilityFaults() {
    const source = readFileSync(path.join(path.dirname(library.resolve("axe-core")), "axe.min.js"), "utf8");
    await this.page.evaluate(source);
    const { violations } = await this.page.evaluate(() => window.axe.run(document));
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
    );
  }
}

/** A file of the disk, as the page gets it. */
export const photo = (file, name = path.basename(file), type = "image/jpeg") => ({
  name,
  bytes: readFileSync(file),
  type,
});

/** A file of a download. */
export async function downloaded(page, action) {
  const [download] = await Promise.all([page.waitForEvent("download"), action()]);
  return { name: download.suggestedFilename(), path: await download.path() };
}
