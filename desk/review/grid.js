// The jobs as a grid of small pictures: a list box, with arrow keys to choose. Only what can be seen is part of the document,
// so that it stays quick with ten thousand jobs.

import { find, make } from "../lib/dom.js";
import { texts } from "../lib/texts.js";
import { nameOf, stepText } from "./names.js";

/** @typedef {import("./jobs.js").Job} Job */
/** @typedef {Record<"item" | "name" | "state" | "doubt" | "problem", HTMLElement> & { image: HTMLImageElement, revision: number }} Cell */

/** The smallest width of a cell with its gap, and the height of what is below its picture, in CSS pixels. */
const MIN_WIDTH = 164;
const GAP = 14;
const FOOT = 36;
/** Rows beyond what is seen. */
const SPARE = 2;

export class Grid {
  #list = find("grid", HTMLElement);
  #space = find("grid-space", HTMLElement);
  /** @type {Map<Job, Cell>} */
  #cells = new Map();
  /** @type {Map<Job, number>} */
  #places = new Map();
  #columns = 1;
  #width = MIN_WIDTH;
  #isDue = false;
  #jobs;
  #thumbs;

  /**
   * @param {import("./jobs.js").Jobs} jobs
   * @param {import("./thumbs.js").Thumbs} thumbs
   * @param {(job: Job) => void} open
   */
  constructor(jobs, thumbs, open) {
    this.#jobs = jobs;
    this.#thumbs = thumbs;
    jobs.on(["listed"], () => {
      this.#places = new Map(jobs.all.map((job, index) => [job, index]));
      this.#soon();
    });
    jobs.on(["changed"], (job) => {
      const cell = job && this.#cells.get(job);
      if (job && cell) this.#fill(job, cell);
    });
    jobs.on(["selected"], () => this.#soon());
    this.#list.addEventListener("scroll", () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#soon()).observe(this.#list);
    this.#list.addEventListener("keydown", (event) => this.#key(event, open));
    this.#space.addEventListener("click", (event) => {
      const item = event.target instanceof Element && event.target.closest("[role=option]");
      const job = item && [...this.#cells].find(([, cell]) => cell.item === item)?.[0];
      if (!job) return;
      jobs.select(job);
      open(job);
    });
  }

  /** Puts the focus on the grid, with the selected job in view. */
  focus() {
    this.#list.focus();
    this.#reveal();
  }

  get #height() {
    return this.#width + FOOT;
  }

  /** Draws before the next frame, once for all changes until then. */
  #soon() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#draw();
    });
  }

  #draw() {
    const { clientHeight, scrollTop } = this.#list;
    const { clientWidth } = this.#space;
    // Hidden, while a single job is shown.
    if (clientWidth === 0) return;
    this.#columns = Math.max(1, Math.floor((clientWidth + GAP) / MIN_WIDTH));
    this.#width = (clientWidth + GAP) / this.#columns;
    const { all, selected } = this.#jobs;
    const rows = Math.ceil(all.length / this.#columns);
    this.#space.style.setProperty("--height", `${Math.max(0, rows * this.#height - GAP)}px`);
    this.#space.style.setProperty("--cell", `${this.#width - GAP}px`);
    const first = Math.max(0, Math.floor(scrollTop / this.#height) - SPARE) * this.#columns;
    const end = (Math.ceil((scrollTop + clientHeight) / this.#height) + SPARE) * this.#columns;
    const seen = new Set(all.slice(first, end));
    for (const [job, { item }] of this.#cells) {
      if (seen.has(job)) continue;
      item.remove();
      this.#cells.delete(job);
    }
    for (const job of seen) this.#place(job);
    const isSeen = selected !== null && this.#cells.has(selected);
    if (isSeen) this.#list.setAttribute("aria-activedescendant", idOf(selected));
    else this.#list.removeAttribute("aria-activedescendant");
  }

  /** @param {Job} job */
  #place(job) {
    const index = this.#places.get(job) ?? 0;
    const cell = this.#cells.get(job) ?? this.#make(job);
    const { item } = cell;
    item.style.setProperty("--x", `${(index % this.#columns) * this.#width}px`);
    item.style.setProperty("--y", `${Math.floor(index / this.#columns) * this.#height}px`);
    item.setAttribute("aria-posinset", String(index + 1));
    item.setAttribute("aria-setsize", String(this.#jobs.all.length));
    item.setAttribute("aria-selected", String(job === this.#jobs.selected));
  }

  /** @param {Job} job */
  #make(job) {
    const image = make("img", { alt: "", draggable: "false", hidden: "" });
    const [name, state, doubt, problem] = [
      make("span", { class: "cell-name" }),
      make("span", { class: "cell-state" }),
      make("span", { class: "cell-doubt" }),
      make("span", { class: "hidden" }),
    ];
    const item = make(
      "div",
      { role: "option", class: "cell", id: idOf(job) },
      make("span", { class: "cell-picture" }, image, state),
      make("span", { class: "cell-foot" }, name, doubt, problem),
    );
    const cell = { item, image, name, state, doubt, problem, revision: job.status?.draft?.revision ?? 0 };
    this.#cells.set(job, cell);
    this.#fill(job, cell);
    this.#space.append(item);
    this.#thumbs.show(job, image, () => this.#cells.get(job) === cell);
    return cell;
  }

  /** @type {(job: Job, cell: Cell) => void} */
  #fill(job, cell) {
    const { item, image, name, state, doubt, problem } = cell;
    const revision = job.status?.draft?.revision ?? 0;
    // Its cut was made again since.
    if (cell.revision > 0 && revision > cell.revision) this.#thumbs.renew(job, image);
    cell.revision = Math.max(revision, cell.revision);
    const { confidence } = job.listed;
    const called = nameOf(job);
    name.textContent = called;
    name.title = called;
    doubt.textContent = confidence === undefined ? "" : texts.percent(confidence);
    doubt.toggleAttribute("data-low", confidence !== undefined && confidence < 0.5);
    state.textContent = job.step === "waiting" && !job.isCutting ? "" : stepText(job);
    problem.textContent = job.problem;
    item.dataset.step = job.step;
    item.toggleAttribute("data-problem", job.problem !== "");
  }

  /** Scrolls the selected job into view. */
  #reveal() {
    const { selected } = this.#jobs;
    if (!selected) return;
    const row = Math.floor((this.#places.get(selected) ?? 0) / this.#columns);
    const [top, bottom] = [row * this.#height, (row + 1) * this.#height - GAP];
    const { scrollTop, clientHeight } = this.#list;
    if (top < scrollTop) this.#list.scrollTop = top;
    else if (bottom > scrollTop + clientHeight) this.#list.scrollTop = bottom - clientHeight;
    this.#soon();
  }

  /** @type {(event: KeyboardEvent, open: (job: Job) => void) => void} */
  #key(event, open) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { selected, all } = this.#jobs;
    if ((event.key === "Enter" || event.key === " ") && selected) {
      event.preventDefault();
      return open(selected);
    }
    const page = Math.max(1, Math.floor(this.#list.clientHeight / this.#height)) * this.#columns;
    const distances = /** @type {Record<string, number>} */ ({
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -this.#columns,
      ArrowDown: this.#columns,
      PageUp: -page,
      PageDown: page,
      Home: -all.length,
      End: all.length,
    });
    const distance = distances[event.key];
    if (distance === undefined) return;
    event.preventDefault();
    this.#jobs.select(this.#jobs.at(distance));
    this.#reveal();
  }
}

/** @type {(job: Job) => string} */
const idOf = (job) => `job-${job.jobId}`;
