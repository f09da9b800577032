// The jobs of the review page, and which one is shown. Others change them here and listen to `listed` (other jobs, or another
// order), `changed` and `selected`, the last two with the job as detail.

import { ordered } from "./order.js";

/**
 * What is known of a decision: `waiting` for one, `decided` but not sent, `sending`, or how it ended.
 * @typedef {"queued" | "waiting" | "decided" | "sending" | "approved" | "rejected" | "expired" | "done" | "failed"} Step
 *
 * @typedef {{ verdict: "approve" | "reject", reason: string }} Choice
 *
 * @typedef {object} Job
 * @property {string} jobId
 * @property {import("../lib/api.js").ListedJob} listed
 * @property {import("../lib/api.js").Status | null} status the last one
 * @property {Step} step
 * @property {Choice | null} choice what was decided on this page
 * @property {string} problem why the last decision failed, or an empty text
 * @property {number} seen the revision whose picture was shown, or 0
 * @property {boolean} isCutting whether a correction of this page is on its way
 */

export class Jobs extends EventTarget {
  /** @type {Job[]} the worst first */
  all = [];
  /** @type {Job | null} */
  selected = null;
  /** @type {Map<string, Job>} */
  #byId = new Map();

  clear() {
    this.all = [];
    this.#byId.clear();
    this.select(null);
    this.#send("listed", null);
  }

  /**
   * Adds jobs of a list, and sorts all. Known ones stay as they are.
   * @param {import("../lib/api.js").ListedJob[]} listed
   * @param {(job: import("../lib/api.js").ListedJob) => Step} stepOf
   * @param {(id: string) => Job | undefined} decided a job that was decided on this page
   */
  add(listed, stepOf, decided) {
    for (const one of listed) {
      if (this.#byId.has(one.job_id)) continue;
      const job = decided(one.job_id) ?? newJob(one, stepOf(one));
      job.listed = one;
      // Its decision was refused, so it may have ended elsewhere. All other steps are newer than the list.
      if (isWaiting(job)) job.step = stepOf(one);
      this.#byId.set(job.jobId, job);
      this.all.push(job);
    }
    this.all = ordered(this.all);
    this.#send("listed", null);
  }

  /** @type {(id: string) => Job | null} */
  find(id) {
    return this.#byId.get(id) ?? null;
  }

  /**
   * @param {Job} job
   * @param {Partial<Job>} changes
   */
  change(job, changes) {
    Object.assign(job, changes);
    if (this.#byId.get(job.jobId) === job) this.#send("changed", job);
  }

  /** @param {Job | null} job */
  select(job) {
    if (this.selected === job) return;
    this.selected = job;
    this.#send("selected", job);
  }

  /**
   * The job that is so many places after the selected one, or the last one before the end of the list.
   * @param {number} distance
   * @returns {Job | null}
   */
  at(distance) {
    const index = this.selected ? this.all.indexOf(this.selected) + distance : 0;
    return this.all[Math.min(Math.max(index, 0), this.all.length - 1)] ?? null;
  }

  /**
   * The next job that waits for a decision, from the selected one on, and then from the start.
   * @returns {Job | null}
   */
  nextWaiting() {
    const start = this.selected ? this.all.indexOf(this.selected) + 1 : 0;
    const isNext = (/** @type {Job} */ job) => job.step === "waiting" && job !== this.selected;
    return this.all.slice(start).find(isNext) ?? this.all.slice(0, start).find(isNext) ?? null;
  }

  /** The shots of a job's product, in their order. @type {(job: Job) => Job[]} */
  shotsOf({ jobId, listed: { external_id: product } }) {
    return this.all.filter((job) => (product ? job.listed.external_id === product : job.jobId === jobId));
  }

  /**
   * @param {("listed" | "changed" | "selected")[]} names
   * @param {(job: Job | null) => void} listener
   */
  on(names, listener) {
    for (const name of names) {
      this.addEventListener(name, (event) => {
        if (event instanceof CustomEvent) listener(event.detail);
      });
    }
  }

  /** @type {(name: string, job: Job | null) => void} */
  #send(name, job) {
    this.dispatchEvent(new CustomEvent(name, { detail: job }));
  }
}

/** @type {(listed: import("../lib/api.js").ListedJob, step: Step) => Job} */
const newJob = (listed, step) => ({
  jobId: listed.job_id,
  listed,
  status: null,
  step,
  choice: null,
  problem: "",
  seen: 0,
  isCutting: false,
});

/** Whether somebody can decide about it on this page. */
export const isWaiting = (/** @type {Job} */ job) => job.step === "waiting";

/** Whether its last picture was shown, and is not about to change. */
export const canDecide = (/** @type {Job} */ job) => isWaiting(job) && job.seen > 0 && !job.isCutting;

/**
 * Whether its draft is known to be empty, since no subject was found. The list and the status were asked for at different
 * times, and a draft that got a subject keeps one.
 */
export const isEmpty = (/** @type {Job} */ { listed, status }) =>
  listed.empty_draft === true && (!status || (status.attention ?? []).some(({ reason }) => reason === "no_subject"));

/** Whether it was decided on this page, and may not have arrived yet. */
export const isUnsent = (/** @type {Job} */ job) => job.step === "decided" || job.step === "sending";
