// Marks pixels that are not pure white: specks in the background that a marketplace would refuse. Large pictures are read in
// bands, and reduced to squares that are marked if any of their pixels is.

/** The longest side of the marks, in pixels. */
const MAX_SIDE = 2_048;
/** How many pixels are read at once. */
const BAND_PIXELS = 1 << 20;
/** Strong on any picture, and seen by people who cannot tell red from green. */
const MARK = [255, 0, 160, 190];

/**
 * Draws the marks of a picture on a canvas.
 * @param {HTMLImageElement} picture
 * @param {HTMLCanvasElement} canvas
 * @returns {number} the share of the picture that is not pure white, 0 to 1
 */
export function drawMarks(picture, canvas) {
  const { naturalWidth: width, naturalHeight: height } = picture;
  const square = Math.max(1, Math.ceil(Math.max(width, height) / MAX_SIDE));
  canvas.width = Math.ceil(width / square);
  canvas.height = Math.ceil(height / square);
  const marks = new ImageData(canvas.width, canvas.height);
  const rows = Math.max(square, Math.floor(BAND_PIXELS / width / square) * square);
  const band = new OffscreenCanvas(width, rows);
  const context = band.getContext("2d", { willReadFrequently: true });
  if (!context) return 0;
  let count = 0;
  for (let top = 0; top < height; top += rows) {
    const lines = Math.min(rows, height - top);
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, lines);
    context.drawImage(picture, 0, -top);
    const { data } = context.getImageData(0, 0, width, lines);
    count += markBand(data, { width, top, square }, marks);
  }
  canvas.getContext("2d")?.putImageData(marks, 0, 0);
  return count / (width * height);
}

/**
 * Marks the squares of some rows.
 * @param {Uint8ClampedArray} data their pixels on white
 * @param {{ width: number, top: number, square: number }} band its width, its first row, and the side of a square
 * @param {ImageData} marks
 * @returns {number} how many pixels are not white
 */
export function markBand(data, { width, top, square }, marks) {
  let count = 0;
  for (let pixel = 0; pixel * 4 < data.length; pixel += 1) {
    const at = pixel * 4;
    if (data[at] === 255 && data[at + 1] === 255 && data[at + 2] === 255) continue;
    count += 1;
    const x = Math.floor((pixel % width) / square);
    const y = Math.floor((top + Math.floor(pixel / width)) / square);
    marks.data.set(MARK, (y * marks.width + x) * 4);
  }
  return count;
}
