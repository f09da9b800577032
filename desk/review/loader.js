// Collects the jobs page by page, so that they can be sorted.

import { ApiError } from "../lib/api.js";
import { describe } from "../lib/problems.js";

/** The first page is small, so that something is shown soon. */
const FIRST_PAGE = 200;
const PAGE = 1_000;

/** Sends `changed` when it begins, gets on or ends. */
export class Loader extends EventTarget {
  isLoading = false;
  /** What went wrong, or an empty text. */
  problem = "";
  #life = new AbortController();
  #api;
  #persistence;
  #jobs;
  #decisions;

  /**
   * @param {object} parts
   * @param {import("../lib/api.js").Api} parts.api
   * @param {import("../lib/persist.js").Persistence} parts.persistence
   * @param {import("./jobs.js").Jobs} parts.jobs
   * @param {import("./decisions.js").Decisions} parts.decisions
   */
  constructor({ api, persistence, jobs, decisions }) {
    super();
    this.#api = api;
    this.#persistence = persistence;
    this.#jobs = jobs;
    this.#decisions = decisions;
  }

  /**
   * Replaces the jobs by those that pass the filters.
   * @param {import("./filters.js").Filters} filters
   */
  async load(filters) {
    this.#life.abort(new DOMException("replaced", "AbortError"));
    const life = new AbortController();
    this.#life = life;
    this.#jobs.clear();
    this.isLoading = true;
    this.problem = "";
    this.#changed();
    const { query } = filters;
    try {
      for (let limit = FIRST_PAGE; ; limit = PAGE) {
        query.set("limit", String(limit));
        const page = await this.#persistence.run(() => this.#api.jobs(query), { signal: life.signal });
        life.signal.throwIfAborted();
        filters.offer(page.jobs.flatMap(({ params }) => params?.name ?? []));
        const listed = page.jobs.filter((job) => filters.shows(job));
        this.#jobs.add(listed, (job) => filters.stepOf(job), (id) => this.#decisions.find(id));
        if (!page.cursor) break;
        query.set("cursor", page.cursor);
        this.#changed();
      }
    } catch (fault) {
      if (life.signal.aborted) return;
      const isField = fault instanceof ApiError && fault.status === 422;
      this.problem = isField ? Object.values(fault.details).flat().join(" ") : describe(fault).text;
    }
    this.isLoading = false;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}
