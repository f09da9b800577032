// Which jobs the page shows.

import { find, make } from "../lib/dom.js";
import { texts } from "../lib/texts.js";

/** @typedef {import("../lib/api.js").ListedJob} ListedJob */
/** @typedef {import("./jobs.js").Step} Step */

/** The conditions of the API by the values of the picker. */
const STATES = /** @type {Record<string, [string, string]>} */ ({
  waiting: ["status", "pending_review"],
  approved: ["review", "approved"],
  rejected: ["review", "rejected"],
  expired: ["review", "expired"],
});

/** Sends `changed` when other jobs are to be shown. */
export class Filters extends EventTarget {
  #form = find("filters", HTMLFormElement);
  #state = find("filter-state", HTMLSelectElement);
  #confidence = find("filter-confidence", HTMLSelectElement);
  #set = find("filter-set", HTMLSelectElement);
  #product = find("filter-product", HTMLInputElement);
  #after = find("filter-after", HTMLInputElement);
  #before = find("filter-before", HTMLInputElement);

  constructor() {
    super();
    const changed = () => this.dispatchEvent(new Event("changed"));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      changed();
    });
    // A text counts once it is complete.
    this.#form.addEventListener("change", changed);
    // The event comes before the fields change.
    this.#form.addEventListener("reset", () => setTimeout(changed));
    this.offer([]);
    // They take half of a small screen.
    find("filter-box", HTMLDetailsElement).open = !matchMedia("(max-width: 620px)").matches;
  }

  /** Whether the page shows other jobs than at first. */
  get isSet() {
    const fields = [this.#confidence, this.#set, this.#product, this.#after, this.#before];
    return this.#state.value !== "waiting" || fields.some(({ value }) => value !== "");
  }

  /** The conditions that the API checks. */
  get query() {
    const query = new URLSearchParams();
    const condition = STATES[this.#state.value];
    if (condition) query.set(...condition);
    if (this.#confidence.value) query.set("confidence_lt", this.#confidence.value);
    const product = this.#product.value.trim();
    if (product) query.set("external_id", product);
    const [after, before] = [startOf(this.#after.value, 0), startOf(this.#before.value, 1)];
    if (after) query.set("created_after", new Date(after.getTime() - 1).toISOString());
    if (before) query.set("created_before", before.toISOString());
    return query;
  }

  /** Whether a job passes the conditions that the API does not know. @type {(job: ListedJob) => boolean} */
  shows(job) {
    return !this.#set.value || job.params?.name === this.#set.value;
  }

  /** How far the decision about a listed job is. @type {(job: ListedJob) => Step} */
  stepOf({ status, error }) {
    if (status === "pending_review") return "waiting";
    if (status === "queued") return "queued";
    if (status === "done") return this.#state.value === "approved" ? "approved" : "done";
    if (error?.code === "rejected") return "rejected";
    return error?.code === "review_expired" ? "expired" : "failed";
  }

  /**
   * Offers these parameter sets.
   * @param {string[]} names
   */
  offer(names) {
    const chosen = this.#set.value;
    const known = [...this.#set.options].map(({ value }) => value).filter((value) => value !== "");
    const all = [...new Set([...known, ...names])].sort();
    const options = all.map((name) => make("option", { value: name }, name));
    this.#set.replaceChildren(make("option", { value: "" }, texts.review.anySet), ...options);
    this.#set.value = chosen;
  }
}

/**
 * The start of a day here, so many days later.
 * @type {(day: string, later: number) => Date | null}
 */
function startOf(day, later) {
  const [, year, month, date] = /^(\d+)-(\d+)-(\d+)$/.exec(day) ?? [];
  return year && month && date ? new Date(Number(year), Number(month) - 1, Number(date) + later) : null;
}
