// The layer over the cut while it is corrected: the region under the pointer, the hints so far, the crosshair and the box.
// Keep and remove differ in color and in pattern.

import { make } from "../lib/dom.js";
import { texts } from "../lib/texts.js";

/** @typedef {import("./choose.js").Kind} Kind */
/** @typedef {import("./choose.js").Selection} Selection */
/** @typedef {import("./choose.js").Stroke} Stroke */
/** @typedef {import("./regions.js").Point} Point */
/** @typedef {import("./regions.js").Regions} Regions */

const SVG = "http://www.w3.org/2000/svg";
/** Blue, and an orange that differs from it for everybody: as bytes A, B, G, R. */
const COLORS = { keep: 0x00b8620a, remove: 0x000a4ad8 };
const LINE = 0xff000000;
const FILL = 0x66000000;
const PATTERN = 0xd0000000;
const HALO = 0xe6ffffff;
const PALE = 0xb0ffffff;

export class Overlay {
  /** What the page puts over the stage. */
  element = make("div", { class: "layer correct-marks", "aria-hidden": "true" });
  #lit = make("canvas", { class: "lit" });
  #lines = document.createElementNS(SVG, "svg");
  #box = make("div", { class: "roi-box" });
  #dots = make("div");
  #cross = make("span", { class: "cross" });
  /** What is lit up and marked, to draw nothing twice. */
  #shown = "";
  /** @type {Stroke[] | null} */
  #strokes = null;
  /** @type {Stroke | null} */
  #drawn = null;

  constructor() {
    this.#lines.setAttribute("class", "plane stroke-lines");
    this.#lines.setAttribute("viewBox", "0 0 1 1");
    this.#lines.setAttribute("preserveAspectRatio", "none");
    this.#cross.hidden = true;
    this.#box.hidden = true;
    this.element.append(this.#lit, this.#lines, this.#box, this.#dots, this.#cross);
  }

  /**
   * Lights up what a click would change.
   * @param {Regions} regions
   * @param {Selection | null} selection
   * @param {Kind} kind
   */
  light(regions, selection, kind) {
    const shown = selection ? JSON.stringify([selection.nodes, selection.pixels.length, selection.pixels[0], kind]) : "";
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#lit.hidden = !selection;
    if (!selection) return;
    for (const [name, value] of Object.entries(regions.part)) this.#lit.style.setProperty(`--part-${name}`, String(value));
    drawRegion(this.#lit, regions, selection, kind);
  }

  /** @param {Stroke[]} strokes @param {Stroke | null} drawn the one that is being drawn */
  marks(strokes, drawn) {
    if (strokes === this.#strokes && drawn === this.#drawn) return;
    [this.#strokes, this.#drawn] = [strokes, drawn];
    const lines = [...strokes, ...(drawn ? [drawn] : [])].filter(({ points }) => points.length > 1);
    this.#lines.replaceChildren(
      ...lines.flatMap(({ kind, points }) =>
        ["stroke-halo", `stroke-line ${kind}`].map((name) => {
          const line = document.createElementNS(SVG, "polyline");
          line.setAttribute("class", name);
          line.setAttribute("points", points.map(({ x, y }) => `${x},${y}`).join(" "));
          return line;
        }),
      ),
    );
    this.#dots.replaceChildren(
      ...strokes.map(({ kind, points: [point = { x: 0, y: 0 }] }) => {
        const dot = make("span", { class: `hint-dot ${kind}` }, texts.correct.signs[kind]);
        return place(dot, point);
      }),
    );
  }

  /** Shows where the next click goes. @param {Point | null} point @param {Kind} kind */
  cross(point, kind) {
    this.#cross.hidden = !point;
    this.#cross.dataset.kind = kind;
    if (point) place(this.#cross, point);
  }

  hide() {
    this.#lit.hidden = true;
    this.#shown = "";
    this.#cross.hidden = true;
  }

  /** Shows the part that counts. @param {{ left: number, top: number, right: number, bottom: number } | null} box */
  box(box) {
    this.#box.hidden = !box;
    for (const [side, value] of Object.entries(box ?? {})) this.#box.style.setProperty(`--roi-${side}`, String(value));
  }
}

/** @type {<Kind extends HTMLElement>(element: Kind, point: Point) => Kind} */
function place(element, { x, y }) {
  element.style.setProperty("--u", String(x));
  element.style.setProperty("--v", String(y));
  return element;
}

/** How far the outline reaches, in pixels of the map. */
const EDGE = 2;

/**
 * Draws a region with its outline: hatched if it goes, dotted if it stays.
 * @type {(canvas: HTMLCanvasElement, regions: Regions, selection: Selection, kind: Kind) => void}
 */
function drawRegion(canvas, regions, selection, kind) {
  const drawing = canvas.getContext("2d");
  const bounds = boundsOf(regions, selection);
  if (!drawing) return;
  // Setting the size clears the canvas.
  canvas.width = regions.width;
  canvas.height = regions.height;
  if (!bounds) return;
  const [left, top] = bounds;
  // With room for the outline on every side, and as much again, so that every pixel has neighbors.
  const [across, down] = [bounds[2] - left + 1 + 4 * EDGE, bounds[3] - top + 1 + 4 * EDGE];
  const mask = maskOf(regions, selection, { left: left - 2 * EDGE, top: top - 2 * EDGE, across, down });
  const image = drawing.createImageData(across, down);
  const words = new Uint32Array(image.data.buffer);
  const line = COLORS[kind] | LINE;
  for (let y = EDGE; y < down - EDGE; y += 1) {
    for (let x = EDGE; x < across - EDGE; x += 1) {
      const at = y * across + x;
      const near = sum(mask, at, 1, across) + sum(mask, at, EDGE, across);
      if (mask[at] === 1) words[at] = near < 8 ? line : patterned(x + left, y + top, kind);
      else if (near > 0) words[at] = HALO;
    }
  }
  drawing.putImageData(image, left - 2 * EDGE, top - 2 * EDGE);
}

/** How many of the four pixels at this distance are in the region. @type {(mask: Uint8Array, at: number, by: number, across: number) => number} */
const sum = (mask, at, by, across) =>
  (mask[at - by] ?? 0) + (mask[at + by] ?? 0) + (mask[at - by * across] ?? 0) + (mask[at + by * across] ?? 0);

/** The first and last column and row of what is selected. @type {(regions: Regions, selection: Selection) => [number, number, number, number] | null} */
function boundsOf({ width, height, boxes }, { nodes, pixels }) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  const include = (/** @type {number[]} */ [x = 0, y = 0, toX = 0, toY = 0]) => {
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, toX), Math.max(bottom, toY)];
  };
  for (const node of nodes) include([...boxes.subarray(4 * node, 4 * node + 4)]);
  for (const at of pixels) include([at % width, Math.floor(at / width), at % width, Math.floor(at / width)]);
  return right < left ? null : [left, top, right, bottom];
}

/**
 * Whether each pixel of a window of the map is selected. Outside of the map nothing is.
 * @type {(regions: Regions, selection: Selection, window: { left: number, top: number, across: number, down: number }) => Uint8Array}
 */
function maskOf(regions, { nodes, pixels }, { left, top, across, down }) {
  const { width, height, labels } = regions;
  const leaves = regions.leavesOf(nodes);
  const mask = new Uint8Array(across * down);
  for (let y = Math.max(0, top); y < Math.min(height, top + down); y += 1) {
    for (let x = Math.max(0, left); x < Math.min(width, left + across); x += 1) {
      mask[(y - top) * across + x - left] = leaves[labels[y * width + x] ?? 0] ?? 0;
    }
  }
  for (const at of pixels) mask[(Math.floor(at / width) - top) * across + (at % width) - left] = 1;
  return mask;
}

/** A pixel within a region. White next to the color shows on photos of any color. @type {(x: number, y: number, kind: Kind) => number} */
function patterned(x, y, kind) {
  const color = COLORS[kind];
  if (kind === "keep") return color | (x % 9 < 3 && y % 9 < 3 ? PATTERN : FILL);
  const stripe = (x + y) % 14;
  return stripe < 3 ? color | PATTERN : stripe < 5 ? PALE : color | FILL;
}
