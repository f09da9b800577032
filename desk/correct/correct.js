// Correcting a cut on the stage. A click shows at once and is sent in the background; the picture of the server then takes
// the place of the local one.

import { announce, find, make } from "../lib/dom.js";
import { linkOf } from "../lib/pictures.js";
import { describe } from "../lib/problems.js";
import { texts } from "../lib/texts.js";
import { isUnsent } from "../review/jobs.js";
import { WHOLE } from "./draft.js";
import { Hand } from "./hand.js";
import { setUpKeys } from "./keys.js";
import { MaskChoice, takeMask } from "./mask.js";
import { NotNow, openSession } from "./open.js";
import { Previous } from "./previous.js";
import { Sender } from "./send.js";
import { Tools } from "./tools.js";

/** @typedef {import("../review/jobs.js").Job} Job */
/** @typedef {import("./session.js").Session} Session */

const words = texts.correct;

/**
 * What shows a correction.
 * @typedef {object} Stage
 * @property {import("../lib/pictures.js").Pictures<Job>} pictures
 * @property {import("../review/viewer.js").Viewer} viewer
 * @property {(job: Job) => void} replaced a new job took the place of the shown one
 */
/** @typedef {import("../review/decisions.js").Parts & Stage} Parts */

export class Correct {
  isOn = false;
  #stage = find("stage", HTMLElement);
  #layer = make("div", { class: "layer correct-cut" });
  #previous = new Previous();
  /** The last correction, also after it has ended. @type {Session | null} */
  #session = null;
  #turn = 0;
  /** @type {Tools} */
  #tools;
  /** @type {Hand} */
  #hand;
  #masks = new MaskChoice({ by: (source) => this.#cutBy(source), file: (file) => void this.cutByFile(file) });
  #sender;
  #parts;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#sender = new Sender(parts);
    this.#tools = new Tools({
      changed: () => this.#hand.retool(),
      scale: (steps) => this.#hand.scale(steps),
      holes: (holes) => {
        this.#hand.forget();
        this.#session?.draft.change({ holes });
      },
      inset: (pixels) => this.#session?.draft.inset(pixels),
      undo: () => this.#step("undo"),
      redo: () => this.#step("redo"),
      startOver: () => this.#startOver(),
      removed: (isOn) => this.#stage.toggleAttribute("data-removed", isOn),
      loupe: (isOn) => (this.#hand.hasLoupe = isOn),
      previous: (isHeld) => this.#showPrevious(isHeld),
      done: () => this.leave(),
    });
    this.#hand = new Hand(() => (this.isOn ? this.#session : null), this.#tools, (across, down) => parts.viewer.pan(across, down));
    find("view", HTMLElement).append(this.#layer, this.#hand.overlay.element);
    this.#setUpKeys();
    this.#listen();
    this.#stage.toggleAttribute("data-removed", true);
  }

  /** Whether a correction may not have arrived yet. */
  get isBusy() {
    return this.#sender.isBusy;
  }

  #setUpKeys() {
    const [tools, hand, masks] = [this.#tools, this.#hand, this.#masks];
    setUpKeys({
      isOn: () => this.isOn,
      move: (across, down) => hand.move(across, down),
      enter: () => hand.enter(),
      escape: () => (hand.gesture.isDrawing ? hand.gesture.cancel() : this.leave()),
      space: (isHeld) => (hand.pointer.isMoving = isHeld && this.isOn),
      previous: (isHeld) => this.#showPrevious(isHeld),
      undo: () => this.#step("undo"),
      redo: () => this.#step("redo"),
      keys: {
        1: () => tools.choose("region"),
        2: () => tools.choose("stroke"),
        3: () => tools.choose("roi"),
        q: () => tools.nextKind(),
        h: () => !this.#session?.draft.isMasked && tools.nextHoles(),
        f: () => masks.pick(),
        g: () => tools.toggle("show-removed"),
        l: () => tools.toggle("show-loupe"),
        e: () => this.leave(),
        ",": () => hand.scale(-1),
        ".": () => hand.scale(1),
      },
    });
  }

  #listen() {
    const { jobs, viewer, replaced } = this.#parts;
    const on = (/** @type {string} */ name, /** @type {(detail: any) => void} */ listener) =>
      this.#sender.addEventListener(name, (event) => event instanceof CustomEvent && listener(event.detail));
    on("made", ({ job, wish }) => void this.#take(job, wish));
    on("failed", ({ job }) => void this.#restart(job));
    on("ended", ({ job }) => {
      if (this.#isShown(job)) this.#showState();
      else this.#showAgain(job);
    });
    on("moved", ({ from, to }) => {
      if (this.#session && this.#session.job === from) this.#session.job = to;
      if (jobs.selected === from) replaced(to);
    });
    viewer.addEventListener("shown", () => {
      // The page's own picture is there, or says why not.
      if (!this.isOn) this.#clear();
    });
  }

  /** Takes the local picture off the stage, and the sign that another one is made. */
  #clear() {
    for (const name of ["data-local", "data-making"]) this.#stage.toggleAttribute(name, false);
  }

  /** Shows the server's picture of a job, if the job is on the stage. @param {Job} job */
  #showAgain(job) {
    const { jobs, viewer } = this.#parts;
    if (jobs.selected === job && document.documentElement.dataset.view === "single") void viewer.show(job, true);
  }

  /** Begins to correct a job, or ends it. @param {Job} job */
  async toggle(job) {
    if (this.isOn) return this.leave();
    const turn = ++this.#turn;
    const { jobs, viewer } = this.#parts;
    const isWanted = () => turn === this.#turn && jobs.selected === job && !isUnsent(job);
    try {
      const session = await openSession(job, this.#parts, this.#sender, this.#session);
      // Until the photo is there, another picture of the job may be chosen.
      let isShown = false;
      while (isWanted() && !isShown) isShown = await viewer.showPhoto(job);
      if (isWanted()) this.#begin(session);
      else if (session !== this.#session) session.close();
    } catch (fault) {
      if (isWanted()) this.complain(job, fault instanceof NotNow ? fault.message : describe(fault).text);
    }
  }

  /** @param {Session} session */
  #begin(session) {
    if (this.#session !== session) {
      this.#session?.close();
      session.draft.addEventListener("changed", () => this.#changed(session));
    }
    this.#session = session;
    this.#layer.replaceChildren(session.cut.canvas);
    this.isOn = true;
    for (const name of ["data-local", "data-correcting"]) this.#stage.toggleAttribute(name, true);
    this.#tools.show(true);
    this.#tools.choose("region", "auto");
    this.#parts.jobs.change(session.job, { problem: "" });
    this.#showState();
    find("view", HTMLElement).focus();
    announce(words.entered);
  }

  /** Ends it. All clicks are sent nevertheless. @param {boolean} [stays] whether the job stays on the stage */
  leave(stays = true) {
    this.#turn += 1;
    this.#showPrevious(false);
    if (!stays) this.#clear();
    if (!this.isOn) return;
    this.isOn = false;
    this.#hand.reset();
    this.#stage.toggleAttribute("data-correcting", false);
    this.#tools.show(false);
    const job = this.#session?.job;
    if (!stays || !job) return;
    // Until the server's picture is there, the local one stays.
    if (!this.#sender.pending(job)) void this.#parts.viewer.show(job, true);
    find("view", HTMLElement).focus();
    announce(words.left);
  }

  /** Something else is wanted of the cut. @param {Session} session */
  #changed(session) {
    session.render();
    this.#sender.want(session.job, session.begun, session.draft.wish);
    if (this.#isShown(session.job)) this.#showState();
  }

  /** The server has made a new picture. @type {(job: Job, wish: import("./draft.js").Wish) => Promise<void>} */
  async #take(job, wish) {
    const session = this.#session;
    if (session?.job !== job) return;
    try {
      await session.take(wish);
      if (this.#isShown(job)) this.#showState();
    } catch (fault) {
      this.complain(job, describe(fault).text);
    }
  }

  /** The server's last picture stays, so the correction begins again from there. @param {Job} job */
  async #restart(job) {
    const { problem } = job;
    const wasShown = this.#isShown(job);
    if (wasShown) this.leave();
    if (this.#session?.job === job) {
      this.#session.close();
      this.#session = null;
    }
    if (!wasShown) this.#showAgain(job);
    else if (job.step === "waiting") await this.toggle(job);
    this.complain(job, problem);
  }

  /** Says why a job was not changed. @type {(job: Job, problem: string) => void} */
  complain(job, problem) {
    this.#parts.jobs.change(job, { problem });
    if (this.#isShown(job)) this.#tools.say(problem, true);
    announce(problem);
  }

  /** Whether a job is being corrected on the stage. @param {Job} job */
  #isShown(job) {
    return this.isOn && this.#session?.job === job;
  }

  #showState() {
    const session = this.#session;
    if (!session) return;
    const { job, draft } = session;
    const isPending = this.#sender.pending(job);
    const { revision } = session;
    if (!isPending && revision > 0 && revision !== job.seen) this.#parts.jobs.change(job, { seen: revision });
    this.#stage.toggleAttribute("data-making", isPending);
    this.#tools.state(draft, linkOf(job, "clipping_path") !== undefined);
    this.#masks.state(draft);
    if (isPending) this.#tools.say(session.isUnseen ? words.unseenMask : words.making);
    else if (job.problem) this.#tools.say(job.problem, true);
    else if (!job.status?.draft) this.#tools.say(words.newJob);
    else if (session.lacksRegions) this.#tools.say(words.noRegions);
    else this.#tools.say(words.revision(job.status.draft.revision));
    this.#hand.refresh();
  }

  /** Has the photo that is corrected cut by a file. @param {File} file */
  async cutByFile(file) {
    const session = this.#session;
    if (!session || !this.isOn) return;
    try {
      const mask = await takeMask(file, this.#parts);
      if (session !== this.#session || !this.#isShown(session.job)) return;
      this.#hand.retool();
      session.draft.cutByFile(mask);
      announce(words.maskTaken(mask.name));
      await session.look(mask);
      if (this.#isShown(session.job)) this.#showState();
    } catch (fault) {
      if (session === this.#session) this.complain(session.job, describe(fault).text);
    }
  }

  /** @param {import("./mask.js").Source} source */
  #cutBy(source) {
    this.#hand.retool();
    this.#session?.draft.cutBy(source);
    announce(words.cutBy[source]);
  }

  /** @param {"undo" | "redo"} way */
  #step(way) {
    this.#hand.forget();
    const draft = this.#session?.draft;
    if (!draft || !(way === "undo" ? draft.canUndo : draft.canRedo)) return;
    draft[way]();
    announce(way === "undo" ? words.undone : words.redone);
  }

  #startOver() {
    this.#hand.forget();
    this.#session?.draft.change({ hints: [], roi: WHOLE, holes: "auto" });
    announce(words.startedOver);
  }

  /** @param {boolean} isHeld */
  #showPrevious(isHeld) {
    const session = this.#session;
    const isAbout = session !== null && session.job === this.#parts.jobs.selected && (this.isOn || this.#stage.dataset.content === "both");
    this.#previous.show(isHeld && isAbout ? session.bases : null);
  }
}
