// The hand-over list: what was decided about the jobs that the page shows, as a CSV file for spreadsheets and scripts.

import { ApiError } from "../lib/api.js";
import { announce, find, save } from "../lib/dom.js";
import { Limit } from "../lib/limit.js";
import { FINAL, linkOf } from "../lib/pictures.js";
import { describe } from "../lib/problems.js";
import { texts } from "../lib/texts.js";
import { table } from "./table.js";
import { resultOf, variationsOf } from "./shown.js";

/** @typedef {import("./jobs.js").Job} Job */
/** @typedef {import("../lib/api.js").Status & { review?: import("../lib/api.js").Decision }} JobRecord */

const AT_ONCE = 4;
const COLUMNS = [
  ...["job_id", "external_id", "shot", "files", "status", "revision", "decision", "reason", "note", "reviewer", "decided_at"],
  ...["confidence", "set", "created_at"],
];

export class CsvExport {
  #button = find("export", HTMLButtonElement);
  #isBusy = false;
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
    this.#button.addEventListener("click", () => void this.#save());
    jobs.on(["listed"], () => this.#refresh());
    this.#refresh();
  }

  #refresh() {
    if (this.#isBusy) return;
    this.#button.textContent = texts.review.csv;
    this.#button.disabled = this.#jobs.all.length === 0;
  }

  /** Asks for each job, since lists do not say who decided. */
  async #save() {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#button.disabled = true;
    const jobs = this.#jobs.all;
    const [limit, life] = [new Limit(AT_ONCE), new AbortController()];
    let done = 0;
    try {
      const rows = await Promise.all(
        jobs.map((job) =>
          limit.run(async () => {
            const row = this.#row(job, await this.#record(job, life.signal));
            done += 1;
            this.#button.textContent = texts.review.collecting(done, jobs.length);
            return row;
          }),
        ),
      );
      const csv = table([COLUMNS, ...rows.filter((row) => row !== null)]);
      save(new Blob([csv], { type: "text/csv" }), "review.csv");
      announce(texts.review.csvSaved(rows.length));
    } catch (fault) {
      life.abort(fault);
      announce(describe(fault).text);
      const line = find("notice", HTMLElement);
      [line.textContent, line.hidden] = [describe(fault).text, false];
    }
    this.#isBusy = false;
    this.#refresh();
  }

  /** @type {(job: Job, signal: AbortSignal) => Promise<JobRecord | null>} */
  async #record(job, signal) {
    try {
      return await this.#persistence.run(() => this.#api.job(job.jobId), { signal });
    } catch (fault) {
      // It was deleted since it was listed.
      if (fault instanceof ApiError && fault.status === 404) return null;
      throw fault;
    }
  }

  /** @type {(job: Job, record: JobRecord | null) => string[] | null} */
  #row(job, record) {
    if (!record) return null;
    const { listed, jobId } = job;
    const shots = this.#jobs.shotsOf(job);
    const revision = record.review?.revision ?? record.draft?.revision;
    return [
      ...[jobId, listed.external_id, listed.external_id && String(shots.indexOf(job) + 1), filesOf(job, record), record.status],
      ...[revision === undefined ? "" : String(revision), record.review?.verdict, record.review?.reason, record.review?.note],
      ...[record.review?.by, record.review?.at, String(record.confidence ?? listed.confidence ?? "")],
      ...[listed.params?.name, listed.created_at],
    ].map((value) => value ?? "");
  }
}

/** The names of a job's pictures, the result first. @type {(job: Job, record: JobRecord) => string} */
function filesOf(job, record) {
  const item = { ...job, status: record };
  const names = variationsOf(item);
  const result = resultOf(item);
  const sorted = [...names].sort((one, other) => Number(other === result) - Number(one === result));
  return (sorted.length > 0 ? sorted : [FINAL]).flatMap((name) => fileName(linkOf(item, name)) ?? []).join(" ");
}

/** The name of the file behind a link. @type {(link: string | undefined) => string | undefined} */
const fileName = (link) => link && decodeURIComponent(new URL(link, "https://cutline.invalid/").pathname.split("/").at(-1) ?? "");
