// Saves one picture, or all as a ZIP.

import { announce, find, make, save } from "../lib/dom.js";
import { extensionOf } from "../lib/pictures.js";
import { describe } from "../lib/problems.js";
import { texts } from "../lib/texts.js";
import { ZipTooLarge, ZipWriter } from "../lib/zip.js";
import { variationsOf } from "./photos.js";

/** @typedef {import("./photos.js").Photo} Photo */

export class Downloads {
  #one = find("download", HTMLButtonElement);
  #all = find("download-all", HTMLButtonElement);
  #isPacking = false;
  #photos;
  #pictures;

  /**
   * @param {import("./photos.js").Photos} photos
   * @param {import("../lib/pictures.js").Pictures<Photo>} pictures
   */
  constructor(photos, pictures) {
    this.#photos = photos;
    this.#pictures = pictures;
    this.#one.addEventListener("click", () => void this.saveShown());
    this.#all.addEventListener("click", () => void this.#saveAll());
  }

  /** Shows what can be saved. */
  refresh() {
    this.#one.disabled = this.#photos.selected?.step !== "done";
    if (this.#isPacking) return;
    const count = this.#everything().length;
    this.#all.hidden = count < 2;
    this.#all.textContent = texts.downloadAll(count);
  }

  /** Saves the picture that is shown. */
  async saveShown() {
    const photo = this.#photos.selected;
    if (photo?.step !== "done") return;
    try {
      save(await this.#pictures.get(photo, photo.shown), fileName(photo, photo.shown));
    } catch (fault) {
      this.#fail(photo, fault);
    }
  }

  /** Every picture of every photo. */
  #everything() {
    const done = this.#photos.all.filter(({ step }) => step === "done");
    return done.flatMap((photo) => variationsOf(photo.status).map((name) => ({ photo, name })));
  }

  async #saveAll() {
    if (this.#isPacking) return;
    this.#isPacking = true;
    this.#all.disabled = true;
    const pictures = this.#everything();
    const zip = new ZipWriter();
    try {
      for (const [index, { photo, name }] of pictures.entries()) {
        this.#all.textContent = texts.packing(index + 1, pictures.length);
        try {
          await zip.add(fileName(photo, name), await this.#pictures.get(photo, name));
        } catch (fault) {
          if (fault instanceof ZipTooLarge) throw fault;
          this.#fail(photo, fault);
        }
      }
      save(zip.finish(), "cutline.zip");
    } catch {
      announce(texts.zipTooLarge);
      find("notes", HTMLElement).append(make("li", {}, texts.zipTooLarge));
    } finally {
      this.#isPacking = false;
      this.#all.disabled = false;
      this.refresh();
    }
  }

  /** @type {(photo: Photo, fault: unknown) => void} */
  #fail(photo, fault) {
    this.#photos.change(photo, { step: "failed", problem: describe(fault) });
  }
}

/** The name to save a picture under. @type {(photo: Photo, name: string) => string} */
function fileName(photo, name) {
  const stem = photo.file.name.replace(/\.[^.]*$/, "") || photo.file.name;
  return `${stem}-${name}.${extensionOf(photo, name)}`;
}
