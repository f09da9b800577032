// What the correction of a cut is made of, without a document.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";

import { Chooser } from "../correct/choose.js";
import { closest } from "../correct/cut.js";
import { Draft, WHOLE, boxOf, changes, hasPixels, toHint, toRoi, toStroke, wishOf } from "../correct/draft.js";
import { within } from "../correct/geodesic.js";
import { thinned } from "../correct/gesture.js";
import { enclosed, fills } from "../correct/holes.js";
import { levels } from "../correct/levels.js";
import { readMask } from "../correct/mask.js";
import { toAlpha } from "../correct/matted.js";
import { Regions, readRegions } from "../correct/regions.js";
import { Sender, bodyOf } from "../correct/send.js";
import { ApiError } from "../lib/api.js";
import { fileName, layeredOf } from "../review/retouch.js";

const WIDTH = 12;
const HEIGHT = 8;
const isIn = (at, left, top, right, bottom) => at % WIDTH >= left && at % WIDTH < right && at >= top * WIDTH && at < bottom * WIDTH;
/** A wall (0) with a sign (1) that has a letter (2), and a patch (3) in the lower right corner. */
const LABELS = Array.from({ length: WIDTH * HEIGHT }, (_, at) => (isIn(at, 4, 3, 6, 5) ? 2 : isIn(at, 2, 1, 8, 7) ? 1 : isIn(at, 10, 6, 12, 8) ? 3 : 0));
/** Letter and sign, wall and patch, all. */
const MERGES = [[2, 1, 0.2], [0, 3, 0.3], [4, 5, 0.9]];

/** A file of regions, with the steps that docs/regions.md describes. */
function file({ part = [0, 0, 65_535, 65_535], labels = LABELS, merges = MERGES, version = 1 } = {}) {
  const [steps, listed] = [[], []];
  let used = 0;
  labels.forEach((label, at) => {
    if (at % WIDTH > 0 && labels[at - 1] === label) steps.push(0);
    else if (at >= WIDTH && labels[at - WIDTH] === label) steps.push(1);
    else if (label === used) steps.push(2), (used += 1);
    else steps.push(3), listed.push(label & 255, label >> 8);
  });
  const merged = Buffer.alloc(8 * merges.length);
  merges.forEach(([one, other, height], index) => {
    merged.writeUInt16LE(one, 8 * index);
    merged.writeUInt16LE(other, 8 * index + 2);
    merged.writeFloatLE(height, 8 * index + 4);
  });
  const head = Buffer.alloc(24);
  head.write("CLRG", 0);
  head.writeUInt8(1, 4);
  part.forEach((side, index) => head.writeUInt16LE(side, 5 + 2 * index));
  head.write("CLRT", 13);
  head.writeUInt8(version, 17);
  [WIDTH, labels.length / WIDTH, merges.length + 1].forEach((number, index) => head.writeUInt16LE(number, 18 + 2 * index));
  const content = Buffer.concat([Buffer.from(steps), Buffer.from(listed), merged]);
  return Uint8Array.from(Buffer.concat([head, deflateRawSync(content)])).buffer;
}

test("a file of regions is read as it is described", async () => {
  const regions = await readRegions(file());
  assert.deepEqual([...regions.labels], LABELS);
  assert.deepEqual([regions.width, regions.height, regions.leaves], [WIDTH, HEIGHT, 4]);
  assert.deepEqual([...regions.parents], [5, 4, 4, 5, 6, 6, -1]);
  assert.deepEqual([...regions.areas], [56, 32, 4, 4, 36, 60, 96]);
  assert.deepEqual([...regions.boxes.slice(16, 20)], [2, 1, 7, 6], "the box of sign and letter");
  assert.deepEqual([...regions.ancestors(2)], [2, 4, 6]);
  assert.deepEqual([...regions.leavesOf([4])], [0, 1, 1, 0]);
  assert.deepEqual([...regions.leavesOf([5, 2])], [1, 0, 1, 1]);
});

test("regions of a part of the photo lie where the part does", async () => {
  const regions = await readRegions(file({ part: [32_768, 0, 32_767, 65_535] }));
  assert.equal(regions.pixelAt({ x: 0.4, y: 0.5 }), -1);
  assert.equal(regions.labels[regions.pixelAt({ x: 0.5 + 0.5 * (5 / WIDTH), y: 4 / HEIGHT })], 2);
  assert.equal(regions.pixelAt({ x: 1, y: 1 }), WIDTH * HEIGHT - 1);
});

test("damaged files and other versions are refused", async () => {
  const sound = new Uint8Array(file());
  const damaged = [file({ version: 2 }), sound.slice(0, 20).buffer, sound.slice(0, -12).buffer, file({ merges: [[2, 1, 0.2], [0, 3, 0.3], [4, 4, 0.9]] }), file({ labels: LABELS.map((label) => label + 9) })];
  for (const bytes of damaged) await assert.rejects(readRegions(bytes));
});

/** The networks take the sign, its letter and the patch for subject, and a pixel of the wall. */
const subject = () => Uint8Array.from(LABELS, (label, at) => (label === 0 && at > 0 ? 0 : 1));
const at = (x, y) => ({ x: (x + 0.5) / WIDTH, y: (y + 0.5) / HEIGHT });
const plain = () => new Uint8ClampedArray(4 * WIDTH * HEIGHT);

test("a click means a region, and its radius another one", async () => {
  const regions = await readRegions(file());
  const chooser = new Chooser(regions, subject(), plain);
  const { chain, best } = chooser.choices(at(4, 3), "remove", []);
  assert.deepEqual([chain, best], [[2, 4], 1], "more than nine tenths of the subject is no answer");
  for (const node of chain) {
    const hint = { kind: "remove", points: [at(4, 3)], radius: chooser.radiusOf(node) };
    assert.deepEqual(chooser.select(hint, []), { nodes: [node], pixels: [] }, "what lights up is what changes");
  }
  const keep = { kind: "keep", points: [at(2, 1)] };
  assert.deepEqual(chooser.choices(at(4, 3), "remove", [keep]).chain, [2], "not what an earlier hint keeps");
  assert.equal(chooser.isWrong(regions.pixelAt(at(1, 0)), "keep"), true);
});

test("a stroke means what it crosses, as wide as it is long", async () => {
  const chooser = new Chooser(await readRegions(file()), subject(), plain);
  const long = chooser.select({ kind: "remove", points: [at(4, 3), at(11, 7)] }, []);
  assert.deepEqual(long.nodes.toSorted(), [0, 3, 4]);
  assert.deepEqual(chooser.changing(long, "remove").nodes.toSorted(), [3, 4], "the wall is background already");
  assert.deepEqual(chooser.select({ kind: "remove", points: [at(4, 3), at(5, 4)] }, []).nodes, [2]);
});

test("a subject that nothing divides is cut by distance", async () => {
  const labels = LABELS.map(() => 0);
  const chooser = new Chooser(await readRegions(file({ labels, merges: [] })), new Uint8Array(labels.length).fill(1), plain);
  const { nodes, pixels } = chooser.select({ kind: "remove", points: [at(6, 4)], radius: 2 / WIDTH }, []);
  assert.deepEqual([nodes.length, pixels.length], [0, 13], "a diamond with a reach of two pixels");
  const half = await readRegions(file({ labels, merges: [], part: [0, 0, 32_768, 65_535] }));
  const inHalf = new Chooser(half, new Uint8Array(labels.length).fill(1), plain).select({ kind: "remove", points: [{ x: 0.26, y: 0.55 }] }, []);
  assert.equal(inHalf.pixels.length, 1, "without a radius it reaches as far as the part is large");
  const colors = plain().map((_, index) => (Math.floor(index / 4) % WIDTH < 6 ? 255 : 0));
  const reached = within(colors, WIDTH, { seeds: [4 * WIDTH + 6], rivals: [4 * WIDTH + 8] }, 5);
  assert.ok(reached.every((pixel) => pixel % WIDTH >= 6 && pixel % WIDTH <= 7), "neither beyond the edge nor closer to the other hint");
});

/** The answers of the server: a test of `regions::select` compares them with its rules. */
const FIXTURE = new URL("../../shared/imaging/src/regions/select/fixture.json", import.meta.url);

/** The digits of all rows. */
const digits = (rows, radix) => [...rows.join("")].map((digit) => parseInt(digit, radix));

test("hints mean what they mean on the server", () => {
  let compared = 0;
  for (const { labels, merges, grays, scenes } of JSON.parse(readFileSync(FIXTURE, "utf8"))) {
    const leaves = digits(labels, 10);
    const [width, height] = [labels[0].length, labels.length];
    const merged = merges.map(([one, other, strength]) => ({ nodes: [one, other], height: strength }));
    const regions = new Regions({ left: 0, top: 0, width: 1, height: 1 }, width, Uint16Array.from(leaves), merged);
    const shades = grays ? digits(grays, 16) : leaves.map(() => 0);
    const colors = Uint8ClampedArray.from(shades.flatMap((gray) => [17 * gray, 17 * gray, 17 * gray, 255]));
    for (const { what, subject, flipped = [], strokes } of scenes) {
      const isSubject = Uint8Array.from(leaves, (leaf, pixel) => Number(subject.includes(leaf) !== flipped.includes(pixel)));
      const chooser = new Chooser(regions, isSubject, () => colors);
      const earlier = [];
      for (const { kind, points, radius, nodes, pixels } of strokes) {
        const stroke = { kind, points: points.map(([x, y]) => ({ x: x / width, y: y / height })), ...(radius && { radius: radius / Math.max(width, height) }) };
        const sorted = (numbers) => numbers.toSorted((one, other) => one - other);
        const selection = chooser.select(stroke, earlier);
        assert.deepEqual({ nodes: sorted(selection.nodes), pixels: sorted(selection.pixels) }, { nodes, pixels }, `${what}, stroke ${earlier.length}`);
        if (points.length === 1 && !radius) {
          const { chain, best } = chooser.choices(stroke.points[0], kind, earlier);
          assert.deepEqual(best < 0 ? [] : [chain[best]], nodes, `${what}: the page lights up what the click will mean`);
        }
        const inside = regions.leavesOf(nodes);
        chooser.reset(chooser.subject.map((old, pixel) => (inside[leaves[pixel]] || pixels.includes(pixel) ? Number(kind === "keep") : old)));
        earlier.push(stroke);
        compared += 1;
      }
    }
  }
  assert.ok(compared >= 50, `${compared} strokes`);
});

test("the wheel goes through regions that differ", () => {
  const areas = [10, 11, 12, 20, 21, 40];
  const chain = areas.map((_, index) => index);
  assert.deepEqual(levels(chain, 3, (node) => areas[node]), [2, 3, 5]);
  assert.deepEqual(levels([], -1, () => 0), []);
});

test("a draft is undone and redone step by step", () => {
  const draft = new Draft(wishOf({ hints: [{ kind: "keep", points: [[1, 2]] }] }));
  let changed = 0;
  draft.addEventListener("changed", () => (changed += 1));
  const hint = (kind, x) => ({ kind, points: [[`${x}%`, "5%"]] });
  draft.add(hint("remove", 1));
  draft.add(hint("remove", 2));
  draft.change({ roi: "0% 0% 50% 50%" });
  draft.change({ roi: "0% 0% 50% 50%" });
  assert.equal(changed, 3, "what changes nothing is no step");
  draft.undo();
  draft.undo();
  assert.deepEqual([draft.wish.hints.length, draft.wish.roi], [2, WHOLE]);
  draft.redo();
  assert.equal(draft.wish.hints.length, 3);
  draft.replaceLast({ ...hint("remove", 2), radius: "9%" });
  assert.deepEqual([draft.wish.hints.at(-1).radius, draft.wish.hints.length], ["9%", 3]);
  draft.undo();
  assert.equal(draft.wish.hints.length, 2, "another size of the last click is one step with it");
  draft.add(hint("keep", 3));
  assert.equal(draft.canRedo, false);
  draft.undo();
  draft.undo();
  assert.deepEqual([draft.wish.hints.length, draft.canUndo, draft.canStartOver], [1, false, true]);
});

test("a hint takes the place of another kind at the same point", () => {
  const draft = new Draft(wishOf({ hints: [{ kind: "keep", points: [["1%", "2%"], ["3%", "4%"]] }, { kind: "keep", points: [["1%", "2%"]] }] }));
  draft.add({ kind: "remove", points: [["1%", "2%"]] });
  assert.deepEqual(draft.wish.hints, [{ kind: "keep", points: [["3%", "4%"]] }, { kind: "remove", points: [["1%", "2%"]] }]);
  const full = new Draft(wishOf({ hints: Array.from({ length: 100 }, (_, index) => ({ kind: "keep", points: [[index, 1]] })) }));
  assert.equal(full.add({ kind: "keep", points: [["1%", "1%"]] }), false);
});

test("a recut names what changes, and nothing else", () => {
  const from = wishOf({ roi: "1 2 3 4" });
  const hints = [{ kind: "remove", points: [["1%", "2%"]] }];
  assert.deepEqual(changes(from, { ...from, hints }), { hints });
  assert.deepEqual(changes({ ...from, hints }, from), { hints: [] });
  assert.deepEqual(changes(from, { ...from, roi: WHOLE, holes: "open" }), { roi: WHOLE, holes: "open" });
  assert.deepEqual(changes(from, wishOf({ roi: "1 2 3 4" })), {});
});

test("the first wish takes a cut by a mask back to the networks, and undo returns the mask", () => {
  const draft = new Draft(wishOf({ mask_source: "path" }));
  const begun = draft.wish;
  const hint = { kind: "remove", points: [["1%", "2%"]] };
  draft.add(hint);
  assert.deepEqual(changes(begun, draft.wish), { hints: [hint], mask_source: "auto" });
  draft.undo();
  assert.deepEqual([changes(begun, draft.wish), draft.canStartOver], [{}, true]);
  const [masked, networks] = [{ wish: begun }, { wish: wishOf(undefined) }];
  assert.equal(closest([networks, masked], begun).base, masked);
  assert.equal(closest([networks, masked], wishOf({ hints: [hint] })).base, networks);
});

test("a mask as a file is a step, and the hints before it come back with undo", () => {
  const hint = { kind: "remove", points: [["1%", "2%"]] };
  const draft = new Draft(wishOf({ hints: [hint] }));
  const networks = draft.wish;
  const [one, other] = [new File(["one"], "one.png"), new File(["other"], "other.png")];
  draft.cutByFile(one);
  const first = draft.wish;
  assert.deepEqual([draft.isMasked, changes(networks, first)], [true, { mask_source: "file", mask: one }]);
  draft.cutByFile(other);
  assert.deepEqual(changes(first, draft.wish), { mask: other }, "another file is another cut");
  draft.undo();
  assert.equal(changes({ ...first, mask: other }, draft.wish).mask, one, "the server keeps the last one only");
  draft.undo();
  assert.deepEqual([draft.isMasked, changes(first, draft.wish)], [false, { mask_source: "auto" }]);
  draft.redo();
  assert.equal(draft.wish.mask, one);
  draft.cutBy("path");
  assert.deepEqual(changes(first, draft.wish), { mask_source: "path" });
  const bases = [{ wish: networks }, { wish: first }, { wish: { ...first, mask: other } }];
  assert.equal(closest(bases, first).base, bases[1]);
});

test("undo ends where the page never had the mask", () => {
  const draft = new Draft(wishOf({ mask_source: "file" }));
  draft.cutByFile(new File(["new"], "new.png"));
  assert.equal(draft.canUndo, false, "the server has replaced the mask before");
  const later = new Draft(wishOf({ mask_source: "file" }));
  later.cutBy("auto");
  assert.deepEqual([later.canUndo, later.isMasked], [true, false]);
  later.cutByFile(new File(["new"], "new.png"));
  later.undo();
  assert.deepEqual([later.canUndo, later.isMasked], [false, false]);
});

test("the path moves whatever the photo is cut by", () => {
  const draft = new Draft(wishOf({ mask_source: "path" }, 0.5));
  const begun = draft.wish;
  draft.inset(0.5);
  assert.equal(draft.canUndo, false, "what changes nothing is no step");
  draft.inset(1.2);
  assert.deepEqual([changes(begun, draft.wish), draft.isMasked], [{ path_inset: 1.2 }, true]);
  const mask = new File(["mask"], "mask.png");
  draft.cutByFile(mask);
  const masked = draft.wish;
  draft.inset(0);
  assert.deepEqual(changes(masked, draft.wish), { path_inset: 0 }, "the mask is not sent again");
  draft.add({ kind: "keep", points: [["1%", "1%"]] });
  assert.equal(draft.wish.path_inset, 0, "a click leaves the path where it is");
  const [near, far] = [{ wish: wishOf(undefined, 0) }, { wish: wishOf(undefined, 2) }];
  assert.equal(closest([near, far], wishOf(undefined, 0)).base, near);
  assert.equal(closest([near, far], wishOf(undefined, 1)).base, far, "the last one");
  assert.equal(new Draft(wishOf(undefined, 1)).canStartOver, false, "the path is no correction of the cut");
});

test("filling holes takes what the subject encloses", () => {
  const rows = ["........", ".#####..", ".#...#..", ".#.#.##.", ".#####.#", "......#.", "..##...."];
  const subject = Uint8Array.from(rows.join(""), (character) => (character === "#" ? 1 : 0));
  const pixels = enclosed(subject, 8).map((at) => [at % 8, Math.floor(at / 8)]);
  assert.deepEqual(pixels, [[2, 2], [3, 2], [4, 2], [2, 3], [4, 3], [6, 4]], "corners alone let nothing through");
  const [auto, keep] = [wishOf(undefined), wishOf({ holes: "keep" })];
  const removed = wishOf({ hints: [{ kind: "remove", points: [[1, 2]] }] });
  assert.deepEqual([fills(auto, keep), fills(keep, keep), fills(keep, auto), fills(removed, { ...removed, holes: "keep" })], [true, false, false, false]);
});

test("a mask counts by its transparency, or else by how light it is", () => {
  const gray = Uint8ClampedArray.of(0, 0, 0, 255, 255, 255, 255, 255, 100, 100, 100, 255, 0, 255, 0, 255);
  toAlpha(gray);
  assert.deepEqual([3, 7, 11, 15].map((at) => gray[at]), [0, 255, 100, 182]);
  const cutOut = Uint8ClampedArray.of(255, 255, 255, 0, 0, 0, 0, 255, 9, 9, 9, 7);
  const before = [...cutOut];
  toAlpha(cutOut);
  assert.deepEqual([...cutOut], before, "its colors do not count");
});

test("a recut with a mask is a form, and any other one JSON", () => {
  const hints = [{ kind: "remove", points: [["1%", "2%"]] }];
  assert.deepEqual(bodyOf(2, { hints }), { revision: 2, hints });
  assert.deepEqual(bodyOf(0, { holes: "open" }), { holes: "open" });
  const form = bodyOf(3, { hints, mask_source: "file", mask: new File(["m"], "mask.png") });
  assert.ok(form instanceof FormData);
  assert.deepEqual([...form.keys()], ["revision", "hints", "mask_source", "mask"]);
  assert.deepEqual([form.get("revision"), JSON.parse(form.get("hints")), form.get("mask").name], ["3", hints, "mask.png"]);
  assert.equal(bodyOf(0, { mask: new File(["m"], "mask.png") }).has("revision"), false);
});

/** Stands in for the browser's upload. Its answers are the statuses of `answers`, and then 200. @type {(answers: number[], sent: object[]) => object} */
const fakeRequest = (answers, sent) =>
  class {
    #listeners = new Map();
    #url = "";
    upload = { addEventListener: () => {} };
    responseText = "{}";
    status = 0;
    open = (method, url) => (this.#url = `${method} ${url}`);
    setRequestHeader = () => {};
    getResponseHeader = () => null;
    addEventListener = (name, listener) => this.#listeners.set(name, listener);
    send(file) {
      sent.push({ to: this.#url, bytes: file.size });
      this.status = answers.shift() ?? 200;
      queueMicrotask(() => this.#listeners.get("load")());
    }
  };

/** Corrects a job by this mask. Returns the uploads and the body of the recut. */
async function cutByMask(context, size, { answers = [], grant } = {}) {
  const base = "https://desk.example/";
  const uploads = [];
  const fakes = { document: { baseURI: base, querySelector: () => null }, location: new URL(base), XMLHttpRequest: fakeRequest(answers, uploads) };
  for (const [name, value] of Object.entries(fakes)) {
    const before = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    context.after(() => (before ? Object.defineProperty(globalThis, name, before) : Reflect.deleteProperty(globalThis, name)));
  }
  const job = { jobId: "one", status: null };
  let grants = 0;
  let body = null;
  const api = {
    grant: grant ?? (async () => ({ file_key: `key-${(grants += 1)}`, upload_url: `${base}uploads/${grants}`, headers: {} })),
    recut: async (id, given) => {
      body = given;
      return { job_id: id };
    },
    status: async () => ({ status: "pending_review", state: "pending", draft: { revision: 2 } }),
  };
  const jobs = { change: (of, changes) => Object.assign(of, changes) };
  const sender = new Sender({ api, persistence: { run: (step) => step() }, jobs, statuses: { take: (of, status) => (of.status = status) } });
  const mask = new File([new Uint8Array(size)], "mask.png", { type: "image/png" });
  const begun = { revision: 1, wish: wishOf(undefined) };
  await new Promise((resolve, reject) => {
    sender.addEventListener("ended", resolve);
    sender.addEventListener("failed", () => reject(new Error(job.problem)));
    sender.want(job, begun, { ...begun.wish, mask_source: "file", mask });
  });
  return { uploads, body };
}

test("a large mask is uploaded by a link of its own, and a small one comes with the recut", async (context) => {
  const small = await cutByMask(context, 4_000_000);
  assert.deepEqual(small.uploads, []);
  assert.deepEqual([small.body.get("revision"), small.body.get("mask").size], ["1", 4_000_000]);
  const large = await cutByMask(context, 4_000_001);
  assert.deepEqual(large.uploads, [{ to: "PUT https://desk.example/uploads/1", bytes: 4_000_001 }]);
  assert.deepEqual(large.body, { revision: 1, mask_source: "file", mask_key: "key-1" });
});

test("a mask whose link is refused gets another one", async (context) => {
  const { uploads, body } = await cutByMask(context, 5_000_000, { answers: [403] });
  assert.deepEqual([uploads.length, body.mask_key], [2, "key-2"]);
});

test("with a key that may not upload, a large mask comes with the recut", async (context) => {
  const grant = async () => {
    throw new ApiError(403, { error: "forbidden" }, () => null);
  };
  const { uploads, body } = await cutByMask(context, 5_000_000, { grant });
  assert.deepEqual([uploads.length, body.get("mask").size], [0, 5_000_000]);
});

test("a mask is read at once, and refused if it is empty, too large or gone", async () => {
  const mask = await readMask(new File(["mask"], "mask.png", { type: "image/png" }), 4);
  assert.deepEqual([await mask.text(), mask.name, mask.type], ["mask", "mask.png", "image/png"]);
  await assert.rejects(readMask(new File([], "mask.png"), 4), /empty/);
  await assert.rejects(readMask(new File([new Uint8Array(2_100_000)], "mask.png"), 2_000_000), /2.1 MB, and the limit is 2 MB/);
  const gone = { name: "mask.png", type: "", size: 3, arrayBuffer: () => Promise.reject(new Error("gone")) };
  await assert.rejects(readMask(gone, 4), /moved on your disk/);
});

test("the file for a retoucher is the result, if that has layers", () => {
  const url = (name) => `https://host.invalid/${name}?signature=x`;
  const job = (mode, names) => ({ listed: { mode }, status: { draft: { final_urls: Object.fromEntries(names.map((name) => [name.split(".")[0], url(name)])) } } });
  assert.equal(layeredOf(job("clipping", ["background.psd", "clipping.psd"])), "clipping");
  assert.equal(layeredOf(job("params", ["clipping.png", "compose.psb"])), "compose");
  assert.equal(layeredOf(job("clipping", ["clipping.png"])), undefined);
  assert.equal(layeredOf({ listed: { mode: "clipping" }, status: { draft: { final_url: url("cut.psd") } } }), "final");
});

test("the name of the file for a retoucher has the job's id", () => {
  const status = { draft: { final_url: "https://host.invalid/cut.psb?signature=x" } };
  const jobId = "019cdc54-2673-7c32-b9e5-6e1d36cc9e8a";
  const name = (external_id) => fileName({ jobId, listed: { mode: "clipping", external_id }, status }, "final");
  assert.equal(name(undefined), `${jobId}.psb`);
  assert.equal(name("shoes/größe 42"), `shoes-größe-42-${jobId}.psb`);
});

test("coordinates of the API are pixels or percentages", () => {
  const size = { x: 400, y: 200 };
  const stroke = { kind: "keep", points: [{ x: 0.123456789, y: 1 }], radius: 0.1 };
  assert.deepEqual(toHint(stroke), { kind: "keep", points: [["12.34568%", "100%"]], radius: "10%" });
  assert.deepEqual(toStroke({ kind: "keep", points: [[100, "50%"]], radius: 40 }, size), { kind: "keep", points: [{ x: 0.25, y: 0.5 }], radius: 0.1 });
  assert.deepEqual(toStroke({ kind: "keep", points: [["1%", 2]], radius: null }, size).radius, undefined);
  assert.equal(toRoi({ x: 0.9, y: 0.1 }, { x: 0.2, y: 0.6 }), "20% 10% 90% 60%");
  assert.deepEqual(boxOf("100 10% 900 100%", size), { left: 0.25, top: 0.1, right: 1, bottom: 1 });
  assert.deepEqual([hasPixels(wishOf(undefined)), hasPixels(wishOf({ roi: "1 2% 3% 4%" })), hasPixels(wishOf({ hints: [{ kind: "keep", points: [["1%", 2]] }] }))], [false, true, true]);
});

test("undo goes back to the picture that the server made", () => {
  const hint = (x) => ({ kind: "remove", points: [[`${x}%`, "1%"]] });
  const base = (revision, ...hints) => ({ revision, wish: wishOf({ hints }) });
  const bases = [base(1), base(2, hint(1)), base(3, hint(1), hint(2))];
  const of = (...hints) => {
    const found = closest(bases, wishOf({ hints }));
    return [found.base.revision, found.missing.length];
  };
  assert.deepEqual([of(), of(hint(1)), of(hint(1), hint(2), hint(3)), of(hint(3))], [[1, 0], [2, 0], [3, 1], [1, 1]]);
  assert.equal(closest(bases, { ...wishOf(undefined), holes: "open" }), null);
  const framed = [...bases, { revision: 4, wish: { ...bases[2].wish, roi: "10% 10% 90% 90%" } }];
  assert.equal(closest(framed, bases[2].wish).base.revision, 3, "a frame that is undone took something away");
  assert.equal(closest(framed, framed[3].wish).base.revision, 4);
  assert.equal(closest(framed.slice(3), bases[2].wish), null);
});

test("a long stroke keeps its ends and few points", () => {
  const points = Array.from({ length: 500 }, (_, index) => ({ x: index / 500, y: 0 }));
  const few = thinned(points);
  assert.ok(few.length <= 48);
  assert.deepEqual([few[0], few.at(-1)], [points[0], points[499]]);
  assert.equal(thinned(few), few);
});

test("a recut names the revision whose picture was corrected, whatever else the page learns", async () => {
  const hint = (x) => ({ kind: "remove", points: [[`${x}%`, "1%"]] });
  const held = (revision) => ({ status: "pending_review", state: "pending", draft: { revision } });
  // Fresh links came with the revision of somebody else.
  const job = { jobId: "one", status: held(7) };
  const sent = [];
  const api = {
    recut: async (id, body) => {
      sent.push(body);
      return { job_id: id };
    },
    status: async () => held(sent.at(-1).revision + 1),
  };
  const jobs = { change: (of, changes) => Object.assign(of, changes) };
  const sender = new Sender({ api, persistence: { run: (step) => step() }, jobs, statuses: { take: (of, status) => (of.status = status) } });
  const begun = { revision: 2, wish: wishOf(undefined) };
  sender.want(job, begun, wishOf({ hints: [hint(1)] }));
  sender.want(job, begun, wishOf({ hints: [hint(1), hint(2)] }));
  assert.deepEqual([sender.isBusy, job.isCutting], [true, true]);
  await new Promise((resolve) => {
    sender.addEventListener("made", () => sender.want(job, begun, wishOf(undefined)), { once: true });
    sender.addEventListener("ended", resolve);
  });
  assert.deepEqual(sent, [{ revision: 2, hints: [hint(1), hint(2)] }, { revision: 3, hints: [] }]);
  assert.deepEqual([sender.isBusy, job.isCutting, job.status.draft.revision], [false, false, 4]);
});
