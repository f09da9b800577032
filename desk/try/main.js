// The try page: photos go in on one side, and cut-outs come out on the other. This file only connects the parts.

import { Backdrops } from "../lib/backdrops.js";
import { announce, find } from "../lib/dom.js";
import { Pictures } from "../lib/pictures.js";
import { setUpShell } from "../lib/shell.js";
import { setUpShortcuts } from "../lib/shortcuts.js";
import { texts } from "../lib/texts.js";
import { Details } from "./details.js";
import { Downloads } from "./downloads.js";
import { setUpIntake } from "./intake.js";
import { Photos, isPending } from "./photos.js";
import { Runner } from "./runner.js";
import { SettingsForm } from "./settings.js";
import { Strip } from "./strip.js";
import { Thumbnails } from "./thumbnails.js";
import { Viewer } from "./viewer.js";

const { api, keyDialog, persistence } = setUpShell();
const settings = new SettingsForm();
const photos = new Photos();
const runner = new Runner(photos, api, persistence);
const pictures = new Pictures((/** @type {import("./photos.js").Photo} */ photo, status) => photos.change(photo, { status }), api, persistence);
const thumbnails = new Thumbnails(photos, pictures);
const viewer = new Viewer(pictures);
const downloads = new Downloads(photos, pictures);
const backdrops = new Backdrops();
const run = (/** @type {import("./photos.js").Photo} */ photo) => void runner.run(photo);
const details = new Details({ photos, settings, api, run });
new Strip(photos);
photos.on(["added"], (photo) => thumbnails.add(photo));

setUpIntake(({ files, skipped }) => {
  const note = files.length === 0 ? texts.noPictures : skipped > 0 ? texts.skipped(skipped) : "";
  notice(note);
  for (const file of files) {
    run(photos.add(file, settings.value));
  }
});

photos.on(["added", "changed", "removed", "selected"], () => {
  document.documentElement.dataset.view = photos.all.length === 0 ? "empty" : "photos";
  downloads.refresh();
});
photos.on(["selected"], () => show());
photos.on(["changed"], (photo) => {
  if (photo === photos.selected) show();
});

/** Settled once the stage is as far as the selected photo. @type {Promise<void>} */
let shown = Promise.resolve();

/** The job of each photo whose result is known. @type {WeakMap<object, string>} */
const finished = new WeakMap();
photos.on(["changed"], (photo) => {
  if (photo.step !== "done" || !photo.shown || finished.get(photo) === photo.jobId) return;
  finished.set(photo, photo.jobId);
  // What somebody waits for goes first.
  void shown.finally(() => thumbnails.finish(photo));
  void keyDialog.refresh();
});

function show() {
  details.show(photos.selected);
  shown = viewer.show(photos.selected);
}

/** @param {string} text */
function notice(text) {
  announce(text);
  const line = find("notice", HTMLElement);
  line.textContent = text;
  line.hidden = !text;
}

keyDialog.addEventListener("account", (event) => {
  if (!(event instanceof CustomEvent)) return;
  const { file_bytes, mask_bytes } = event.detail.limits;
  Object.assign(runner, { largestFile: file_bytes, largestMask: mask_bytes });
  // Another key may belong to another owner, with other sets.
  api.sets().then(
    (sets) => settings.offer(sets),
    () => settings.offer([]),
  );
});

setUpShortcuts({
  rows: texts.shortcutKeys,
  keys: {
    "+": () => viewer.zoom("in"),
    "=": () => viewer.zoom("in"),
    "-": () => viewer.zoom("out"),
    0: () => viewer.zoom("fit"),
    1: () => viewer.zoom("1"),
    z: () => viewer.zoom("1"),
    4: () => viewer.zoom("4"),
    b: () => backdrops.next(),
    p: () => backdrops.togglePath(),
    j: () => photos.step(1),
    k: () => photos.step(-1),
    d: () => void downloads.saveShown(),
    delete: () => photos.selected && photos.remove(photos.selected),
  },
  original: (isHeld) => viewer.showOriginal(isHeld),
});

window.addEventListener("beforeunload", (event) => {
  // Photos that are still on their way would be lost.
  if (photos.all.some(isPending)) event.preventDefault();
});

void keyDialog.check();
