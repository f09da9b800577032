// The files of jobs. Links expire within an hour, so a refused one is replaced by a fresh one, silently. The last few files
// are kept.

import { ApiError, Unreachable } from "./api.js";
import { LocalFault } from "./problems.js";
import { texts } from "./texts.js";

/**
 * What has files.
 * @typedef {{ jobId: string, status: import("./api.js").Status | null }} Item
 */

const MAX_KEPT = 12;

/** @template {Item} Of */
export class Pictures {
  /** @type {Map<string, Promise<Blob>>} by job and name, the latest used last */
  #kept = new Map();
  #renewed;
  #api;
  #persistence;

  /**
   * @param {(item: Of, status: import("./api.js").Status) => void} renewed takes the status with fresh links
   * @param {import("./api.js").Api} api
   * @param {import("./persist.js").Persistence} persistence
   */
  constructor(renewed, api, persistence) {
    this.#renewed = renewed;
    this.#api = api;
    this.#persistence = persistence;
  }

  /**
   * A variation or asset of a job's result.
   * @param {Of} item
   * @param {string} name
   * @returns {Promise<Blob>}
   */
  get(item, name) {
    const id = `${item.jobId}/${item.status?.draft?.revision ?? 0}/${name}`;
    const blob = this.#kept.get(id) ?? this.#fetch(item, name);
    this.#kept.delete(id);
    this.#kept.set(id, blob);
    blob.catch(() => this.#kept.delete(id));
    for (const oldest of [...this.#kept.keys()].slice(0, -MAX_KEPT)) this.#kept.delete(oldest);
    return blob;
  }

  /** @type {(item: Of, name: string) => Promise<Blob>} */
  async #fetch(item, name) {
    let isFresh = false;
    const renew = async () => {
      this.#renewed(item, await this.#persistence.run(() => this.#api.status(item.jobId)));
      isFresh = true;
    };
    // A store of another origin may not let the page see why it refuses a link.
    if (Date.parse(item.status?.expires_at ?? "") < Date.now()) await renew();
    for (;;) {
      const link = linkOf(item, name);
      if (!link) throw new LocalFault(texts.problems.expired, true);
      try {
        return await this.#persistence.run(() => this.#download(link));
      } catch (fault) {
        if (fault instanceof ApiError && fault.status === 403 && !isFresh) {
          await renew();
        } else if (fault instanceof ApiError && fault.status === 404) {
          throw new LocalFault(texts.problems.expired, true);
        } else {
          throw fault;
        }
      }
    }
  }

  /** @param {string} link */
  async #download(link) {
    const response = await this.#api.file(link);
    return response.blob().catch((cause) => {
      throw new Unreachable("the file broke off", { cause });
    });
  }
}

/**
 * The link to a variation or asset, also of a job that is held for review.
 * @type {(item: Item, name: string) => string | undefined}
 */
export const linkOf = ({ status }, name) =>
  status?.final_urls?.[name] ?? status?.draft?.final_urls?.[name] ?? status?.assets?.[name] ?? finalLink(status, name);

/** With `delivery_mode=final_url` there is one link, which has no name. */
const finalLink = (/** @type {import("./api.js").Status | null} */ status, /** @type {string} */ name) =>
  name === FINAL ? (status?.final_url ?? status?.draft?.final_url ?? undefined) : undefined;

/** The name of the only picture of a job with `delivery_mode=final_url`. */
export const FINAL = "final";

/**
 * How the name of a file ends, in lower case.
 * @param {Item} item
 * @param {string} name
 */
export function extensionOf(item, name) {
  const path = new URL(linkOf(item, name) ?? "https://cutline.invalid/").pathname;
  return /\.([a-z0-9]+)$/i.exec(path)?.[1]?.toLowerCase() ?? "png";
}

/** Width and height in the head of a PNG. @param {Blob} png */
export async function pngSize(png) {
  const head = new DataView(await png.slice(0, 24).arrayBuffer());
  return { x: head.getUint32(16), y: head.getUint32(20) };
}

/**
 * The format of a picture, if browsers cannot show it.
 * @param {Item} item
 * @param {string} name
 * @returns {string | null}
 */
export function hiddenFormat(item, name) {
  const extension = extensionOf(item, name);
  return ["psd", "psb", "tiff", "tif"].includes(extension) ? extension.toUpperCase() : null;
}
