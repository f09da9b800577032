// Whether the server can be reached. Work that was interrupted waits here and continues when it is back.

import { sleep } from "./dom.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5_000;

/** Sends `changed` when the server is lost or back. */
export class Connection extends EventTarget {
  /** @type {Promise<void> | null} */
  #return = null;
  #health = new URL("health", document.baseURI).href;

  constructor() {
    super();
    window.addEventListener("offline", () => void this.back());
  }

  get isLost() {
    return this.#return !== null;
  }

  /**
   * Resolves when the server answers. Call it after a request had no answer.
   * @returns {Promise<void>}
   */
  back() {
    if (!this.#return) {
      this.#return = this.#ask().finally(() => {
        this.#return = null;
        this.dispatchEvent(new Event("changed"));
      });
      this.dispatchEvent(new Event("changed"));
    }
    return this.#return;
  }

  async #ask() {
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
      // Any answer will do: what is wrong otherwise, the next request will tell.
      const answers =
        navigator.onLine &&
        (await fetch(this.#health, { cache: "no-store" }).then(
          () => true,
          () => false,
        ));
      if (answers) return;
      const online = new Promise((resolve) => window.addEventListener("online", resolve, { once: true }));
      await Promise.race([sleep(pause), online]);
    }
  }
}
