// Repeats requests while what keeps them from succeeding passes by itself, or can be put right: no network, a server that
// restarts, a limit, a key that is missing.

import { ApiError, Unreachable } from "./api.js";
import { sleep } from "./dom.js";
import { texts } from "./texts.js";

const DEFAULT_RETRY_SECONDS = 5;

/**
 * @typedef {object} Options
 * @property {AbortSignal} [signal] ends it
 * @property {(text: string) => void} [paused] takes why it waits, and an empty text when it goes on
 * @property {() => Promise<void>} [check] what else could explain that there was no answer; throws if it does
 */

export class Persistence {
  #connection;
  #keys;

  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./key.js").KeyStore} keys
   */
  constructor(connection, keys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /**
   * Repeats a step until its fault, if any, is a lasting one. It must be possible to repeat the step without harm.
   * @template Value
   * @param {() => Promise<Value>} step
   * @param {Options} [options]
   * @returns {Promise<Value>}
   */
  async run(step, options = {}) {
    const { signal, paused } = options;
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await step();
      } catch (fault) {
        signal?.throwIfAborted();
        await this.#recover(fault, options);
        paused?.("");
      }
    }
  }

  /**
   * Waits until a step may be repeated. Throws lasting faults.
   * @param {unknown} fault
   * @param {Options} options
   */
  async #recover(fault, { paused, check }) {
    if (fault instanceof Unreachable) {
      await check?.();
      paused?.(texts.waitingFor.server);
      await this.#connection.back();
    } else if (fault instanceof ApiError && fault.status === 401) {
      paused?.(texts.waitingFor.key);
      await this.#keys.another(fault.key);
    } else if (fault instanceof ApiError && fault.isTemporary) {
      const seconds = fault.retryAfter ?? DEFAULT_RETRY_SECONDS;
      paused?.(texts.waitingFor.turn(seconds));
      await sleep(seconds * 1_000);
    } else {
      throw fault;
    }
  }
}
