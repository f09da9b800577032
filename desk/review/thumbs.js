// The small pictures of the grid. Browsers keep them, by their links. A link that has expired is replaced once.

import { ForeignLink, reachable } from "../lib/api.js";

/** @typedef {import("./jobs.js").Job} Job */

/** So long a cell has to stay in view before its picture is asked for, in milliseconds: fast scrolling asks for nothing. */
const PATIENCE = 80;

/** Sends `foreign` with the origin as detail if links lead elsewhere. */
export class Thumbs extends EventTarget {
  #statuses;

  /** @param {import("./statuses.js").Statuses} statuses */
  constructor(statuses) {
    super();
    this.#statuses = statuses;
  }

  /**
   * Shows the small picture of a job, while it is wanted.
   * @param {Job} job
   * @param {HTMLImageElement} image
   * @param {() => boolean} isWanted
   */
  show(job, image, isWanted) {
    let isRenewed = false;
    image.addEventListener("load", () => (image.hidden = false));
    image.addEventListener("error", () => {
      image.hidden = true;
      if (isRenewed || !isWanted()) return;
      isRenewed = true;
      void this.#statuses.renew(job).then(
        () => this.renew(job, image),
        () => {},
      );
    });
    if (job.status) return this.renew(job, image);
    setTimeout(() => {
      if (!isWanted()) return;
      void this.#statuses.have(job, isWanted).then(() => isWanted() && this.renew(job, image));
    }, PATIENCE);
  }

  /** Shows the picture that the job's status has. @type {(job: Job, image: HTMLImageElement) => void} */
  renew({ status }, image) {
    const link = status?.assets?.thumb;
    if (!link) return;
    try {
      image.src = reachable(link);
    } catch (fault) {
      if (!(fault instanceof ForeignLink)) throw fault;
      this.dispatchEvent(new CustomEvent("foreign", { detail: fault.origin }));
    }
  }
}
