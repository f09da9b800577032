// Uploads files straight to their links.

import { ApiError, Unreachable, reachable } from "./api.js";

/**
 * Uploads a file to its link. `fetch` does not report progress, so this is an XMLHttpRequest.
 * @param {import("./api.js").Grant} grant
 * @param {Blob} file
 * @param {(ratio: number) => void} progressed
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function put(grant, file, progressed, signal) {
  return new Promise((resolve, reject) => {
    const url = reachable(grant.upload_url);
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of Object.entries(grant.headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => progressed(event.loaded / Math.max(event.total, 1)));
    request.addEventListener("load", () => {
      if (request.status < 300) return resolve();
      reject(new ApiError(request.status, parsed(request.responseText), (name) => request.getResponseHeader(name)));
    });
    request.addEventListener("error", () => reject(new Unreachable("the upload broke off")));
    request.addEventListener("abort", () => reject(signal.reason));
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** @type {(text: string) => object} */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
