// The way to a retoucher and back: the layers of the draft as a file, and a mask that is dropped on the picture.

import { find, save, setText } from "../lib/dom.js";
import { FINAL, extensionOf, linkOf } from "../lib/pictures.js";
import { describe } from "../lib/problems.js";
import { texts } from "../lib/texts.js";
import { resultOf, variationsOf } from "./shown.js";

/** @typedef {import("./jobs.js").Job} Job */

/** Kinds of files with layers. */
const LAYERED = ["psd", "psb"];

export class Retouch {
  #status = find("retouch-status", HTMLElement);
  /** The job that the text is about. @type {Job | null} */
  #job = null;
  #statuses;
  #pictures;

  /**
   * @param {import("./statuses.js").Statuses} statuses
   * @param {import("../lib/pictures.js").Pictures<Job>} pictures
   * @param {() => void} asked saves the file of the shown job
   */
  constructor(statuses, pictures, asked) {
    this.#statuses = statuses;
    this.#pictures = pictures;
    find("retouch", HTMLButtonElement).addEventListener("click", asked);
  }

  /** Another job may be shown. @param {Job | null} job */
  show(job) {
    if (job !== this.#job) this.#say(job, "");
  }

  /** Saves the file with layers, or says how to get one. @param {Job} job */
  async save(job) {
    this.#say(job, "");
    try {
      await this.#statuses.have(job);
      const name = layeredOf(job);
      if (!name) return this.#answer(job, texts.review.noLayers);
      const blob = await this.#pictures.get(job, name);
      save(blob, fileName(job, name));
      this.#answer(job, texts.review.layersSaved);
    } catch (fault) {
      this.#answer(job, describe(fault).text);
    }
  }

  /** @type {(job: Job, text: string) => void} */
  #answer(job, text) {
    if (job === this.#job) this.#say(job, text);
  }

  /** @type {(job: Job | null, text: string) => void} */
  #say(job, text) {
    this.#job = job;
    setText(this.#status, text);
  }
}

/** The picture of a job that has layers, its result first. @type {(job: Job) => string | undefined} */
export const layeredOf = (job) =>
  [resultOf(job), ...variationsOf(job), FINAL].find((name) => name && linkOf(job, name) && LAYERED.includes(extensionOf(job, name)));

/** By the job's id in it, the file finds its way back from `retouch/`. @type {(job: Job, name: string) => string} */
export function fileName(job, name) {
  const { jobId, listed } = job;
  const own = listed.external_id?.replace(/[^\p{L}\p{N}._-]+/gu, "-");
  return `${own ? `${own}-` : ""}${jobId}.${extensionOf(job, name)}`;
}

/**
 * Calls `take` with the files that are dropped on the stage. Elsewhere a drop does nothing, so that the page stays.
 * @param {(files: File[]) => void} take
 */
export function setUpDrop(take) {
  const { dataset } = document.documentElement;
  const stage = find("stage", HTMLElement);
  const isOnStage = (/** @type {DragEvent} */ { target }) => target instanceof Node && stage.contains(target);
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = isOnStage(event) ? "copy" : "none";
    if (isOnStage(event)) dataset.dragging = "";
    else delete dataset.dragging;
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) delete dataset.dragging;
  });
  document.addEventListener("drop", (event) => {
    delete dataset.dragging;
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    if (isOnStage(event)) take([...event.dataTransfer.files]);
  });
}
