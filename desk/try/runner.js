// Brings a photo from the disk to its result: upload, job, status. It waits for temporary faults to pass and continues: no
// network, a server that restarts, a limit, a key that is missing. The job is created once, whatever gets lost in between.

import { ApiError } from "../lib/api.js";
import { sleep } from "../lib/dom.js";
import { randomId } from "../lib/identity.js";
import { Limit } from "../lib/limit.js";
import { LocalFault, describe } from "../lib/problems.js";
import { texts } from "../lib/texts.js";
import { upload } from "../lib/upload.js";
import { isPending, variationsOf } from "./photos.js";

/** @typedef {import("./photos.js").Photo} Photo */

/** Browsers open six connections to a server. These two limits leave some for pictures. */
const UPLOADS = 2;
const QUESTIONS = 2;
/** So few jobs are waited for, one request each. More are asked for at growing intervals. */
const WAITED_FOR = 2;
const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 3_000;

export class Runner {
  #uploads = new Limit(UPLOADS);
  #questions = new Limit(QUESTIONS);
  /** The largest file that the server takes. */
  largestFile = Number.POSITIVE_INFINITY;
  /** The largest mask. */
  largestMask = Number.POSITIVE_INFINITY;
  #photos;
  #api;
  #persistence;

  /**
   * @param {import("./photos.js").Photos} photos
   * @param {import("../lib/api.js").Api} api
   * @param {import("../lib/persist.js").Persistence} persistence
   */
  constructor(photos, api, persistence) {
    this.#photos = photos;
    this.#api = api;
    this.#persistence = persistence;
  }

  /**
   * Makes the photo's pictures, with its settings. It may have been uploaded before.
   * @param {Photo} photo
   */
  async run(photo) {
    this.#photos.change(photo, {
      step: "waiting",
      progress: 0,
      pause: "",
      jobId: "",
      status: null,
      problem: null,
      shown: "",
    });
    try {
      await this.#uploads.run(() => this.#create(photo));
      const status = await this.#end(photo);
      if (status.error) {
        const { message, retryable } = status.error;
        this.#photos.change(photo, { step: "failed", status, problem: { text: message, canRetry: retryable } });
      } else {
        const [main = ""] = variationsOf(status);
        this.#photos.change(photo, { step: "done", status, shown: main });
      }
    } catch (fault) {
      if (photo.life.signal.aborted) return;
      this.#photos.change(photo, { step: "failed", problem: describe(fault) });
    }
  }

  /** @param {Photo} photo */
  async #create(photo) {
    const identity = randomId();
    const wasUploaded = photo.fileKey !== "";
    const { mask, ...settings } = photo.settings;
    // Before the photo, since it is small and may be refused.
    const maskKey = mask ? await this.#upload(photo, mask, this.largestMask) : "";
    if (!wasUploaded) await this.#uploadPhoto(photo);
    const files = () => ({ file_key: photo.fileKey, ...(maskKey && { mask_key: maskKey }) });
    const submit = () => this.#api.submit(files(), settings, identity);
    const job = await this.#persist(photo, submit).catch(async (fault) => {
      // A key of an earlier upload may have expired meanwhile.
      if (!(wasUploaded && fault instanceof ApiError && fault.details.file_key)) throw fault;
      await this.#uploadPhoto(photo);
      return this.#persist(photo, submit);
    });
    this.#photos.change(photo, { step: "making", progress: 0, jobId: job.job_id });
  }

  /** @param {Photo} photo */
  async #uploadPhoto(photo) {
    const fileKey = await this.#upload(photo, photo.file, this.largestFile);
    this.#photos.change(photo, { fileKey });
  }

  /**
   * Uploads the photo or its mask, and returns its key.
   * @param {Photo} photo
   * @param {File} file
   * @param {number} limit in bytes
   * @returns {Promise<string>}
   */
  async #upload(photo, file, limit) {
    const { life } = photo;
    if (file.size > limit) throw new LocalFault(texts.problems.tooLarge(file.size, limit));
    if (file.size === 0) throw new LocalFault(texts.problems.empty);
    return upload(this.#api, file, {
      run: (step) => this.#persist(photo, step),
      signal: life.signal,
      began: () => this.#photos.change(photo, { step: "uploading", progress: 0 }),
      progressed: (ratio) => this.#photos.change(photo, { progress: ratio }),
    });
  }

  /**
   * Follows the job to its end.
   * @param {Photo} photo
   * @returns {Promise<import("../lib/api.js").Status>}
   */
  async #end(photo) {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
      const isWaitedFor = this.#photos.all.filter(isPending).length <= WAITED_FOR;
      const asked = Date.now();
      const status = await this.#questions.run(() => {
        return this.#persist(photo, () => this.#api.status(photo.jobId, isWaitedFor ? 1 : 0));
      });
      // A job that is held for review has its pictures, and waits for a person.
      if (status.state === "done" || status.draft) return status;
      this.#photos.change(photo, { status, progress: status.progress / 100 });
      const waited = Date.now() - asked;
      if (!isWaitedFor || waited < FIRST_PAUSE) await sleep(pause);
    }
  }

  /**
   * Repeats a step until its fault, if any, is a lasting one. Every step can be repeated without harm.
   * @template Value
   * @param {Photo} photo
   * @param {() => Promise<Value>} step
   * @returns {Promise<Value>}
   */
  #persist(photo, step) {
    return this.#persistence.run(step, {
      signal: photo.life.signal,
      paused: (text) => this.#photos.change(photo, { pause: text }),
      check: async () => {
        await checkReadable(photo.file);
        if (photo.settings.mask) await checkReadable(photo.settings.mask);
      },
    });
  }
}

/**
 * Throws if the file is no longer what was dropped. To an upload, that looks like a broken connection.
 * @param {File} file
 */
async function checkReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new LocalFault(texts.problems.fileGone);
  }
}
