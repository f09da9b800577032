// What goes wrong, and that nothing is lost by it.

import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { Gate } from "./support/gate.js";
import { Desk, closeBrowser, openBrowser, photo } from "./support/page.js";
import { Server, freePort } from "./support/server.js";
import { example } from "./support/settings.js";

const COFFEE = photo(example("coffee.jpg"));

let server;

before(async () => {
  [server] = await Promise.all([Server.start(), openBrowser()]);
});

after(async () => {
  await closeBrowser();
  await server?.remove();
});

const withKey = (key) => ({ link: `${server.base}#key=${key}`, key: server.key });

test("a wrong key is explained, and the photo goes on with the right one", () =>
  Desk.use(withKey("ck_wrong"), {}, async (desk, page) => {
    await page.getByText("This key is not accepted").waitFor();
    await desk.drop([COFFEE]);
    await page.locator('.thumb[aria-label*="Waiting for a key"]').waitFor();
    await page.locator("#key").fill("still wrong");
    await page.locator("#key-form [type=submit]").click();
    await page.getByText("This is not a key").waitFor();
    await page.locator("#key").fill(server.key);
    await page.keyboard.press("Enter");
    await desk.ended("done");
    await page.locator("#key-dialog").waitFor({ state: "hidden" });
    await page.reload();
    await page.getByRole("button", { name: "default" }).waitFor();
    assert.equal(new URL(page.url()).hash, "", "kept in the tab, not in the address");
  }));

for (const [key, answer] of [
  ["%E2%98%83%22%3E%3Cimg%20src=x%3E", "This is not a key"],
  ["%zz%3Cimg%20src=x%3E", "This key is not accepted"],
]) {
  test(`a key with odd characters does no harm: ${key}`, () =>
    Desk.use(withKey(key), {}, async (_, page) => {
      await page.getByText(answer).waitFor();
      assert.equal(await page.locator("img[src=x]").count(), 0);
      assert.equal(new URL(page.url()).hash, "");
    }));
}

test("without a key the page asks for one", () =>
  Desk.use({ link: server.base, key: server.key }, {}, async (_, page) => {
    await page.getByRole("heading", { name: "Enter your API key" }).waitFor();
  }));

test("a server that restarts during an upload loses nothing", async () => {
  // The page reaches the server through a gate, which holds the upload half way.
  const entrance = await freePort();
  const gated = await Server.start("--public-url", `http://127.0.0.1:${entrance}`);
  const gate = new Gate(gated.port);
  await gate.open(entrance);
  try {
    await Desk.use(gated, {}, async (desk, page) => {
      await page.getByRole("button", { name: "default" }).waitFor();
      gate.isHolding = true;
      await desk.drop([COFFEE, { ...COFFEE, name: "second.jpg" }]);
      while (gate.held < 2) await page.waitForTimeout(20);
      await gated.kill();
      await page.getByText("The server does not answer").waitFor();
      assert.equal(await page.locator(".thumb").count(), 2);
      gate.isHolding = false;
      await gated.restart();
      await desk.ended("done", 2);
      await page.locator("#connection").waitFor({ state: "hidden" });
      const { jobs } = await gated.api("jobs");
      assert.deepEqual(
        jobs.map(({ status }) => status),
        ["done", "done"],
        "one job a photo",
      );
    });
  } finally {
    gate.close();
    await gated.remove();
  }
});

test("an expired link is replaced silently", () =>
  Desk.use(server, {}, async (desk, page) => {
    await page.locator("input[value=clipping]").check();
    await desk.drop([COFFEE]);
    await desk.shows("both");
    // The path is the last file that the page asks for. Without an answer, it would renew the links too early.
    await page.locator("#stage[data-has-path]").waitFor();
    // With another secret, the server refuses every link that it made before, as it does when they expire.
    await server.kill();
    rmSync(path.join(server.data, "link-secret"));
    await server.restart();
    const refused = page.waitForResponse((response) => response.url().includes("/files/") && response.status() === 403);
    await page.getByRole("radio", { name: "Soft cut-out" }).check();
    await refused;
    await desk.shows("both");
    assert.equal(await page.locator("#message").isVisible(), false);
    assert.match(await page.locator("#photo-state").innerText(), /^Cut out/);
  }));

test("photos wait while the machine is offline", () =>
  Desk.use(server, {}, async (desk, page) => {
    await page.getByRole("button", { name: "default" }).waitFor();
    await desk.context.setOffline(true);
    await desk.drop([COFFEE]);
    await page.getByText("You are offline").waitFor();
    await page.locator('.thumb[aria-label*="Waiting for the server"]').waitFor();
    await desk.context.setOffline(false);
    await desk.ended("done");
    await page.locator("#connection").waitFor({ state: "hidden" });
  }));

test("a refused file is explained in the server's words", () =>
  Desk.use(server, {}, async (desk, page) => {
    await desk.drop([{ name: "notes.txt", bytes: Buffer.from("just a text"), type: "text/plain" }]);
    await desk.ended("failed");
    await page.locator("#message", { hasText: "not a picture of a known kind" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Try again" }).count(), 0, "the same file will not do");
    await desk.drop([{ name: "empty.png", bytes: Buffer.from(""), type: "image/png" }]);
    await page.locator(".thumb").nth(1).click();
    await page.locator("#message", { hasText: "This file is empty" }).waitFor();
    await page.keyboard.press("Delete");
    assert.equal(await page.locator(".thumb").count(), 1);
  }));

test("a file that is too large is refused before it is sent", () =>
  Desk.use(server, {}, async (desk, page) => {
    await page.getByRole("button", { name: "default" }).waitFor();
    await page.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(50_000_001)], "huge.tiff", { type: "image/tiff" }));
      document.body.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
    });
    await page.locator("#message", { hasText: "This file has 50.1 MB, and the limit is 50 MB" }).waitFor();
  }));

test("without credits the page says what to do, and goes on afterwards", async () => {
  const created = server.command("keys", "create", "--owner", "poor", "--credits", "0");
  const key = /ck_\S+/.exec(created)?.[0] ?? "";
  await Desk.use({ link: `${server.base}#key=${key}`, key }, {}, async (desk, page) => {
    await page.getByRole("button", { name: "poor · 0 credits" }).waitFor();
    await desk.drop([COFFEE]);
    await page.locator("#message", { hasText: "No credits left" }).waitFor();
    server.command("owners", "set", "poor", "--credits", "+2");
    await page.getByRole("button", { name: "Try again" }).click();
    await desk.ended("done");
    await page.getByRole("button", { name: "poor · 1 credit" }).waitFor();
  });
});

test("a key that may not upload is explained", async () => {
  for (const scope of ["read", "review"]) {
    const created = server.command("keys", "create", "--owner", "default", "--scope", scope);
    const key = /ck_\S+/.exec(created)?.[0] ?? "";
    await Desk.use({ link: `${server.base}#key=${key}`, key }, {}, async (desk, page) => {
      await desk.drop([COFFEE]);
      await page.locator("#message", { hasText: "This key may not upload. Use a key of scope desk" }).waitFor();
    });
  }
});

test("a picture without a subject fails with the reason", () =>
  Desk.use(server, {}, async (desk, page) => {
    const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    await desk.drop([{ name: "dot.png", bytes: Buffer.from(png, "base64"), type: "image/png" }]);
    await desk.ended("failed");
    assert.match(await page.locator("#message").innerText(), /subject|background/i);
  }));

test("another name of this machine works as well", async () => {
  const link = `http://localhost:${server.port}/#key=${server.key}`;
  await Desk.use({ link, key: server.key }, {}, async (desk) => {
    await desk.drop([COFFEE]);
    await desk.shows("both");
  });
});

test("links to another address are explained", async () => {
  const elsewhere = await Server.start("--public-url", "http://images.example.com", "--workers", "0");
  try {
    const link = `${elsewhere.base}#key=${elsewhere.key}`;
    await Desk.use({ link, key: elsewhere.key }, {}, async (desk, page) => {
      await desk.drop([COFFEE]);
      await page.locator("#message", { hasText: "links lead to http://images.example.com" }).waitFor();
    });
  } finally {
    await elsewhere.remove();
  }
});
