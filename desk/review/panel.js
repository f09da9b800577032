// The panel about the selected job: what it is, what can be decided, and what is shown of it.

import { find, findIn, make } from "../lib/dom.js";
import { linkOf } from "../lib/pictures.js";
import { texts } from "../lib/texts.js";
import { canDecide } from "./jobs.js";
import { nameOf, reasonText, stepText } from "./names.js";
import { resultOf, variationsOf } from "./shown.js";

/** @typedef {import("./jobs.js").Job} Job */

/** The reasons with a key, in the order of their digits. */
export const REASONS = ["subject", "edge", "color", "dust", "reshoot"];

/** The steps of jobs whose cut can be corrected. @type {import("./jobs.js").Step[]} */
export const CORRECTABLE = ["waiting", "approved", "done"];

/**
 * @typedef {object} Actions
 * @property {() => void} approve
 * @property {() => void} correct
 * @property {(reason: string) => void} reject
 * @property {() => void} undo
 * @property {() => void} back
 * @property {(distance: number) => void} step
 */

export class Panel {
  #reasons = find("reasons", HTMLElement);
  #approve = find("approve", HTMLButtonElement);
  #reject = find("reject", HTMLButtonElement);
  #correct = find("correct", HTMLButtonElement);
  #variations = find("variations", HTMLFieldSetElement);
  #matte = find("show-matte", HTMLInputElement);
  #marks = find("show-marks", HTMLInputElement);
  /** What is shown of the job, to build nothing twice: rebuilt buttons would lose the focus. */
  #shown = "";
  #jobs;
  #viewer;

  /**
   * @param {import("./jobs.js").Jobs} jobs
   * @param {import("./viewer.js").Viewer} viewer
   * @param {Actions} actions
   */
  constructor(jobs, viewer, actions) {
    this.#jobs = jobs;
    this.#viewer = viewer;
    this.#approve.addEventListener("click", actions.approve);
    this.#reject.addEventListener("click", () => this.askReason());
    this.#correct.addEventListener("click", actions.correct);
    const undo = find("undo", HTMLButtonElement);
    undo.addEventListener("click", actions.undo);
    // Browsers click again and again while Enter is held.
    for (const element of [this.#approve, this.#reasons, undo]) {
      element.addEventListener("keydown", (event) => event.repeat && event.preventDefault());
    }
    find("back", HTMLButtonElement).addEventListener("click", actions.back);
    find("previous", HTMLButtonElement).addEventListener("click", () => actions.step(-1));
    find("next", HTMLButtonElement).addEventListener("click", () => actions.step(1));
    find("compare", HTMLButtonElement).addEventListener("click", () => viewer.compare());
    this.#matte.addEventListener("change", () => void viewer.toggle("matte"));
    this.#marks.addEventListener("change", () => void viewer.toggle("marks"));
    const buttons = REASONS.map((reason, index) => {
      const key = String(index + 1);
      const button = make("button", { type: "button", "aria-keyshortcuts": key }, make("kbd", {}, key), reasonText(reason));
      button.addEventListener("click", () => actions.reject(reason));
      return button;
    });
    findIn(this.#reasons, ".reasons", HTMLElement).append(...buttons);
  }

  /** Whether the page waits for a reason. */
  get isAsking() {
    return !this.#reasons.hidden;
  }

  /** Asks why the job is rejected. */
  askReason() {
    if (this.#reject.disabled) return;
    this.#reasons.hidden = false;
    this.#reject.setAttribute("aria-expanded", "true");
    findIn(this.#reasons, "button", HTMLButtonElement).focus();
  }

  stopAsking() {
    if (!this.isAsking) return;
    const hadFocus = this.#reasons.contains(document.activeElement);
    this.#reasons.hidden = true;
    this.#reject.setAttribute("aria-expanded", "false");
    if (hadFocus) find("view", HTMLElement).focus();
  }

  /** @param {Job | null} job */
  show(job) {
    if (!job) return;
    const all = this.#jobs.all;
    find("position", HTMLElement).textContent = texts.review.position(all.indexOf(job) + 1, all.length);
    find("job-name", HTMLElement).textContent = nameOf(job);
    const state = find("job-state", HTMLElement);
    state.textContent = [stepText(job), texts.review.certainty(job.listed.confidence)].filter(Boolean).join(" · ");
    state.dataset.step = job.step;
    // Only what was seen can be decided.
    this.#approve.disabled = !canDecide(job);
    this.#reject.disabled = !canDecide(job);
    this.#correct.disabled = !CORRECTABLE.includes(job.step);
    this.#showOverlays(job);
    const shown = JSON.stringify([job.jobId, job.problem, job.status?.warnings, variationsOf(job), this.#viewer.variation, this.#jobs.shotsOf(job).length]);
    if (shown !== this.#shown) this.#build(job);
    this.#shown = shown;
  }

  /** @param {Job} job */
  #showOverlays(job) {
    const { overlays, marked } = this.#viewer;
    this.#matte.checked = overlays.matte;
    this.#matte.disabled = linkOf(job, "matte") === undefined;
    this.#marks.checked = overlays.marks;
    find("marked", HTMLElement).textContent = marked;
  }

  /** @param {Job} job */
  #build(job) {
    const warnings = Object.values(job.status?.warnings ?? {}).flat();
    const notes = [...new Set([job.problem, ...warnings])].filter(Boolean).map((text) => make("li", {}, text));
    find("notes", HTMLElement).replaceChildren(...notes);
    if (job.problem) notes[0]?.setAttribute("data-problem", "");
    this.#buildVariations(job);
    const { jobId, listed } = job;
    const shots = this.#jobs.shotsOf(job);
    const facts = [
      [texts.review.product, listed.external_id],
      [texts.review.shot, shots.length > 1 ? texts.review.position(shots.indexOf(job) + 1, shots.length) : undefined],
      [texts.set, listed.params?.name],
      [texts.review.created, new Date(listed.created_at).toLocaleString()],
      [texts.review.deadline, job.status?.draft && new Date(job.status.draft.deadline).toLocaleString()],
      [texts.review.jobId, jobId],
    ];
    const rows = facts.flatMap(([name = "", value]) => (value ? [make("dt", {}, name), make("dd", {}, value)] : []));
    find("facts", HTMLElement).replaceChildren(...rows);
  }

  /** @param {Job} job */
  #buildVariations(job) {
    const names = variationsOf(job);
    this.#variations.hidden = names.length < 2;
    const result = resultOf(job);
    const choices = (result ? names : ["", ...names]).map((name) => {
      const value = name === result ? "" : name;
      const input = make("input", { type: "radio", name: "variation", value: name });
      input.checked = value === this.#viewer.variation;
      input.addEventListener("change", () => void this.#viewer.choose(value));
      const text = name === "" ? texts.review.result : (texts.variations[name] ?? name);
      return make("label", { class: "choice" }, input, make("span", {}, text));
    });
    findIn(this.#variations, ".choices", HTMLElement).replaceChildren(...choices);
  }
}
