// Sends corrections in the background, one recut of a job after another. Clicks that come meanwhile go with the next one.
// A job that is done is not changed: its correction makes a new job, which takes its place here.

import { ApiError } from "../lib/api.js";
import { sleep } from "../lib/dom.js";
import { randomId } from "../lib/identity.js";
import { describeRefusal } from "../lib/problems.js";
import { texts } from "../lib/texts.js";
import { upload } from "../lib/upload.js";
import { changes, isSame } from "./draft.js";

/** @typedef {import("../review/jobs.js").Job} Job */
/** @typedef {import("./draft.js").Wish} Wish */

/** So long after a change the next one may come to go with it, in milliseconds. */
const REST = 350;
/** Between two questions whether the new cut is there, in milliseconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2_000;
/** A larger mask, in bytes, is uploaded by a link of its own. The gateway of AWS takes 6 MB, in base64. */
const LARGEST_IN_FORM = 4_000_000;

/**
 * A job whose cut is corrected.
 * @typedef {object} Entry
 * @property {Job} job
 * @property {Wish} made what the last picture was made with
 * @property {number} revision that of the last picture, or 0 if the job is done. Others may have made a later one
 * @property {Wish} wanted
 * @property {number} changedAt
 * @property {boolean} isSending
 */

/**
 * Sends `made` with a job and its wish when a new picture is there, `failed` with the job when the last one stays, `moved`
 * with both jobs when a new one took the place of a done one, and `ended` with the job when nothing more is to be sent.
 */
export class Sender extends EventTarget {
  /** They stay, since the page may not have loaded the last picture yet. @type {Map<Job, Entry>} */
  #entries = new Map();
  #parts;

  /** @param {import("../review/decisions.js").Parts} parts */
  constructor(parts) {
    super();
    this.#parts = parts;
  }

  /** Whether a correction may not have arrived yet. */
  get isBusy() {
    return [...this.#entries.values()].some(({ isSending }) => isSending);
  }

  /** Whether a job is being cut again, or about to be. @type {(job: Job) => boolean} */
  pending(job) {
    return this.#entries.get(job)?.isSending ?? false;
  }

  /** The correction of a job begins again. @param {Job} job */
  forget(job) {
    if (!this.pending(job)) this.#entries.delete(job);
  }

  /**
   * Has the job cut in this way, soon.
   * @type {(job: Job, begun: { revision: number, wish: Wish }, wanted: Wish) => void} `begun` is what it was when its
   * correction began
   */
  want(job, begun, wanted) {
    const known = this.#entries.get(job);
    const entry = known ?? { job, made: begun.wish, revision: begun.revision, wanted, changedAt: 0, isSending: false };
    entry.wanted = wanted;
    entry.changedAt = performance.now();
    this.#entries.set(job, entry);
    if (!entry.isSending) void this.#work(entry);
  }

  /** @param {Entry} entry */
  async #work(entry) {
    entry.isSending = true;
    this.#parts.jobs.change(entry.job, { isCutting: true, problem: "" });
    try {
      while (!isSame(entry.made, entry.wanted)) {
        const wait = entry.changedAt + REST - performance.now();
        if (wait > 0) await sleep(wait);
        else await this.#recut(entry);
      }
      this.#end(entry);
    } catch (fault) {
      await this.#fail(entry, fault);
    }
  }

  /** @param {Entry} entry */
  async #recut(entry) {
    const { api, persistence, jobs, statuses } = this.#parts;
    const { job, wanted, revision } = entry;
    const body = await this.#body(revision, changes(entry.made, wanted));
    const identity = randomId();
    const { job_id: id } = await persistence.run(() => api.recut(job.jobId, body, identity));
    const status = await this.#held(id);
    const made = status.draft?.revision ?? 0;
    if (made === revision && id === job.jobId) throw new RecutFailed(status.warnings?.recut?.join(" ") ?? "");
    entry.made = wanted;
    entry.revision = made;
    if (id !== job.jobId) this.#move(entry, id);
    statuses.take(entry.job, status);
    jobs.change(entry.job, { seen: 0 });
    this.#send("made", { job: entry.job, wish: wanted });
  }

  /** The body of a recut. A large mask is uploaded before. @type {(revision: number, wanted: Partial<Wish>) => Promise<object>} */
  async #body(revision, wanted) {
    const { mask, ...others } = wanted;
    if (!mask || mask.size <= LARGEST_IN_FORM) return bodyOf(revision, wanted);
    const { api, persistence } = this.#parts;
    try {
      // It is sent to its end, also if the job is left.
      const { signal } = new AbortController();
      const mask_key = await upload(api, mask, { run: (step) => persistence.run(step), signal });
      return { ...bodyOf(revision, others), mask_key };
    } catch (fault) {
      // A key of scope review may not upload. Without a gateway the mask may come with the request.
      if (fault instanceof ApiError && fault.status === 403) return bodyOf(revision, wanted);
      throw fault;
    }
  }

  /** The status of a job once it is held, or has ended. @param {string} id */
  async #held(id) {
    const { api, persistence } = this.#parts;
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.15, LONGEST_PAUSE)) {
      const status = await persistence.run(() => api.status(id));
      if (status.status === "pending_review") return status;
      if (status.state === "done") throw new RecutFailed(status.error?.message ?? texts.correct.ended);
      await sleep(pause);
    }
  }

  /** Lists the new job of a done one, and goes on with it. @param {Entry} entry @param {string} id */
  #move(entry, id) {
    const { jobs } = this.#parts;
    const from = entry.job;
    const { error: _, ...listed } = from.listed;
    jobs.change(from, { isCutting: false });
    jobs.add([{ ...listed, job_id: id, status: "pending_review", created_at: new Date().toISOString() }], () => "queued", () => undefined);
    const to = jobs.find(id);
    if (!to) throw new Error("the new job is not listed");
    this.#entries.delete(from);
    this.#entries.set(to, entry);
    entry.job = to;
    jobs.change(to, { isCutting: true });
    this.#send("moved", { from, to });
  }

  /** @type {(entry: Entry, fault: unknown) => Promise<void>} */
  async #fail(entry, fault) {
    const { job } = entry;
    const isConflict = fault instanceof ApiError && fault.status === 409;
    const isFailure = fault instanceof RecutFailed;
    const problem = isFailure ? texts.correct.failed(fault.message) : describeRefusal(fault, texts.correct.conflicts);
    // Somebody else's recut has to end before its picture can be shown.
    if (isConflict) await this.#renew(job);
    entry.isSending = false;
    this.#entries.delete(job);
    this.#parts.jobs.change(job, { isCutting: false, problem, seen: 0 });
    this.#send("failed", { job });
  }

  /** @param {Job} job */
  async #renew(job) {
    const { statuses } = this.#parts;
    try {
      statuses.take(job, await this.#held(job.jobId));
    } catch {
      await statuses.renew(job).catch(() => {});
    }
  }

  /** @param {Entry} entry */
  #end(entry) {
    entry.isSending = false;
    this.#parts.jobs.change(entry.job, { isCutting: false });
    this.#send("ended", { job: entry.job });
  }

  /** @type {(name: string, detail: object) => void} */
  #send(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** The body of a recut: a form if a mask comes along. @type {(revision: number, wanted: Partial<Wish>) => object} */
export function bodyOf(revision, { mask, ...changes }) {
  const body = { ...(revision > 0 && { revision }), ...changes };
  if (!mask) return body;
  const form = new FormData();
  for (const [name, value] of Object.entries(body)) form.set(name, typeof value === "object" ? JSON.stringify(value) : String(value));
  form.set("mask", mask, mask.name);
  return form;
}

/** The new cut could not be made, so the last one stays. */
class RecutFailed extends Error {}
