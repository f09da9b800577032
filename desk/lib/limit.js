// Limits how many things happen at once. Others wait in line.

export class Limit {
  #free;
  /** @type {(() => void)[]} */
  #line = [];

  /** @param {number} most how many at once */
  constructor(most) {
    this.#free = most;
  }

  /**
   * Runs a task when there is a place for it.
   * @template Value
   * @param {() => Promise<Value>} task
   * @returns {Promise<Value>}
   */
  async run(task) {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise((/** @type {(value: void) => void} */ resolve) => this.#line.push(resolve));
    try {
      return await task();
    } finally {
      // The place goes straight to the next in line.
      const next = this.#line.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
