// Zooming and panning by mouse, touch, wheel, buttons and keys.

import { find } from "./dom.js";

const WHEEL_STEP = 0.0015;
const BUTTON_STEP = 1.5;
const KEY_DISTANCE = 60;

/** Moves the placement of the view and calls `moved` afterwards. */
export class Gestures {
  #view = find("view", HTMLElement);
  #zooms = find("zooms", HTMLElement);
  /** @type {Map<number, import("./placement.js").Point>} */
  #pointers = new Map();
  #placement;
  #moved;

  /**
   * @param {import("./placement.js").Placement} placement
   * @param {() => void} moved
   */
  constructor(placement, moved) {
    this.#placement = placement;
    this.#moved = moved;
    this.#view.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#view.addEventListener("pointerdown", (event) => this.#down(event));
    this.#view.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
      this.#view.addEventListener(name, (event) => this.#up(event));
    }
    this.#view.addEventListener("keydown", (event) => this.#key(event));
    this.#view.addEventListener("dblclick", (event) => this.#toggle(this.#point(event)));
    this.#zooms.addEventListener("click", (event) => {
      const zoom = event.target instanceof Element && event.target.closest("[data-zoom]")?.getAttribute("data-zoom");
      if (zoom) this.zoom(zoom);
    });
  }

  /**
   * @param {string} to `fit`, `in`, `out`, or how large a pixel of the picture is in pixels of the screen
   */
  zoom(to) {
    const { scale } = this.#placement;
    if (to === "fit") this.#placement.fit();
    else if (to === "in") this.#placement.zoom(scale * BUTTON_STEP);
    else if (to === "out") this.#placement.zoom(scale / BUTTON_STEP);
    else this.#placement.zoom(Number(to) / devicePixelRatio);
    this.#moved();
  }

  /** Shows on the buttons how large the picture is. */
  show() {
    for (const button of this.#zooms.querySelectorAll("[aria-pressed]")) {
      const zoom = button.getAttribute("data-zoom");
      const isPressed =
        zoom === "fit"
          ? this.#placement.isFit
          : Math.abs(this.#placement.scale * devicePixelRatio - Number(zoom)) < 0.001;
      button.setAttribute("aria-pressed", String(isPressed));
    }
  }

  /** 100 % and back, around a point or the middle. */
  #toggle(/** @type {import("./placement.js").Point} */ at) {
    if (this.#placement.isFit) this.#placement.zoom(1 / devicePixelRatio, at);
    else this.#placement.fit();
    this.#moved();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    // Where the page itself scrolls, the wheel scrolls it, unless the picture is enlarged or Ctrl is held.
    const scrolls = document.documentElement.scrollHeight > innerHeight + 1;
    if (scrolls && this.#placement.isFit && !event.ctrlKey) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30;
    // A pinch on a touchpad arrives as a wheel with Ctrl, and in small steps.
    const step = WHEEL_STEP * (event.ctrlKey ? 5 : 1) * lines;
    this.#placement.zoom(this.#placement.scale * Math.exp(-event.deltaY * step), this.#point(event));
    this.#moved();
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button !== 0) return;
    this.#view.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#point(event));
    this.#view.classList.add("is-moving");
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#point(event);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, now);
    if (other) {
      const ratio = distance(now, other) / Math.max(distance(before, other), 1);
      this.#placement.zoom(this.#placement.scale * ratio, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    } else {
      this.#placement.move(now.x - before.x, now.y - before.y);
    }
    this.#moved();
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.#pointers.delete(event.pointerId);
    this.#view.classList.toggle("is-moving", this.#pointers.size > 0);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const moves = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [1, 0],
      ArrowRight: [-1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    });
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey || this.#placement.isFit) return;
    event.preventDefault();
    this.pan(...move);
  }

  /**
   * Moves the picture by a step along each axis.
   * @param {number} across -1, 0 or 1
   * @param {number} down -1, 0 or 1
   */
  pan(across, down) {
    this.#placement.move(across * KEY_DISTANCE, down * KEY_DISTANCE);
    this.#moved();
  }

  /** @type {(event: MouseEvent) => import("./placement.js").Point} */
  #point(event) {
    const view = this.#view.getBoundingClientRect();
    return { x: event.clientX - view.left, y: event.clientY - view.top };
  }
}

/** @type {(one: import("./placement.js").Point, other: import("./placement.js").Point) => number} */
const distance = (one, other) => Math.hypot(one.x - other.x, one.y - other.y);
