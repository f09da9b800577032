// Where a picture lies in its view: scale and offset, in CSS pixels. Only numbers, no document.

/** @typedef {{ x: number, y: number }} Point */
/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box in shares of a picture */

const MARGIN = 24;
const LARGEST_FIT = 3;
/** How much of the view a box fills at most. */
const FILLED = 0.8;
const SMALLEST = 1 / 64;
const LARGEST = 16;

export class Placement {
  scale = 1;
  offset = { x: 0, y: 0 };
  /** Whether the picture follows the size of its view. */
  isFit = true;
  #view = { x: 1, y: 1 };
  #picture = { x: 1, y: 1 };

  /**
   * @param {Point} view its width and height
   * @param {Point} picture its width and height, in its own pixels
   * @param {boolean} [isKept] whether another picture takes the place of this one: as wide on the screen, and with the same
   * part in the middle
   */
  resize(view, picture, isKept = false) {
    const center = { x: this.#view.x / 2, y: this.#view.y / 2 };
    const shown = this.#toPicture(center);
    const wasSame = this.#picture.x === picture.x && this.#picture.y === picture.y;
    const middle = { x: shown.x * (picture.x / this.#picture.x), y: shown.y * (picture.y / this.#picture.y) };
    const scale = this.scale * (this.#picture.x / picture.x);
    this.#view = view;
    this.#picture = picture;
    if (this.isFit || !(wasSame || isKept)) return this.fit();
    this.scale = Math.min(Math.max(scale, SMALLEST), LARGEST);
    this.offset = { x: view.x / 2 - middle.x * this.scale, y: view.y / 2 - middle.y * this.scale };
    this.#clamp();
  }

  /** Shows the whole picture. A small one is enlarged, but not beyond all measure. */
  fit() {
    this.isFit = true;
    const margin = Math.min(MARGIN, this.#view.x / 16);
    const [width, height] = [this.#view.x - 2 * margin, this.#view.y - 2 * margin];
    this.scale = Math.min(width / this.#picture.x, height / this.#picture.y, LARGEST_FIT);
    this.#clamp();
  }

  /**
   * Changes the scale and keeps what is at this point of the view, by default its middle.
   * @param {number} scale
   * @param {Point} [at]
   */
  zoom(scale, at = { x: this.#view.x / 2, y: this.#view.y / 2 }) {
    const kept = this.#toPicture(at);
    this.isFit = false;
    this.scale = Math.min(Math.max(scale, SMALLEST), LARGEST);
    this.offset = { x: at.x - kept.x * this.scale, y: at.y - kept.y * this.scale };
    this.#clamp();
  }

  /**
   * Shows a box of the picture in the middle, at this scale, or smaller if it would not fit with some room around it.
   * @param {Box} box
   * @param {number} scale
   */
  look({ left, top, right, bottom }, scale) {
    const [width, height] = [(right - left) * this.#picture.x, (bottom - top) * this.#picture.y];
    this.zoom(Math.min(scale, (FILLED * this.#view.x) / Math.max(width, 1), (FILLED * this.#view.y) / Math.max(height, 1)));
    const middle = { x: ((left + right) / 2) * this.#picture.x, y: ((top + bottom) / 2) * this.#picture.y };
    this.offset = { x: this.#view.x / 2 - middle.x * this.scale, y: this.#view.y / 2 - middle.y * this.scale };
    this.#clamp();
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  move(x, y) {
    this.offset = { x: this.offset.x + x, y: this.offset.y + y };
    this.#clamp();
  }

  /** @type {(at: Point) => Point} */
  #toPicture(at) {
    return { x: (at.x - this.offset.x) / this.scale, y: (at.y - this.offset.y) / this.scale };
  }

  /** A picture that fits is centered; a larger one covers the view. */
  #clamp() {
    for (const axis of /** @type {const} */ (["x", "y"])) {
      const [view, size] = [this.#view[axis], this.#picture[axis] * this.scale];
      const room = view - size;
      this.offset[axis] = room >= 0 ? room / 2 : Math.min(0, Math.max(room, this.offset[axis]));
    }
  }
}

/**
 * A box in shares of the part of the photo that is shown.
 * @param {[number, number, number, number]} box in pixels of the photo
 * @param {Point} size of the photo
 * @param {Box} part in shares of the photo
 * @returns {Box}
 */
export function within([left, top, right, bottom], size, part) {
  const across = (/** @type {number} */ x) => (x / size.x - part.left) / (part.right - part.left);
  const down = (/** @type {number} */ y) => (y / size.y - part.top) / (part.bottom - part.top);
  return { left: across(left), top: down(top), right: across(right), bottom: down(bottom) };
}
