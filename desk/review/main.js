// The review page: a person goes through the cuts that are in doubt, the worst first. This file only connects the parts.

import { Backdrops } from "../lib/backdrops.js";
import { announce, find } from "../lib/dom.js";
import { Pictures } from "../lib/pictures.js";
import { setUpShell } from "../lib/shell.js";
import { setUpShortcuts } from "../lib/shortcuts.js";
import { texts } from "../lib/texts.js";
import { Attention } from "./attention.js";
import { BulkApproval } from "./bulk.js";
import { Correcting } from "./correcting.js";
import { CsvExport } from "./csv.js";
import { Decisions } from "./decisions.js";
import { Filters } from "./filters.js";
import { Grid } from "./grid.js";
import { Jobs, canDecide } from "./jobs.js";
import { Loader } from "./loader.js";
import { nameOf } from "./names.js";
import { Overview } from "./overview.js";
import { CORRECTABLE, Panel, REASONS } from "./panel.js";
import { Retouch, setUpDrop } from "./retouch.js";
import { Statuses } from "./statuses.js";
import { Thumbs } from "./thumbs.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("./jobs.js").Job} Job */

const { api, keyDialog, persistence } = setUpShell();
const jobs = new Jobs();
const filters = new Filters();
const statuses = new Statuses(api, persistence, jobs);
const pictures = new Pictures((/** @type {Job} */ job, status) => statuses.take(job, status), api, persistence);
const decisions = new Decisions({ api, persistence, jobs, statuses });
const loader = new Loader({ api, persistence, jobs, decisions });
const thumbs = new Thumbs(statuses);
const grid = new Grid(jobs, thumbs, open);
const viewer = new Viewer(jobs, statuses, pictures);
const attention = new Attention(viewer, pictures);
const backdrops = new Backdrops();
const panel = new Panel(jobs, viewer, { approve, reject, correct, undo, back: close, step });
const correcting = new Correcting({ api, persistence, pictures, jobs, statuses, viewer, replaced });
const retouch = new Retouch(statuses, pictures, saveLayers);
const bulk = new BulkApproval(jobs, thumbs, (several) => {
  decisions.add(several, { verdict: "approve", reason: "" });
  announce(texts.review.decided(texts.review.several(several.length), true));
});
new CsvExport(api, persistence, jobs);
new Overview({ jobs, loader, filters, decisions, bulk });

/** Whether one job is shown, and not the grid. */
const isOpen = () => document.documentElement.dataset.view === "single";

/** Shows a job, with an entry of its own in the history. @param {Job} job */
function open(job) {
  if (!isOpen()) history.pushState({ isFromGrid: true }, "", `#${job.jobId}`);
  jobs.select(job);
  route();
}

/** Whether the browser is on its way back to the grid. */
let isClosing = false;

/** Shows all jobs. */
function close() {
  // A second step back would leave the page.
  if (isClosing) return;
  // Whoever came by the address of a job has no grid to go back to.
  if (history.state?.isFromGrid) {
    isClosing = true;
    return history.back();
  }
  history.replaceState(null, "", location.pathname);
  route();
}

/** Shows what the address names: a job, or all. */
function route() {
  isClosing = false;
  const job = jobs.find(location.hash.slice(1));
  const wasOpen = isOpen();
  document.documentElement.dataset.view = job ? "single" : "grid";
  if (!job) {
    panel.stopAsking();
    correcting.leave();
    void viewer.show(null);
    return wasOpen && grid.focus();
  }
  jobs.select(job);
  show();
  if (!wasOpen) find("view", HTMLElement).focus();
}

/** Goes to a job, which takes the place of the last one in the history. @param {Job | null} job */
function go(job) {
  if (!job) return;
  panel.stopAsking();
  history.replaceState(history.state, "", `#${job.jobId}`);
  jobs.select(job);
  show();
}

function show() {
  const job = jobs.selected;
  correcting.leave();
  panel.show(job);
  retouch.show(job);
  attention.show(job);
  void viewer.show(job);
}

/** @param {number} distance */
function step(distance) {
  const job = jobs.at(distance);
  if (isOpen() && job !== jobs.selected) go(job);
}

/** @param {import("./jobs.js").Choice} choice */
function decide(choice) {
  const job = jobs.selected;
  if (isOpen() && job?.isCutting) announce(texts.correct.wait);
  if (!isOpen() || !job || !canDecide(job)) return;
  panel.stopAsking();
  decisions.add([job], choice);
  const next = jobs.nextWaiting();
  announce(texts.review.decided(nameOf(job), choice.verdict === "approve"));
  if (next) go(next);
  else if (!loader.isLoading) close();
}

function approve() {
  decide({ verdict: "approve", reason: "" });
}

/** Whether the cut of the shown job can be corrected. */
const isCorrectable = () => isOpen() && jobs.selected !== null && CORRECTABLE.includes(jobs.selected.step);

function correct() {
  if (isCorrectable()) void correcting.toggle();
}

/** Saves the file of the shown job that has layers. */
function saveLayers() {
  if (isOpen() && jobs.selected) void retouch.save(jobs.selected);
}

/** Shows the job that corrects the shown one, in its place. @param {Job} job */
function replaced(job) {
  // The address of the grid names no job.
  if (isOpen()) history.replaceState(history.state, "", `#${job.jobId}`);
  jobs.select(job);
  panel.show(job);
}

/** @param {string} reason */
function reject(reason) {
  decide({ verdict: "reject", reason });
}

function undo() {
  const back = decisions.undo();
  const [job] = back;
  if (!job) return;
  announce(texts.review.takenBack(back.length > 1 ? texts.review.several(back.length) : nameOf(job)));
  // The filters may hide it.
  if (jobs.find(job.jobId) !== job) return;
  if (isOpen()) go(job);
  else if (back.length === 1) open(job);
}

/** @type {(across: number, down: number) => void} */
function arrow(across, down) {
  if (!isOpen()) return;
  if (viewer.isFit) step(-across || -down);
  else viewer.pan(across, down);
}

viewer.addEventListener("shown", () => {
  panel.show(jobs.selected);
  attention.show(jobs.selected);
  const next = jobs.nextWaiting();
  if (next && isOpen()) void viewer.prepare(next);
});
viewer.addEventListener("overlays", () => panel.show(jobs.selected));
jobs.on(["changed"], (job) => {
  if (job !== jobs.selected || !isOpen()) return;
  panel.show(job);
  attention.show(job);
});
// Another picture may have taken the place of the one that was seen.
decisions.addEventListener("refused", () => {
  if (isOpen() && jobs.selected?.seen === 0) void viewer.show(jobs.selected, true);
});
jobs.on(["listed"], () => {
  // The job of an address that was opened may come with a later page.
  if (isOpen()) panel.show(jobs.selected);
  else if (location.hash) route();
});
thumbs.addEventListener("foreign", (event) => {
  const line = find("notice", HTMLElement);
  line.textContent = event instanceof CustomEvent ? texts.foreignLinks(event.detail) : "";
  line.hidden = false;
});
filters.addEventListener("changed", () => void loader.load(filters));
keyDialog.addEventListener("account", () => void loader.load(filters));
window.addEventListener("popstate", route);
window.addEventListener("beforeunload", (event) => {
  if (decisions.isBusy || correcting.isBusy) event.preventDefault();
});

/** An action for the single view alone. @type {(action: () => void) => () => void} */
const single = (action) => () => {
  if (isOpen()) action();
};

setUpDrop((files) => {
  if (isCorrectable()) void correcting.cutByFile(files);
});

setUpShortcuts({
  rows: texts.review.keys,
  more: { title: texts.review.correctKeysTitle, rows: texts.review.correctKeys },
  original: (isHeld) => viewer.showOriginal(isHeld && isOpen()),
  keys: {
    a: approve,
    r: single(() => panel.askReason()),
    e: correct,
    t: saveLayers,
    ...Object.fromEntries(REASONS.map((reason, index) => [index + 1, single(() => panel.isAsking && reject(reason))])),
    u: undo,
    escape: single(() => (panel.isAsking ? panel.stopAsking() : close())),
    arrowleft: () => arrow(1, 0),
    arrowright: () => arrow(-1, 0),
    arrowup: () => arrow(0, 1),
    arrowdown: () => arrow(0, -1),
    j: () => step(1),
    k: () => step(-1),
    "+": single(() => void viewer.zoom("in")),
    "=": single(() => void viewer.zoom("in")),
    "-": single(() => void viewer.zoom("out")),
    0: single(() => void viewer.zoom("fit")),
    z: single(() => void viewer.toggleZoom()),
    c: single(() => viewer.compare()),
    b: single(() => backdrops.next()),
    m: single(() => void viewer.toggle("matte")),
    p: single(() => backdrops.togglePath()),
    w: single(() => void viewer.toggle("marks")),
    n: single(() => attention.toggle()),
  },
});

void keyDialog.check();
