// The photo cut out by a mask: the matte of the server, or a file that a person brings.

/** A mask may differ from the photo's preview in proportions by a rounding of its sides, in pixels of the preview. */
const ROUNDING = 1;

/**
 * The photo where the mask is white, or where it is opaque.
 * @param {ImageBitmap} photo
 * @param {ImageBitmap} mask
 * @returns {ImageBitmap} in the photo's size
 */
export function matted(photo, mask) {
  const { width, height } = photo;
  const canvas = new OffscreenCanvas(width, height);
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  if (!drawing) throw new Error("no canvas");
  drawing.imageSmoothingQuality = "high";
  drawing.drawImage(mask, 0, 0, width, height);
  const image = drawing.getImageData(0, 0, width, height);
  toAlpha(image.data);
  drawing.putImageData(image, 0, 0);
  drawing.globalCompositeOperation = "source-in";
  drawing.drawImage(photo, 0, 0);
  return canvas.transferToImageBitmap();
}

/**
 * Turns the pixels of a mask into alpha: its own if it has any, else how light it is.
 * @param {Uint8ClampedArray} data RGBA
 */
export function toAlpha(data) {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return;
  for (let at = 0; at < data.length; at += 4) {
    const [red = 0, green = 0, blue = 0] = [data[at], data[at + 1], data[at + 2]];
    data[at + 3] = Math.round(0.2126 * red + 0.7152 * green + 0.0722 * blue);
  }
}

/**
 * What the cut will be by a mask that a person brings. The server reads more kinds of files than a browser, and refuses a mask
 * of another size.
 * @param {Blob} file
 * @param {ImageBitmap} photo
 * @returns {Promise<ImageBitmap | null>} `null` if this browser cannot show it
 */
export async function maskPreview(file, photo) {
  /** @type {ImageBitmap} */
  let mask;
  try {
    // The numbers of a mask count as they are stored.
    mask = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    return null;
  }
  const scale = photo.width / mask.width;
  const isLike = Math.abs(mask.height * scale - photo.height) <= ROUNDING + scale;
  try {
    return isLike ? matted(photo, mask) : null;
  } finally {
    mask.close();
  }
}
