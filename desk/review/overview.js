// What the page says about all jobs: how many there are and how many wait, what is loading, and what can be taken back.

import { find } from "../lib/dom.js";
import { texts } from "../lib/texts.js";
import { isWaiting } from "./jobs.js";
import { nameOf, stepText } from "./names.js";

/**
 * @typedef {object} Parts
 * @property {import("./jobs.js").Jobs} jobs
 * @property {import("./loader.js").Loader} loader
 * @property {import("./filters.js").Filters} filters
 * @property {import("./decisions.js").Decisions} decisions
 * @property {import("./bulk.js").BulkApproval} bulk
 */

export class Overview {
  #count = find("count", HTMLElement);
  #empty = find("empty", HTMLElement);
  #pending = find("pending", HTMLElement);
  #isDue = false;
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    const { jobs, loader, decisions } = parts;
    jobs.on(["listed", "changed"], () => this.#soon());
    loader.addEventListener("changed", () => this.#soon());
    decisions.addEventListener("changed", () => this.#soon());
  }

  /** Once for all changes of a frame: counting goes through all jobs. */
  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(() => {
      this.#isDue = false;
      this.#draw();
    }, 16);
  }

  #draw() {
    const { jobs, loader, filters, decisions, bulk } = this.#parts;
    const waiting = jobs.all.filter(isWaiting).length;
    this.#count.textContent = texts.review.count(jobs.all.length, waiting, loader.isLoading);
    const isEmpty = jobs.all.length === 0 && !loader.isLoading;
    this.#empty.hidden = !isEmpty && !loader.problem;
    this.#empty.textContent = loader.problem || (filters.isSet ? texts.review.noMatch : texts.review.nothing);
    this.#empty.toggleAttribute("data-problem", loader.problem !== "");
    find("grid", HTMLElement).hidden = isEmpty || loader.problem !== "";
    bulk.offer(!loader.isLoading && !loader.problem);
    this.#drawUnsent(decisions.unsent);
  }

  /** @param {import("./jobs.js").Job[][]} unsent */
  #drawUnsent(unsent) {
    const last = unsent.at(-1);
    const [job] = last ?? [];
    this.#pending.hidden = !job;
    if (!last || !job) return;
    const name = last.length > 1 ? texts.review.several(last.length) : nameOf(job);
    find("pending-text", HTMLElement).textContent = texts.review.unsent(name, stepText(job), unsent.length);
  }
}
