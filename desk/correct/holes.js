// What filling all holes changes, before the server shows it. Opening holes takes the colors of the backdrop, which only the
// server compares.

/**
 * The pixels of the background that the subject encloses.
 * @param {Uint8Array} subject whether each pixel is subject
 * @param {number} width
 * @returns {number[]}
 */
export function enclosed(subject, width) {
  const height = subject.length / width;
  const isOutside = new Uint8Array(subject.length);
  /** @type {number[]} */
  const front = [];
  const reach = (/** @type {number} */ at) => {
    if (subject[at] || isOutside[at]) return;
    isOutside[at] = 1;
    front.push(at);
  };
  for (let x = 0; x < width; x += 1) [x, (height - 1) * width + x].forEach(reach);
  for (let y = 0; y < height; y += 1) [y * width, (y + 1) * width - 1].forEach(reach);
  for (let at = front.pop(); at !== undefined; at = front.pop()) {
    if (at % width > 0) reach(at - 1);
    if (at % width < width - 1) reach(at + 1);
    if (at >= width) reach(at - width);
    if (at + width < subject.length) reach(at + width);
  }
  const pixels = [];
  for (let at = 0; at < subject.length; at += 1) if (!subject[at] && !isOutside[at]) pixels.push(at);
  return pixels;
}

/**
 * Whether this page can show what becomes of the holes: it fills them, and no earlier hint has removed one that stays open.
 * @param {import("./draft.js").Wish} from what the picture was made with
 * @param {import("./draft.js").Wish} to
 */
export const fills = (from, to) =>
  to.holes === "keep" && from.holes !== "keep" && from.hints.every(({ kind }) => kind === "keep");
