// Decisions about jobs. They are sent a few seconds after they were made, so that the last ones can be taken back: the API
// knows no way back, since an approved job may be delivered at once.

import { ApiError } from "../lib/api.js";
import { announce } from "../lib/dom.js";
import { Limit } from "../lib/limit.js";
import { describeRefusal } from "../lib/problems.js";
import { texts } from "../lib/texts.js";
import { isUnsent } from "./jobs.js";
import { nameOf } from "./names.js";

/** @typedef {import("./jobs.js").Job} Job */
/** @typedef {import("./jobs.js").Choice} Choice */

/**
 * The parts of the page that a change of its jobs needs.
 * @typedef {object} Parts
 * @property {import("../lib/api.js").Api} api
 * @property {import("../lib/persist.js").Persistence} persistence
 * @property {import("./jobs.js").Jobs} jobs
 * @property {import("./statuses.js").Statuses} statuses
 */

/** How long a decision can be taken back, in milliseconds. */
const DELAY = 5_000;
/** Browsers open six connections to a server, and pictures need some. */
const AT_ONCE = 2;

/** Sends `changed` when there are others to take back, and `refused` when a decision was not accepted. */
export class Decisions extends EventTarget {
  /** Those that were not sent, the latest last. @type {{ jobs: Job[], timer: ReturnType<typeof setTimeout> }[]} */
  #waiting = [];
  /** The jobs whose decision is due, but has to wait for a place. @type {Set<Job>} */
  #due = new Set();
  #sending = new Limit(AT_ONCE);
  /** All jobs that were decided on this page, by id. They stay when the page lists other jobs. @type {Map<string, Job>} */
  #decided = new Map();
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    super();
    this.#parts = parts;
    // A tab that is closed sends decisions about jobs that were shown, all at once. The others of a bulk approval need an
    // answer of the server first, which a closed tab does not get. So the page asks before it is closed.
    window.addEventListener("pagehide", () => {
      for (const jobs of this.unsent) this.#release(jobs);
      for (const job of this.#due) if (job.seen > 0) void this.#send(job);
    });
  }

  /** The jobs of each decision that can be taken back, the latest last. */
  get unsent() {
    return this.#waiting.map(({ jobs }) => jobs);
  }

  /** Whether a decision may not have arrived yet. */
  get isBusy() {
    return [...this.#decided.values()].some(isUnsent);
  }

  /** The job with this id if it was decided on this page. @type {(id: string) => Job | undefined} */
  find(id) {
    return this.#decided.get(id);
  }

  /**
   * Decides about jobs as they were shown, or of several as they are.
   * @param {Job[]} jobs
   * @param {Choice} choice
   */
  add(jobs, choice) {
    const timer = setTimeout(() => this.#release(jobs), DELAY);
    this.#waiting.push({ jobs, timer });
    for (const job of jobs) {
      this.#decided.set(job.jobId, job);
      this.#parts.jobs.change(job, { step: "decided", choice, problem: "" });
    }
    this.#changed();
  }

  /**
   * Takes the latest decision back that was not sent.
   * @returns {Job[]} its jobs
   */
  undo() {
    const last = this.#waiting.pop();
    if (!last) return [];
    clearTimeout(last.timer);
    for (const job of last.jobs) {
      this.#decided.delete(job.jobId);
      this.#parts.jobs.change(job, { step: "waiting", choice: null });
    }
    this.#changed();
    return last.jobs;
  }

  /** Sends a decision as soon as there is a place. @param {Job[]} jobs */
  #release(jobs) {
    const index = this.#waiting.findIndex((one) => one.jobs === jobs);
    const [released] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (!released) return;
    clearTimeout(released.timer);
    this.#changed();
    for (const job of jobs) {
      this.#due.add(job);
      this.#parts.jobs.change(job, { step: "sending" });
      void this.#sending.run(() => this.#send(job));
    }
  }

  /** @param {Job} job */
  async #send(job) {
    const { choice } = job;
    // Closing the tab may have sent it already.
    if (!this.#due.delete(job) || !choice) return;
    const { api, persistence, jobs, statuses } = this.#parts;
    try {
      // One of many was not shown: it is decided about as it is.
      if (job.seen === 0) await statuses.renew(job);
      const revision = job.seen || (job.status?.draft?.revision ?? 1);
      const body = { revision, ...(choice.verdict === "reject" && { reason: choice.reason }) };
      await persistence.run(() => api.decide(job.jobId, choice.verdict, body));
      jobs.change(job, { step: choice.verdict === "approve" ? "approved" : "rejected" });
    } catch (fault) {
      await this.#fail(job, fault);
    }
  }

  /**
   * Puts a job back whose decision was refused, or shows how it ended without us.
   * @type {(job: Job, fault: unknown) => Promise<void>}
   */
  async #fail(job, fault) {
    const { jobs, statuses } = this.#parts;
    const isConflict = fault instanceof ApiError && fault.status === 409;
    const isGone = fault instanceof ApiError && fault.status === 404;
    const problem = isGone ? texts.review.gone : describeRefusal(fault, texts.review.conflicts);
    jobs.change(job, { step: isGone ? "failed" : "waiting", choice: null, seen: 0, problem });
    announce(texts.review.notDecided(nameOf(job), job.problem));
    // The job as it is now: with a new revision to look at, or ended.
    if (isConflict) await statuses.renew(job).catch(() => {});
    this.dispatchEvent(new Event("refused"));
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}
