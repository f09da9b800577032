// The way to correct a cut. Its modules are large, so they are loaded when somebody corrects one for the first time.

import { announce } from "../lib/dom.js";
import { texts } from "../lib/texts.js";

export class Correcting {
  /** @type {import("../correct/correct.js").Correct | null} */
  #correct = null;
  #turn = 0;
  #parts;

  /** @param {import("../correct/correct.js").Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Whether a correction may not have arrived yet. */
  get isBusy() {
    return this.#correct?.isBusy ?? false;
  }

  /** Begins to correct the selected job, or ends it. */
  async toggle() {
    const { jobs } = this.#parts;
    const job = jobs.selected;
    if (!job) return;
    const turn = (this.#turn += 1);
    try {
      if (!this.#correct) {
        const { Correct } = await import("../correct/correct.js");
        this.#correct ??= new Correct(this.#parts);
      }
    } catch {
      // Another version of the page may be on the server by now.
      jobs.change(job, { problem: texts.correct.notLoaded });
      return announce(texts.correct.notLoaded);
    }
    // Somebody may have left the job while the modules were loaded. The grid keeps it selected.
    if (turn === this.#turn && jobs.selected === job) await this.#correct.toggle(job);
  }

  /** Has the selected job cut by a file, and begins to correct it if need be. @param {File[]} files */
  async cutByFile(files) {
    const { jobs } = this.#parts;
    const job = jobs.selected;
    const [file] = files;
    if (!job || !file) return;
    if (!this.#correct?.isOn) await this.toggle();
    if (jobs.selected !== job || !this.#correct?.isOn) return;
    if (files.length > 1) this.#correct.complain(job, texts.correct.oneMask);
    else await this.#correct.cutByFile(file);
  }

  /** Ends it, since another job or none is shown. */
  leave() {
    this.#turn += 1;
    this.#correct?.leave(false);
  }
}
