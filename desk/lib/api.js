// A client of Cutline's public API. It throws `ApiError` for an answer that is an error, and `Unreachable` if there was no
// answer. The key is only ever sent in a header.

import { isKey } from "./key.js";

/**
 * @typedef {object} Status The fields of a status that the pages use.
 * @property {string} job_id
 * @property {string} status
 * @property {"pending" | "done"} state
 * @property {number} progress
 * @property {string | null} [final_url]
 * @property {Record<string, string> | null} [final_urls]
 * @property {string | null} [expires_at] when the links stop working
 * @property {Draft} [draft] only of a job that is held for review
 * @property {Record<string, string>} [assets]
 * @property {string} [external_id]
 * @property {number} [confidence]
 * @property {[number, number, number, number]} [crop_box] what cropped pictures show of the photo; previews and assets show all of it
 * @property {Attention[]} [attention] where a person should look, the worst first
 * @property {{ pixels: number, largest_difference: number }} [pixel_check] how far lossless files differ from the photo
 * @property {Record<string, string[]>} [warnings]
 * @property {{ code: string, message: string, retryable: boolean }} [error]
 *
 * @typedef {object} Attention A place of a cut that a person should look at.
 * @property {string} reason
 * @property {string} message
 * @property {[number, number, number, number]} box in pixels of the upright photo
 *
 * @typedef {object} Draft The pictures of a job that is held for review.
 * @property {number} revision
 * @property {string} deadline
 * @property {string | null} [final_url]
 * @property {Record<string, string> | null} [final_urls]
 *
 * @typedef {{ verdict: string, revision: number, by: string, at: string, reason?: string, note?: string }} Decision
 * @typedef {{ kind: "keep" | "remove", points: [number | string, number | string][], radius?: number | string | null }} Hint
 * @typedef {"auto" | "alpha" | "path" | "file"} MaskSource what the photo is cut by
 * @typedef {{ hints?: Hint[], roi?: string, holes?: "auto" | "open" | "keep", mask_source?: MaskSource }} Subject how the cut is
 *   steered
 *
 * @typedef {object} ListedJob A job in a list.
 * @property {string} job_id
 * @property {string} status
 * @property {string} mode
 * @property {{ name: string }} [params]
 * @property {string} [external_id]
 * @property {string} [output_name]
 * @property {string} created_at
 * @property {number} [confidence]
 * @property {boolean} [empty_draft] whether it is held with an empty draft, which cannot be approved
 * @property {{ code: string, message: string }} [error]
 *
 * @typedef {{ file_key: string, upload_url: string, headers: Record<string, string> }} Grant
 * @typedef {{ name: string, built_in: boolean }} ListedSet
 * @typedef {{ owner: string, credits: number | null, limits: { file_bytes: number, mask_bytes: number } }} Account
 * @typedef {{ mode: string, output_format?: string, params?: string, crop?: string, depth?: string, color?: string, mask_source?: MaskSource }} Settings
 */

/** An answer that is an error. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{ error?: string, message?: string, details?: Record<string, string[]> }} body
   * @param {(name: string) => string | null} header
   * @param {string} [key] the key that was sent
   */
  constructor(status, body, header, key = "") {
    super(body.message ?? body.error ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.error ?? "";
    this.details = body.details ?? {};
    const seconds = Number(header("Retry-After") ?? "");
    /** When to try again, in seconds, if the server says so. */
    this.retryAfter = seconds > 0 ? seconds : null;
    this.requestId = header("X-Request-Id");
    this.key = key;
  }

  /** Whether the same request succeeds later. */
  get isTemporary() {
    return [408, 429, 502, 503, 504].includes(this.status);
  }
}

/** No answer: no network, no server, or a connection that broke. */
export class Unreachable extends Error {}

/** The server's links lead neither to this page's address nor to its store, so the page may not follow them. */
export class ForeignLink extends Error {
  /** @param {string} origin */
  constructor(origin) {
    super(`foreign link: ${origin}`);
    this.origin = origin;
  }
}

export class Api {
  #base = new URL("api/v1/", document.baseURI);
  #keys;

  /** @param {import("./key.js").KeyStore} keys */
  constructor(keys) {
    this.#keys = keys;
  }

  /** @type {(path: string) => string} */
  url(path) {
    return new URL(path, this.#base).href;
  }

  /** @returns {Promise<Account>} */
  account() {
    return this.#request("GET", "account");
  }

  /**
   * All parameter sets, page by page.
   * @returns {Promise<ListedSet[]>}
   */
  async sets() {
    const sets = [];
    let cursor = "";
    do {
      const page = await this.#request("GET", `params?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      sets.push(...page.params);
      cursor = page.cursor ?? "";
    } while (cursor);
    return sets;
  }

  /**
   * A link to upload a file.
   * @param {Blob} file
   * @returns {Promise<Grant>}
   */
  grant(file) {
    // The server recognizes files by their content. Some kinds have no media type in browsers.
    const isAnnounceable = /^(image|application)\/[\w.+-]+$/.test(file.type);
    const content_type = isAnnounceable ? file.type : "application/octet-stream";
    return this.#request("POST", "uploads", { content_type, size: file.size });
  }

  /**
   * Creates a job. The same `identity` never creates a second one.
   * @param {{ file_key: string, mask_key?: string }} files
   * @param {Settings} settings
   * @param {string} identity
   * @returns {Promise<{ job_id: string }>}
   */
  submit(files, settings, identity) {
    return this.#request("POST", "upload", { ...files, ...settings }, { "Idempotency-Key": identity });
  }

  /**
   * @param {string} job
   * @param {number} [wait] for how many seconds the server may wait for the job's end
   * @returns {Promise<Status>}
   */
  status(job, wait = 0) {
    /** @type {Record<string, string>} */
    const prefer = wait > 0 ? { Prefer: `wait=${wait}` } : {};
    return this.#request("GET", `status?job_id=${encodeURIComponent(job)}`, undefined, prefer);
  }

  /**
   * A page of the owner's jobs.
   * @param {URLSearchParams} query conditions, `limit` and `cursor`
   * @returns {Promise<{ jobs: ListedJob[], cursor?: string }>}
   */
  jobs(query) {
    return this.#request("GET", `jobs?${query}`);
  }

  /**
   * One job: its status, and the decision about it.
   * @param {string} job
   * @returns {Promise<Status & { review?: Decision, subject?: Subject, path_inset?: number }>}
   */
  job(job) {
    return this.#request("GET", `jobs/${encodeURIComponent(job)}`);
  }

  /**
   * Decides about a job that is held for review. The same decision can be sent again without harm.
   * @param {string} job
   * @param {"approve" | "reject"} verdict
   * @param {{ revision: number, reason?: string }} body
   * @returns {Promise<{ status: string, review: Decision | null }>}
   */
  decide(job, verdict, body) {
    // A tab that is closed meanwhile still sends it.
    return this.#request("POST", `jobs/${encodeURIComponent(job)}/${verdict}`, body, {}, { keepalive: true });
  }

  /**
   * Cuts a job again, with a form if it brings a mask. The same request can be sent again without harm.
   * @type {(job: string, body: object, identity: string) => Promise<{ job_id: string }>}
   */
  recut(job, body, identity) {
    return this.#request("POST", `jobs/${encodeURIComponent(job)}/recut`, body, { "Idempotency-Key": identity });
  }

  /**
   * A file behind a link. A link carries its own signature and no key.
   * @param {string} link
   * @returns {Promise<Response>}
   */
  async file(link) {
    const response = await reach(reachable(link), { credentials: "omit" });
    if (!response.ok) throw await failure(response);
    return response;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body] sent as JSON, unless it is a form
   * @param {Record<string, string>} [headers]
   * @param {RequestInit} [options]
   * @returns {Promise<any>} the answer's JSON
   */
  async #request(method, path, body, headers = {}, options = {}) {
    const key = this.#keys.key;
    // Without a key that can be sent, the answer is known.
    if (!isKey(key)) throw new ApiError(401, {}, () => null, key);
    const all = new Headers({ ...headers, "X-API-Key": key });
    const isForm = body instanceof FormData;
    if (body && !isForm) all.set("Content-Type", "application/json");
    const sent = isForm ? body : body && JSON.stringify(body);
    const response = await reach(this.url(path), { ...options, method, headers: all, body: sent, credentials: "omit" });
    if (!response.ok) throw await failure(response, key);
    try {
      return await response.json();
    } catch {
      throw new Unreachable("the answer ended early");
    }
  }
}

/** @type {(url: string, init: RequestInit) => Promise<Response>} */
async function reach(url, init) {
  try {
    return await fetch(url, { cache: "no-store", ...init });
  } catch (error) {
    throw new Unreachable("no answer", { cause: error });
  }
}

/** @type {(response: Response, key?: string) => Promise<ApiError>} */
async function failure(response, key) {
  const body = await response.json().catch(() => ({}));
  return new ApiError(response.status, body, (name) => response.headers.get(name), key);
}

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

/** The origin of the object store that links lead to, or an empty text if they lead to this server. */
const storeOrigin = () => document.querySelector("meta[name=cutline-store]")?.getAttribute("content") ?? "";

/**
 * A link of the server as this page reaches it: in the store, or on the server itself. A server on this machine has
 * several names, and its links use one of them. Throws `ForeignLink` for a link that the policy of this page forbids.
 * @type {(link: string) => string}
 */
export function reachable(link) {
  const url = new URL(link, document.baseURI);
  if (url.origin === storeOrigin()) return url.href;
  const isThisMachine = LOOPBACK.includes(url.hostname) && LOOPBACK.includes(location.hostname);
  const isSame = url.origin === location.origin || (isThisMachine && url.port === location.port);
  if (!isSame) throw new ForeignLink(url.origin);
  return location.origin + url.pathname + url.search;
}
