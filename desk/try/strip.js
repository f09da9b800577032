// The strip of all photos: a list box, with arrow keys to choose.

import { announce, find, make } from "../lib/dom.js";
import { texts } from "../lib/texts.js";
import { isPending } from "./photos.js";
import { stateText } from "./viewer.js";

/** @typedef {import("./photos.js").Photo} Photo */

export class Strip {
  #list = find("thumbs", HTMLElement);
  /** @type {Map<Photo, { item: HTMLElement, image: HTMLImageElement, state: string }>} */
  #items = new Map();
  #photos;

  /** @param {import("./photos.js").Photos} photos */
  constructor(photos) {
    this.#photos = photos;
    photos.on(["added"], (photo) => this.#add(photo));
    photos.on(["changed"], (photo) => this.#change(photo));
    photos.on(["removed"], (photo) => this.#remove(photo));
    photos.on(["selected"], () => this.#select());
    this.#list.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {Photo} photo */
  #add(photo) {
    const image = make("img", { alt: "", draggable: "false", hidden: "" });
    const item = make(
      "div",
      { role: "option", class: "thumb", tabindex: "-1", "aria-selected": "false" },
      image,
      make("span", { class: "ring" }),
    );
    item.dataset.kind = /\.(\w{1,5})$/.exec(photo.file.name)?.[1]?.toUpperCase() ?? "";
    item.addEventListener("click", () => this.#photos.select(photo));
    this.#items.set(photo, { item, image, state: "" });
    this.#list.append(item);
    this.#change(photo);
  }

  /** @param {Photo} photo */
  #change(photo) {
    const entry = this.#items.get(photo);
    if (!entry) return;
    const { item, image } = entry;
    if (photo.thumbnail && image.src !== photo.thumbnail) {
      image.src = photo.thumbnail;
      image.hidden = false;
    }
    const state = stateText(photo);
    item.setAttribute("aria-label", `${photo.file.name}: ${state}`);
    item.title = photo.file.name;
    item.dataset.step = photo.step;
    const overall =
      photo.step === "uploading" ? photo.progress * 40 : photo.step === "making" ? 40 + photo.progress * 60 : 0;
    item.style.setProperty("--value", `${Math.round(overall)}%`);
    if (!isPending(photo) && entry.state !== photo.step) {
      const { name } = photo.file;
      announce(photo.problem ? texts.announceFailed(name, photo.problem.text) : texts.announceDone(name));
    }
    entry.state = photo.step;
  }

  /** @param {Photo} photo */
  #remove(photo) {
    const item = this.#items.get(photo)?.item;
    const hadFocus = item === document.activeElement;
    item?.remove();
    this.#items.delete(photo);
    // The next one is selected right after this, and takes over the focus.
    if (hadFocus) queueMicrotask(() => this.#focus());
  }

  #select() {
    for (const [photo, { item }] of this.#items) {
      const isSelected = photo === this.#photos.selected;
      item.setAttribute("aria-selected", String(isSelected));
      item.tabIndex = isSelected ? 0 : -1;
      if (isSelected) item.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  #focus() {
    const { selected } = this.#photos;
    if (selected) this.#items.get(selected)?.item.focus();
    else find("pick", HTMLButtonElement).focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const count = this.#photos.all.length;
    const distances = /** @type {Record<string, number>} */ ({
      ArrowLeft: -1,
      ArrowUp: -1,
      ArrowRight: 1,
      ArrowDown: 1,
    });
    const distance = distances[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (distance !== undefined) this.#photos.step(distance);
    else if (event.key === "Home") this.#photos.select(this.#photos.all[0] ?? null);
    else if (event.key === "End") this.#photos.select(this.#photos.all[count - 1] ?? null);
    else return;
    event.preventDefault();
    this.#focus();
  }
}
