// Approves all jobs that wait in the list, after a look at how many they are and at a sample of them.

import { find, make } from "../lib/dom.js";
import { texts } from "../lib/texts.js";
import { isEmpty, isWaiting } from "./jobs.js";
import { nameOf } from "./names.js";

/** @typedef {import("./jobs.js").Job} Job */

/** How many pictures the sample has. */
const SAMPLE = 12;

export class BulkApproval {
  #dialog = find("bulk-dialog", HTMLDialogElement);
  #open = find("bulk", HTMLButtonElement);
  #sample = find("bulk-sample", HTMLElement);
  /** The jobs that the dialog is about. Others may come to wait meanwhile. @type {Job[]} */
  #chosen = [];
  #jobs;
  #thumbs;

  /**
   * @param {import("./jobs.js").Jobs} jobs
   * @param {import("./thumbs.js").Thumbs} thumbs
   * @param {(jobs: Job[]) => void} approve
   */
  constructor(jobs, thumbs, approve) {
    this.#jobs = jobs;
    this.#thumbs = thumbs;
    this.#open.addEventListener("click", () => this.#ask());
    find("bulk-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    find("bulk-approve", HTMLButtonElement).addEventListener("click", () => {
      this.#dialog.close();
      approve(this.#chosen.filter(canApprove));
    });
    this.#dialog.addEventListener("close", () => this.#sample.replaceChildren());
  }

  /** @param {boolean} isComplete whether all jobs of the filter are there */
  offer(isComplete) {
    this.#open.disabled = !(isComplete && this.#jobs.all.some(canApprove));
  }

  #ask() {
    this.#chosen = this.#jobs.all.filter(canApprove);
    const count = this.#chosen.length;
    if (count === 0) return;
    const empty = this.#jobs.all.filter((job) => isWaiting(job) && isEmpty(job)).length;
    const sure = this.#chosen.map(({ listed }) => listed.confidence ?? 0);
    /** @type {[number, number]} */
    const range = [sure.reduce((one, other) => Math.min(one, other)), sure.reduce((one, other) => Math.max(one, other))];
    find("bulk-title", HTMLElement).textContent = texts.review.bulkTitle(count);
    find("bulk-text", HTMLElement).textContent = texts.review.bulkText(range, empty, count > SAMPLE);
    find("bulk-approve", HTMLButtonElement).textContent = texts.review.bulkApprove(count);
    this.#sample.replaceChildren(...sampleOf(this.#chosen).map((job) => this.#picture(job)));
    this.#dialog.showModal();
  }

  /** @param {Job} job */
  #picture(job) {
    const image = make("img", { alt: nameOf(job), hidden: "" });
    this.#thumbs.show(job, image, () => image.isConnected);
    return make("li", {}, image);
  }
}

/** A cut that is about to change is not approved unseen, and the server refuses an empty one. */
export const canApprove = (/** @type {Job} */ job) => isWaiting(job) && !job.isCutting && !isEmpty(job);

/** Jobs from all over the list: from the worst to the best. @type {(jobs: Job[]) => Job[]} */
function sampleOf(jobs) {
  const count = Math.min(jobs.length, SAMPLE);
  const at = (/** @type {number} */ index) => Math.round((index * (jobs.length - 1)) / Math.max(count - 1, 1));
  return Array.from({ length: count }, (_, index) => jobs[at(index)]).flatMap((job) => job ?? []);
}
