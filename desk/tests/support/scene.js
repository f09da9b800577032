// A photo with two objects, drawn here, so that a test knows where they are: a striped box, and a ball that is not wanted.

import { deflateSync } from "node:zlib";

import { crc32 } from "../../lib/zip.js";

export const WIDTH = 900;
export const HEIGHT = 600;
/** In shares of the photo. */
export const BOX = { x: 290 / WIDTH, y: 325 / HEIGHT };
export const BALL = { x: 680 / WIDTH, y: 340 / HEIGHT };

/** The scene as PNG. */
export const scene = () => ({ name: "scene.png", bytes: png(WIDTH, HEIGHT, colorAt), type: "image/png" });

/** A mask of this size that keeps the left half, as PNG. */
export const leftHalf = (width, height) => png(width, height, (x) => (x < width / 2 ? [255, 255, 255] : [0, 0, 0]));

/** The same picture in a larger file, with a chunk that decoders skip. @type {(file: Buffer, bytes: number) => Buffer} */
export const padded = (file, bytes) => Buffer.concat([file.subarray(0, -END), chunk("paDd", Buffer.alloc(bytes)), file.subarray(-END)]);

/** The bytes of a PNG's last chunk. */
const END = 12;

/** @type {(x: number, y: number) => number[]} */
function colorAt(x, y) {
  if (x > 150 && x < 430 && y > 180 && y < 470) return Math.floor((x - 150) / 32) % 2 === 0 ? [170, 40, 45] : [158, 52, 45];
  if (Math.hypot(x - 680, y - 340) < 110) {
    const light = Math.round(40 * (1 - Math.hypot(x - 640, y - 300) / 180));
    return [30 + light, 90 + light, 160 + light];
  }
  const wall = 205 + Math.round(y / 30) + ((x * 7 + y * 13) % 3);
  return [wall, wall, wall - 6];
}

/** @type {(width: number, height: number, color: (x: number, y: number) => number[]) => Buffer} */
export function png(width, height, color) {
  const rows = Array.from({ length: height }, (_, y) => [0, ...Array.from({ length: width }, (_, x) => color(x, y)).flat()]);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // Eight bits, RGB.
  head.set([8, 2], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(Buffer.from(rows.flat()))), chunk("IEND", Buffer.alloc(0))]);
}

/** @type {(type: string, data: Buffer) => Buffer} */
function chunk(type, data) {
  const content = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, sum]);
}
