// A writer of ZIP files that stores and does not compress: pictures are compressed already. A library would be ten times
// this size for what we do not use. The parts stay blobs, so memory holds one picture at a time, for its checksum.

/** The largest file and offset of a ZIP without its 64-bit extension. */
const LIMIT = 0xffff_ffff;
const UTF8_NAMES = 0x0800;
/** 1 January 1980, the first date of the format: the same pictures always make the same file. */
const DATE = 0x0021;

export class ZipTooLarge extends Error {}

export class ZipWriter {
  /** @type {BlobPart[]} */
  #files = [];
  /** @type {BlobPart[]} */
  #directory = [];
  #offset = 0;
  #directorySize = 0;
  /** @type {Set<string>} */
  #names = new Set();

  /**
   * Adds a file. If the name is taken, it gets a number.
   * @param {string} name
   * @param {Blob} blob
   */
  async add(name, blob) {
    const bytes = new TextEncoder().encode(this.#unused(safeName(name)));
    const common = record(26, [
      [2, 20],
      [2, UTF8_NAMES],
      [2, 0],
      [2, 0],
      [2, DATE],
      [4, crc32(await buffer(blob))],
      [4, blob.size],
      [4, blob.size],
      [2, bytes.length],
      [2, 0],
    ]);
    if (
      this.#offset + 30 + bytes.length + blob.size + this.#directorySize > LIMIT - 0xffff ||
      this.#names.size > 0xfffe
    ) {
      throw new ZipTooLarge();
    }
    const tail = record(14, [
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, this.#offset],
    ]);
    this.#directory.push(
      record(6, [
        [4, 0x0201_4b50],
        [2, 20],
      ]),
      common,
      tail,
      bytes,
    );
    this.#directorySize += 46 + bytes.length;
    this.#files.push(record(4, [[4, 0x0403_4b50]]), common, bytes, blob);
    this.#offset += 30 + bytes.length + blob.size;
  }

  /** The ZIP file. */
  finish() {
    const count = this.#names.size;
    const end = record(22, [
      [4, 0x0605_4b50],
      [2, 0],
      [2, 0],
      [2, count],
      [2, count],
      [4, this.#directorySize],
      [4, this.#offset],
      [2, 0],
    ]);
    return new Blob([...this.#files, ...this.#directory, end], { type: "application/zip" });
  }

  /** @type {(name: string) => string} */
  #unused(name) {
    const [, stem = "", extension = ""] = /^(.*?)(\.[^.]*)?$/s.exec(name) ?? [];
    let unused = name;
    for (let number = 2; this.#names.has(unused.toLowerCase()); number += 1) unused = `${stem} (${number})${extension}`;
    this.#names.add(unused.toLowerCase());
    return unused;
  }
}

/**
 * A name that is a single file on every system.
 * @type {(name: string) => string}
 */
export function safeName(name) {
  const safe = name.replace(/[\u0000-\u001f\u007f<>:"/\\|?*]/g, "_").replace(/^\.+|[. ]+$/g, "_");
  return safe || "_";
}

/**
 * Little-endian numbers of 2 or 4 bytes.
 * @param {number} size
 * @param {[2 | 4, number][]} numbers
 */
function record(size, numbers) {
  const view = new DataView(new ArrayBuffer(size));
  let at = 0;
  for (const [width, value] of numbers) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return view;
}

/** @type {(blob: Blob) => Promise<Uint8Array>} */
const buffer = async (blob) => new Uint8Array(await blob.arrayBuffer());

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

/**
 * The checksum of the format.
 * @param {Uint8Array} bytes
 */
export function crc32(bytes) {
  let value = 0xffff_ffff;
  for (const byte of bytes) value = (value >>> 8) ^ /** @type {number} */ (TABLE[(value ^ byte) & 0xff]);
  return (value ^ 0xffff_ffff) >>> 0;
}
