// Modules that need no document.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { Limit } from "../lib/limit.js";
import { Pictures } from "../lib/pictures.js";
import { ZipWriter, crc32, safeName } from "../lib/zip.js";
import { Placement } from "../lib/placement.js";
import { texts } from "../lib/texts.js";
import { canApprove } from "../review/bulk.js";
import { isEmpty } from "../review/jobs.js";
import { markBand } from "../review/marks.js";
import { ordered } from "../review/order.js";
import { table } from "../review/table.js";
import { command, quoted } from "../try/curl.js";
import { PYTHON } from "./support/settings.js";

test("other programs read a ZIP", async () => {
  const zip = new ZipWriter();
  await zip.add("café ☕.png", new Blob(["first"]));
  await zip.add("same.png", new Blob(["second"]));
  await zip.add("Same.png", new Blob(["third"]));
  await zip.add("../../etc/passwd", new Blob([new Uint8Array(100_000)]));
  await zip.add("empty", new Blob([]));
  const folder = mkdtempSync(path.join(tmpdir(), "cutline-zip-"));
  const file = path.join(folder, "all.zip");
  writeFileSync(file, Buffer.from(await zip.finish().arrayBuffer()));
  const script =
    "import json, sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; " +
    "print(json.dumps([[i.filename, i.file_size, i.CRC] for i in z.infolist()]))";
  const listed = JSON.parse(execFileSync(PYTHON, ["-c", script, file], { encoding: "utf8" }));
  rmSync(folder, { recursive: true });
  const names = listed.map(([name]) => name);
  assert.deepEqual(names, ["café ☕.png", "same.png", "Same (2).png", "__.._etc_passwd", "empty"]);
  assert.deepEqual(
    listed.map(([, size]) => size),
    [5, 6, 5, 100_000, 0],
  );
  assert.equal(listed[0][2], crc32(new TextEncoder().encode("first")));
});

test("a draft without a subject is left out of an approval of all, until it has one", () => {
  const job = (listed, status = null) => ({ listed, status, step: "waiting", isCutting: false });
  const place = (reason) => ({ attention: [{ reason }] });
  assert.deepEqual([isEmpty(job({})), canApprove(job({}))], [false, true]);
  const empty = job({ empty_draft: true });
  assert.deepEqual([isEmpty(empty), canApprove(empty)], [true, false]);
  assert.equal(canApprove(job({ empty_draft: true }, place("no_subject"))), false);
  assert.equal(canApprove(job({ empty_draft: true }, place("low_contrast"))), true, "it was corrected since");
  assert.equal(canApprove(job({ empty_draft: true }, {})), true, "it was corrected since");
  assert.equal(canApprove({ ...job({}), isCutting: true }), false);
  assert.equal(canApprove({ ...job({}), step: "decided" }), false);
  const text = (empty, isSample) => texts.review.bulkText([0.2, 0.9], empty, isSample);
  assert.match(text(0, false), /from 20\s?% to 90\s?%, also those that you have not looked at:$/);
  assert.match(text(0, true), / not looked at\. A sample:$/);
  assert.match(text(1, false), / not looked at\. Left out: 1 job without a subject, to correct or reject\.$/);
  assert.match(text(3, true), /Left out: 3 jobs without a subject, to correct or reject\. A sample:$/);
});

test("a link that has expired is replaced before it is followed", async () => {
  const at = (seconds) => new Date(Date.now() + seconds * 1_000).toISOString();
  const of = (name, seconds) => ({
    final_urls: { background: `https://store.example/${name}.png` },
    expires_at: at(seconds),
  });
  const followed = [];
  const api = {
    status: async () => of("new", 60),
    file: async (link) => {
      followed.push(link);
      return new Response("a picture");
    },
  };
  const pictures = new Pictures((item, status) => (item.status = status), api, { run: (step) => step() });
  for (const [jobId, status] of [
    ["expired", of("old", -1)],
    ["valid", of("valid", 60)],
  ]) {
    assert.equal(await (await pictures.get({ jobId, status }, "background")).text(), "a picture");
  }
  assert.deepEqual(followed, ["https://store.example/new.png", "https://store.example/valid.png"]);
});

test("the checksum is the one of the standard", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});

test("names are safe on every system", () => {
  for (const [name, safe] of [
    ["a/b\\c:d.png", "a_b_c_d.png"],
    ["..", "_"],
    ["", "_"],
    ["<img>.png", "_img_.png"],
    ["end. ", "end_"],
  ]) {
    assert.equal(safeName(name), safe);
  }
});

test("a shell reads a command as it was meant", () => {
  for (const word of ["plain.jpg", 'it\'s; rm -rf $HOME `ls` "x"', "-F", "new\nline", "\\", "*"]) {
    assert.equal(execFileSync("sh", ["-c", `printf %s ${quoted(word)}`], { encoding: "utf8" }), word);
  }
  const text = command(
    (route) => `http://127.0.0.1/api/v1/${route}`,
    'a";b.jpg',
    { mode: "params", params: "my-shop", crop: "subject" },
    "",
  );
  assert.ok(text.includes(`-F 'file=@"a\\";b.jpg"' \\\n  -F mode=params \\\n  -F params=my-shop \\\n  -F crop=subject`), text);
  assert.ok(text.includes("$KEY") && text.includes("job_id=JOB_ID"), text);
  const masked = (settings) => command((route) => route, "a.jpg", { mode: "clipping", ...settings }, "");
  const mask = new File(["m"], "it's a mask.png");
  assert.ok(masked({ mask }).includes(`-F 'mask=@"it'\\''s a mask.png"'`), masked({ mask }));
  assert.ok(masked({ mask_source: "path" }).includes("-F mask_source=path"));
});

test("zooming keeps the point under the pointer", () => {
  const placement = new Placement();
  placement.resize({ x: 1000, y: 800 }, { x: 4000, y: 3000 });
  assert.ok(placement.isFit && placement.scale < 0.25 && placement.offset.x >= 24, "fits with a margin");
  placement.zoom(1, { x: 500, y: 400 });
  const before = { x: (300 - placement.offset.x) / placement.scale, y: (200 - placement.offset.y) / placement.scale };
  placement.zoom(4, { x: 300, y: 200 });
  assert.ok(
    Math.abs((300 - placement.offset.x) / 4 - before.x) < 1e-9 &&
      Math.abs((200 - placement.offset.y) / 4 - before.y) < 1e-9,
  );
  placement.move(1e6, 1e6);
  assert.deepEqual(placement.offset, { x: 0, y: 0 }, "an enlarged picture never leaves its view");
  placement.fit();
  placement.resize({ x: 400, y: 800 }, { x: 4000, y: 3000 });
  assert.ok(placement.isFit && placement.scale * 4000 <= 400, "follows the view");
});

test("another picture takes over the place of the last one", () => {
  const placement = new Placement();
  const view = { x: 1000, y: 800 };
  placement.resize(view, { x: 2000, y: 1500 });
  placement.zoom(1, { x: 300, y: 200 });
  const { x } = placement.offset;
  placement.resize(view, { x: 4000, y: 3000 }, true);
  assert.deepEqual([placement.scale, placement.isFit], [0.5, false], "as wide as before");
  assert.ok(Math.abs(placement.offset.x - x) < 1e-9);
  placement.resize(view, { x: 4000, y: 2900 }, false);
  assert.equal(placement.isFit, true, "a picture that takes over nothing is shown whole");
  placement.resize(view, { x: 400, y: 300 }, true);
  assert.ok(placement.isFit && placement.scale > 1, "a whole picture is followed by a whole one");
});

test("the most doubtful product comes first, with all its shots", () => {
  const job = (jobId, confidence, external_id) => ({ jobId, listed: { confidence, external_id } });
  const jobs = [
    job("5", 0.4),
    job("4", 0.9, "shoe"),
    job("3", 0.1, "shoe"),
    job("2", undefined, "hat"),
    job("1", 0.4),
    job("0", 0.2, "4"),
  ];
  const ids = () => ordered(jobs).map(({ jobId }) => jobId);
  assert.deepEqual(ids(), ["2", "3", "4", "0", "5", "1"], "unknown is worst, and of equals the newest is first");
  jobs.reverse();
  assert.deepEqual(ids(), ["2", "3", "4", "0", "5", "1"], "whatever the order of the pages");
  assert.deepEqual(ordered([]), []);
});

test("other programs read the hand-over list, and calculate with none of it", () => {
  const rows = [["name", "value"], ['a "cup", red', "=1+1"], ["line\nbreak", "-0.5"], [" spaced ", "@SUM(A1)"], ["größe", ""]];
  const folder = mkdtempSync(path.join(tmpdir(), "cutline-csv-"));
  const file = path.join(folder, "all.csv");
  writeFileSync(file, table(rows));
  const script = "import csv, json, sys; print(json.dumps(list(csv.reader(open(sys.argv[1], encoding='utf-8-sig', newline='')))))";
  const read = JSON.parse(execFileSync(PYTHON, ["-c", script, file], { encoding: "utf8" }));
  rmSync(folder, { recursive: true });
  assert.deepEqual(read, [rows[0], [rows[1][0], "'=1+1"], rows[2], [rows[3][0], "'@SUM(A1)"], rows[4]]);
});

test("a single pixel that is not white marks its square", () => {
  const white = (/** @type {number} */ pixels) => new Uint8ClampedArray(pixels * 4).fill(255);
  const marks = { width: 3, height: 2, data: new Uint8ClampedArray(3 * 2 * 4) };
  const band = white(5 * 2);
  band[(5 + 4) * 4 + 2] = 254;
  assert.equal(markBand(white(5 * 2), { width: 5, top: 0, square: 2 }, marks), 0);
  assert.equal(markBand(band, { width: 5, top: 2, square: 2 }, marks), 1);
  const marked = Array.from({ length: 6 }, (_, at) => marks.data[at * 4 + 3] > 0);
  assert.deepEqual(marked, [false, false, false, false, false, true]);
});

test("a limit lets the next in line in, also after a failure", async () => {
  const limit = new Limit(2);
  let now = 0;
  let most = 0;
  const task = async (/** @type {number} */ index) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 2));
    now -= 1;
    if (index % 3 === 0) throw new Error("failed");
    return index;
  };
  const results = await Promise.allSettled(Array.from({ length: 9 }, (_, index) => limit.run(() => task(index))));
  assert.equal(most, 2);
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 6);
});
