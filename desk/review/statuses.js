// The statuses of jobs, which have the links. The list has none. Few are asked for at once, the latest wish first.

import { ApiError } from "../lib/api.js";
import { describe } from "../lib/problems.js";
import { texts } from "../lib/texts.js";

/** @typedef {import("./jobs.js").Job} Job */

const AT_ONCE = 4;
/** Links are taken for expired this long before they do, in milliseconds. */
const MARGIN = 60_000;

export class Statuses {
  /** @type {{ job: Job, isWanted: () => boolean, done: () => void }[]} */
  #line = [];
  #running = 0;
  /** @type {Map<Job, Promise<void>>} */
  #asked = new Map();
  #api;
  #persistence;
  #jobs;

  /**
   * @param {import("../lib/api.js").Api} api
   * @param {import("../lib/persist.js").Persistence} persistence
   * @param {import("./jobs.js").Jobs} jobs
   */
  constructor(api, persistence, jobs) {
    this.#api = api;
    this.#persistence = persistence;
    this.#jobs = jobs;
  }

  /**
   * Fills in the job's status, if its links do not work for long enough. Resolves also if it is no longer wanted.
   * @param {Job} job
   * @param {() => boolean} [isWanted]
   * @returns {Promise<void>}
   */
  async have(job, isWanted = () => true) {
    const until = job.status?.expires_at;
    if (job.status && (!until || Date.parse(until) - Date.now() > MARGIN)) return;
    const asked = this.#asked.get(job);
    if (asked) return asked;
    await new Promise((/** @type {(value: void) => void} */ done) => {
      this.#line.push({ job, isWanted, done });
      this.#work();
    });
  }

  /**
   * Asks for the status whatever is known of it.
   * @param {Job} job
   * @returns {Promise<void>}
   */
  renew(job) {
    const asked = this.#asked.get(job) ?? this.#ask(job);
    this.#asked.set(job, asked);
    return asked.finally(() => this.#asked.delete(job));
  }

  #work() {
    while (this.#running < AT_ONCE) {
      const next = this.#line.pop();
      if (!next) return;
      if (!next.isWanted()) {
        next.done();
        continue;
      }
      this.#running += 1;
      void this.renew(next.job)
        .catch(() => {})
        .finally(() => {
          this.#running -= 1;
          next.done();
          this.#work();
        });
    }
  }

  /** @param {Job} job */
  async #ask(job) {
    try {
      const status = await this.#persistence.run(() => this.#api.status(job.jobId));
      this.take(job, status);
    } catch (fault) {
      const isGone = fault instanceof ApiError && fault.status === 404;
      this.#jobs.change(job, isGone ? { step: "failed", problem: texts.review.gone } : { problem: describe(fault).text });
      throw fault;
    }
  }

  /**
   * Takes over a status.
   * @param {Job} job
   * @param {import("../lib/api.js").Status} status
   */
  take(job, status) {
    /** @type {Partial<Job>} */
    const changes = { status };
    const isOpen = job.step === "waiting" || job.step === "queued" || job.step === "failed";
    if (isOpen && status.status === "pending_review") changes.step = "waiting";
    // It ended elsewhere meanwhile.
    else if (job.step === "waiting" && status.state === "done") changes.step = endOf(status);
    this.#jobs.change(job, changes);
  }
}

/**
 * How a job that was held has ended.
 * @param {import("../lib/api.js").Status} status
 * @returns {import("./jobs.js").Step}
 */
export function endOf({ status, error }) {
  if (status === "done") return "approved";
  if (error?.code === "rejected") return "rejected";
  return error?.code === "review_expired" ? "expired" : "failed";
}
