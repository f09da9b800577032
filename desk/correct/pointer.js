// Mouse, pen, touch and wheel on the stage while a cut is corrected. Other events go on to zooming and panning.

import { find } from "../lib/dom.js";

/** @typedef {import("./regions.js").Point} Point */

/** A pointer that moved less, in pixels of the screen, has clicked. */
const CLICK = 5;
/** How far a wheel turns for one step of scale, in pixels. */
const WHEEL = 60;

/**
 * @typedef {object} Handlers
 * @property {() => boolean} isOn
 * @property {() => boolean} draws whether dragging draws, and does not move the picture
 * @property {(point: Point | null) => void} hover
 * @property {(point: Point) => void} click
 * @property {(point: Point) => void} begin
 * @property {(point: Point) => void} draw
 * @property {() => void} end
 * @property {() => void} cancel
 * @property {(steps: number) => void} scale
 */

export class Pointer {
  #view = find("view", HTMLElement);
  #stage = find("stage", HTMLElement);
  /** While the space bar is held, dragging moves the picture. */
  isMoving = false;
  /** @type {{ id: number, x: number, y: number, isDrawing: boolean, hasMoved: boolean } | null} */
  #down = null;
  #turned = 0;
  #handlers;

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
    const listen = (/** @type {string} */ name, /** @type {(event: any) => void} */ listener) => {
      this.#stage.addEventListener(
        name,
        (event) => {
          if (handlers.isOn() && event.target === this.#view) listener(event);
        },
        { capture: true, passive: false },
      );
    };
    listen("wheel", (event) => this.#wheel(event));
    listen("pointerdown", (event) => this.#press(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerup", (event) => this.#release(event));
    listen("pointercancel", (event) => this.#abort(event));
    // A finger leaves after each tap.
    listen("pointerleave", ({ pointerType }) => pointerType !== "touch" && handlers.hover(null));
    // Two clicks are two hints, and no zoom.
    listen("dblclick", (event) => event.stopPropagation());
  }

  /** Where an event is in the photo. @type {(event: MouseEvent) => Point} */
  #point({ clientX, clientY }) {
    const { left, top } = this.#view.getBoundingClientRect();
    const { x, y, width, height } = this.#place();
    return { x: (clientX - left - x) / width, y: (clientY - top - y) / height };
  }

  /** The place of the picture in the view, in pixels of the screen. */
  #place() {
    const { style } = this.#view;
    const [x = 0, y = 0, width = 1, height = 1] = ["x", "y", "width", "height"].map((name) => parseFloat(style.getPropertyValue(`--${name}`)));
    return { x, y, width, height };
  }

  /** Where a point of the photo is in the view, in shares of it. @param {Point | null} point */
  onScreen(point) {
    const { x, y, width, height } = this.#place();
    const at = point ?? { x: 0, y: 0 };
    return { x: (x + at.x * width) / this.#view.clientWidth, y: (y + at.y * height) / this.#view.clientHeight };
  }

  /** A pixel of the screen, in shares of the photo. */
  get step() {
    const { width, height } = this.#place();
    return { x: 1 / width, y: 1 / height };
  }

  /** The part of the photo that is in view. */
  get seen() {
    const { x, y, width, height } = this.#place();
    const [right, bottom] = [(this.#view.clientWidth - x) / width, (this.#view.clientHeight - y) / height];
    return { left: Math.max(0, -x / width), top: Math.max(0, -y / height), right: Math.min(1, right), bottom: Math.min(1, bottom) };
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    // With Ctrl, as a pinch on a touchpad arrives, it zooms.
    if (event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 30;
    this.#turned += event.deltaY * lines;
    const steps = Math.trunc(this.#turned / WHEEL);
    this.#turned -= steps * WHEEL;
    // Away from oneself is larger.
    if (steps !== 0) this.#handlers.scale(-steps);
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0) return;
    if (this.#down && this.#down.id !== event.pointerId) {
      // A second finger zooms.
      if (this.#down.isDrawing) this.#handlers.cancel();
      this.#down = null;
      return;
    }
    const isDrawing = this.#handlers.draws() && !this.isMoving;
    this.#down = { id: event.pointerId, x: event.clientX, y: event.clientY, isDrawing, hasMoved: false };
    // Zooming hears of it too, in case a second finger comes.
    if (!isDrawing) return;
    this.#view.setPointerCapture(event.pointerId);
    this.#handlers.begin(this.#point(event));
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const down = this.#down;
    if (!down) return event.pointerType === "touch" ? undefined : this.#handlers.hover(this.#point(event));
    if (down.id !== event.pointerId) return;
    down.hasMoved ||= Math.hypot(event.clientX - down.x, event.clientY - down.y) > CLICK;
    if (down.isDrawing) {
      event.stopPropagation();
      for (const one of event.getCoalescedEvents?.() ?? []) this.#handlers.draw(this.#point(one));
      this.#handlers.draw(this.#point(event));
    } else if (!down.hasMoved) {
      // A hand that shakes does not move the picture.
      event.stopPropagation();
    }
  }

  /** @param {PointerEvent} event */
  #release(event) {
    const down = this.#down;
    if (!down || down.id !== event.pointerId) return;
    this.#down = null;
    if (down.isDrawing) {
      this.#handlers.end();
    } else if (!down.hasMoved && !this.isMoving) {
      this.#handlers.click(this.#point(event));
    }
  }

  /** @param {PointerEvent} event */
  #abort(event) {
    if (this.#down?.id !== event.pointerId) return;
    if (this.#down.isDrawing) this.#handlers.cancel();
    this.#down = null;
  }
}
