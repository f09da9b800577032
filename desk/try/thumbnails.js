// Small pictures for the strip: first of the photo, then of its cut-out. One at a time, so that the page stays quick.

import { Limit } from "../lib/limit.js";
import { hiddenFormat } from "../lib/pictures.js";

/** @typedef {import("./photos.js").Photo} Photo */

const SIDE = 160;

export class Thumbnails {
  #originals = new Limit(1);
  #results = new Limit(1);
  #photos;
  #pictures;

  /**
   * @param {import("./photos.js").Photos} photos
   * @param {import("../lib/pictures.js").Pictures<Photo>} pictures
   */
  constructor(photos, pictures) {
    this.#photos = photos;
    this.#pictures = pictures;
  }

  /**
   * Finds out how the browser can show the photo.
   * @param {Photo} photo
   */
  add(photo) {
    photo.original = this.#originals.run(async () => {
      const url = URL.createObjectURL(photo.file);
      try {
        const image = new Image();
        image.src = url;
        await image.decode();
        this.#set(photo, await drawn(image, SIDE));
        // An animation would run next to its still result.
        return photo.file.type === "image/gif" ? await drawn(image) : photo.file;
      } catch {
        return null;
      } finally {
        URL.revokeObjectURL(url);
      }
    });
  }

  /**
   * Shows the cut-out in place of the photo.
   * @param {Photo} photo
   */
  async finish(photo) {
    const { jobId, shown } = photo;
    if (!shown || hiddenFormat(photo, shown)) return;
    const isCurrent = () => photo.jobId === jobId && !photo.life.signal.aborted;
    try {
      const thumbnail = await this.#results.run(async () => {
        return isCurrent() ? small(await this.#pictures.get(photo, shown)) : null;
      });
      if (thumbnail && isCurrent()) this.#set(photo, thumbnail);
    } catch {
      // The strip keeps the photo itself; the viewer reports what is wrong.
    }
  }

  /** @type {(photo: Photo, blob: Blob) => void} */
  #set(photo, blob) {
    if (photo.life.signal.aborted) return;
    URL.revokeObjectURL(photo.thumbnail);
    this.#photos.change(photo, { thumbnail: URL.createObjectURL(blob) });
  }
}

/** @type {(blob: Blob) => Promise<Blob>} */
async function small(blob) {
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return await drawn(image, SIDE);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * An image as a still picture, within a square of this side if there is one.
 * @param {HTMLImageElement} image
 * @param {number} [side]
 * @returns {Promise<Blob>}
 */
function drawn(image, side) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const scale = side ? Math.min(1, side / Math.min(width, height)) : 1;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("cannot draw"))), "image/png");
  });
}
