// The selected job on the stage: its preview at once, and its file when somebody looks closer.

import { find, make } from "../lib/dom.js";
import { hiddenFormat, linkOf } from "../lib/pictures.js";
import { within } from "../lib/placement.js";
import { describe } from "../lib/problems.js";
import { Stage, load } from "../lib/stage.js";
import { texts } from "../lib/texts.js";
import { drawMarks } from "./marks.js";
import { nameOf } from "./names.js";
import { RESULT, fullOf, isOnPhoto, partOf, previewOf, shownOf, whyNothing } from "./shown.js";

/** @typedef {import("./jobs.js").Job} Job */
/** @typedef {import("../lib/placement.js").Box} Box */
/** @typedef {import("../lib/placement.js").Point} Point */

/** How large a pixel of the photo is on the screen where a person should look. */
const CLOSE_UP = 2;

/** Sends `shown` when a picture is on the stage, `arranged` when its place is known, `overlays` when other things lie over it. */
export class Viewer extends EventTarget {
  /** The chosen picture of the job, or an empty text for its result. */
  variation = RESULT;
  /** What lies over the picture. */
  overlays = { matte: false, marks: false };
  /** What is marked, in words. */
  marked = "";
  #element = find("stage", HTMLElement);
  #after = find("after", HTMLImageElement);
  #stage = new Stage();
  #matte = make("img", { class: "plane", alt: "", draggable: "false" });
  #marks = make("canvas", { class: "plane" });
  #turn = 0;
  /** @type {Job | null} */
  #job = null;
  /** Whether photo and picture on the stage are those of the job. */
  #isThere = false;
  /** Whether the file itself is shown, and not its preview. */
  #isFull = false;
  /** Whether the page says that an overlay could not be loaded. */
  #hasFailed = false;
  #jobs;
  #statuses;
  #pictures;

  /**
   * @param {import("./jobs.js").Jobs} jobs
   * @param {import("./statuses.js").Statuses} statuses
   * @param {import("../lib/pictures.js").Pictures<Job>} pictures
   */
  constructor(jobs, statuses, pictures) {
    super();
    this.#jobs = jobs;
    this.#statuses = statuses;
    this.#pictures = pictures;
    this.#stage.keepPlace();
    this.#stage.divider.set(0);
    find("view", HTMLElement).append(
      make("div", { class: "layer matte" }, this.#matte),
      make("div", { class: "layer marks" }, this.#marks),
    );
  }

  get isFit() {
    return this.#stage.isFit;
  }

  /** @type {(across: number, down: number) => void} */
  pan(across, down) {
    this.#stage.pan(across, down);
  }

  /** @param {boolean} isOn see `Stage.showOriginal` */
  showOriginal(isOn) {
    this.#stage.showOriginal(isOn);
  }

  /** Shows the border between photo and cut-out in the middle, or takes it away. */
  compare() {
    const isOn = this.#element.toggleAttribute("data-compare");
    this.#stage.divider.set(isOn ? 50 : 0);
    find("compare", HTMLButtonElement).setAttribute("aria-pressed", String(isOn));
  }

  /** @param {string} to see `Gestures.zoom` */
  async zoom(to) {
    // 100 % is that of the file. So it has to be there first.
    if (Number(to) > 0) await this.#loadFull();
    this.#stage.zoom(to);
  }

  /** 100 %, and back. */
  async toggleZoom() {
    await this.zoom(this.isFit ? "1" : "fit");
  }

  /** @param {"matte" | "marks"} overlay */
  async toggle(overlay) {
    this.overlays[overlay] = !this.overlays[overlay];
    const turn = this.#turn;
    if (this.#hasFailed) this.#stage.say("");
    this.#hasFailed = false;
    try {
      await this.#showOverlays();
    } catch (fault) {
      if (turn !== this.#turn) return;
      this.#hasFailed = true;
      // Only the matte is fetched here, so the rest can be shown without it.
      this.overlays.matte = false;
      await this.#showOverlays();
      this.#stage.say(describe(fault).text, true);
    }
  }

  /** Shows one of the job's pictures. @param {string} variation */
  async choose(variation) {
    this.variation = variation;
    await this.show(this.#job, true);
  }

  /** @type {(size: Point) => Box | null} see `partOf` */
  partOf(size) {
    const job = this.#job;
    if (!job) return null;
    const isAlone = !this.#element.hasAttribute("data-has-before");
    const crop = this.#isFull ? job.status?.crop_box : undefined;
    const variation = shownOf(job, this.variation);
    return partOf({ content: this.#element.dataset.content, isAlone, crop, variation }, size);
  }

  /**
   * Shows a box of the photo closely, while `isCurrent`.
   * @type {(box: [number, number, number, number], size: Point, isCurrent: () => boolean) => Promise<void>}
   */
  async lookAt(box, size, isCurrent) {
    await this.#loadFull();
    const part = this.partOf(size);
    if (!part || !isCurrent()) return;
    const shown = (part.right - part.left) * size.x;
    this.#stage.look(within(box, size, part), (CLOSE_UP * shown) / this.#stage.size.x);
  }

  /**
   * Shows a job. The place in the picture stays between shots of one product.
   * @param {Job | null} job
   * @param {boolean} [isSameJob] whether another picture of it is shown
   */
  async show(job, isSameJob = false) {
    const turn = (this.#turn += 1);
    const isCurrent = () => turn === this.#turn;
    if (!isSameJob) {
      const product = this.#job?.listed.external_id;
      if (!product || product !== job?.listed.external_id) this.#stage.fitNext();
      this.variation = RESULT;
    }
    this.#job = job;
    this.#isThere = false;
    this.#isFull = false;
    this.#hasFailed = false;
    this.#element.dataset.loading = "";
    if (!job) return this.#stage.clear();
    try {
      await this.#statuses.have(job);
      if (!isCurrent()) return;
      await this.#load(job, isCurrent);
    } catch (fault) {
      if (isCurrent()) this.#fail(describe(fault).text);
    }
  }

  /**
   * Shows the photo alone, for a correction to lie over it. Later pictures of the job are up to the caller.
   * @type {(job: Job) => Promise<boolean>} returns `false` if something else is shown meanwhile
   */
  async showPhoto(job) {
    const before = this.#turn;
    const photo = await this.#pictures.get(job, "source_preview");
    if (before !== this.#turn) return false;
    const turn = (this.#turn += 1);
    this.overlays = { matte: false, marks: false };
    await this.#showOverlays();
    if (turn === this.#turn) await this.#stage.loadBefore(photo, texts.altBefore(nameOf(job)));
    if (turn !== this.#turn) return false;
    this.#stage.dropAfter();
    this.#isFull = true;
    this.#isThere = true;
    this.#arrange();
    return true;
  }

  /** Has the pictures of a job ready before they are shown. @param {Job} job */
  async prepare(job) {
    try {
      await this.#statuses.have(job);
      await Promise.all(["source_preview", previewOf(job, RESULT)].map((name) => linkOf(job, name) && this.#pictures.get(job, name)));
    } catch {
      // The page reports the fault when the job is shown.
    }
  }

  /** @type {(job: Job, isCurrent: () => boolean) => Promise<void>} */
  async #load(job, isCurrent) {
    const revision = job.status?.draft?.revision ?? 0;
    const name = previewOf(job, this.variation);
    if (!linkOf(job, name)) return this.#fail(whyNothing(job));
    const hidden = hiddenFormat(job, name);
    if (hidden) return this.#fail(texts.review.hiddenFile(hidden));
    const before = linkOf(job, "source_preview") ? this.#pictures.get(job, "source_preview") : null;
    const [after, photo] = await Promise.all([this.#pictures.get(job, name), before?.catch(() => null)]);
    if (!isCurrent()) return;
    await this.#stage.loadAfter(after, texts.altAfter(nameOf(job)));
    if (photo && isCurrent()) await this.#stage.loadBefore(photo, texts.altBefore(nameOf(job)));
    if (!isCurrent()) return;
    if (!photo) this.#stage.dropBefore();
    this.#isFull = name === fullOf(job, this.variation);
    this.#isThere = true;
    this.#arrange();
    this.#stage.say("");
    await this.#showPath(job, isCurrent);
    await this.#showOverlays();
    if (!isCurrent()) return;
    // A picture that came with other links may be another revision's.
    if (this.variation === RESULT && revision === (job.status?.draft?.revision ?? 0)) this.#jobs.change(job, { seen: revision });
    this.dispatchEvent(new Event("shown"));
    if (!this.isFit) await this.#loadFull();
  }

  #arrange() {
    // Reduced pictures differ by a rounding.
    const proportions = (/** @type {HTMLImageElement} */ image) => image.naturalWidth / image.naturalHeight;
    // A cropped file shows a part of the photo; its preview shows all of it.
    const isCropped = this.#isFull && this.#job?.status?.crop_box !== undefined;
    const liesOver = !isCropped && isOnPhoto(this.#job ? shownOf(this.#job, this.variation) : this.variation);
    this.#stage.arrange((one, other) => {
      const tolerance = 1 / Math.min(one.naturalWidth, one.naturalHeight, other.naturalWidth, other.naturalHeight);
      return liesOver && Math.abs(proportions(one) / proportions(other) - 1) < tolerance;
    });
    // A file may come before its preview, over the photo of another job.
    if (this.#isThere) delete this.#element.dataset.loading;
    this.dispatchEvent(new Event("arranged"));
  }

  /** Puts the file in the place of its preview, if browsers can show it. */
  async #loadFull() {
    const [job, turn] = [this.#job, this.#turn];
    if (!job || this.#isFull) return;
    const name = fullOf(job, this.variation);
    if (!name || hiddenFormat(job, name)) return this.#stage.say(texts.review.previewOnly, true);
    try {
      const blob = await this.#pictures.get(job, name);
      if (turn !== this.#turn) return;
      await this.#stage.loadAfter(blob, texts.altAfter(nameOf(job)));
      if (turn !== this.#turn) return;
      this.#isFull = true;
      this.#arrange();
      await this.#showPath(job, () => turn === this.#turn);
      await this.#showOverlays();
    } catch (fault) {
      if (turn === this.#turn) this.#stage.say(describe(fault).text, true);
    }
  }

  /** @type {(job: Job, isCurrent: () => boolean) => Promise<void>} */
  async #showPath(job, isCurrent) {
    const hasPath = linkOf(job, "clipping_path") && this.#element.dataset.content === "both";
    const svg = hasPath ? await (await this.#pictures.get(job, "clipping_path")).text() : "";
    if (isCurrent()) this.#stage.showPath(svg);
  }

  async #showOverlays() {
    const [job, turn] = [this.#job, this.#turn];
    const { matte, marks } = this.overlays;
    // If they change meanwhile, a later call draws them.
    const isCurrent = () => turn === this.#turn && matte === this.overlays.matte && marks === this.overlays.marks;
    const hasMatte = job !== null && matte && linkOf(job, "matte") !== undefined && this.#element.dataset.content !== "after";
    if (hasMatte) {
      const blob = await this.#pictures.get(job, "matte");
      if (!isCurrent()) return;
      await load(this.#matte, blob, "");
      if (!isCurrent()) return;
    }
    // Compressed previews have grays of their own, so the file itself is looked at.
    if (marks && !this.#isFull && job) await this.#loadFull();
    if (!isCurrent()) return;
    this.#element.toggleAttribute("data-matte", hasMatte);
    this.#element.toggleAttribute("data-marks", marks);
    const share = marks && this.#after.naturalWidth > 0 ? drawMarks(this.#after, this.#marks) : 0;
    this.marked = marks ? texts.review.notWhite(share, this.#isFull) : "";
    this.dispatchEvent(new Event("overlays"));
  }

  /** @param {string} text */
  #fail(text) {
    this.#stage.clear();
    this.#element.removeAttribute("data-has-before");
    delete this.#element.dataset.loading;
    this.#stage.say(text);
    this.dispatchEvent(new Event("shown"));
  }
}
