// Brings files to the server by links of their own, so that they may be larger than a request through a gateway.

import { ApiError } from "./api.js";
import { put } from "./put.js";

/** The most links for one file, if one after another is refused. */
const MAX_GRANTS = 4;

/**
 * @typedef {object} Course How an upload goes on.
 * @property {<Value>(step: () => Promise<Value>) => Promise<Value>} run repeats a step until its fault, if any, is a lasting
 *   one. A step can be repeated without harm
 * @property {AbortSignal} signal ends it
 * @property {() => void} [began] takes the beginning of each try
 * @property {(ratio: number) => void} [progressed]
 */

/**
 * Uploads a file, and returns its key.
 * @param {Pick<import("./api.js").Api, "grant">} api
 * @param {File} file
 * @param {Course} course
 * @returns {Promise<string>}
 */
export async function upload(api, file, { run, signal, began, progressed = () => {} }) {
  for (let grants = 1; ; grants += 1) {
    const grant = await run(() => api.grant(file));
    began?.();
    try {
      await run(() => put(grant, file, progressed, signal));
      return grant.file_key;
    } catch (fault) {
      // The link has expired, or the server has lost it. Another link is as good.
      if (!(fault instanceof ApiError && fault.status === 403 && grants < MAX_GRANTS)) throw fault;
    }
  }
}
