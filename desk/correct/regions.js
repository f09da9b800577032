// The file of regions (docs/regions.md): a photo divided into regions, from single patches up to the whole.

/** @typedef {{ x: number, y: number }} Point a place in the photo, from 0 to 1 along both sides */
/** @typedef {{ left: number, top: number, width: number, height: number }} Box */

const HEADER = 24;
const MERGE = 8;
const MAX_SIDE = 1_024;

export class Regions {
  /**
   * @param {Box} part the part of the photo that the regions divide, in shares of its sides
   * @param {number} width of the map, in pixels
   * @param {Uint16Array} labels the leaf of each pixel, row by row
   * @param {{ nodes: [number, number], height: number }[]} merges merge `i` makes node `leaves + i`
   */
  constructor(part, width, labels, merges) {
    const leaves = merges.length + 1;
    const nodes = leaves + merges.length;
    this.part = part;
    this.width = width;
    this.height = labels.length / width;
    this.labels = labels;
    this.leaves = leaves;
    /** The node that contains each node, or -1. */
    this.parents = new Int32Array(nodes).fill(-1);
    /** In pixels of the map. */
    this.areas = new Uint32Array(nodes);
    /** How strong the edge is that the node's parts were merged across. */
    this.strengths = new Float32Array(nodes);
    /** The leaves of a node are in a row: from its start to its end. */
    this.starts = new Uint32Array(nodes);
    this.ends = new Uint32Array(nodes);
    /** The first and last column and row of each node. */
    this.boxes = new Uint16Array(4 * nodes);
    this.#measureLeaves();
    this.#connect(merges);
  }

  #measureLeaves() {
    const { boxes, width, labels } = this;
    for (let leaf = 0; leaf < this.leaves; leaf += 1) boxes.set([0xffff, 0xffff, 0, 0], 4 * leaf);
    for (let at = 0, y = 0; y < this.height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 1) {
        const leaf = labels[at] ?? 0;
        this.areas[leaf] = (this.areas[leaf] ?? 0) + 1;
        widen(boxes, 4 * leaf, [x, y, x, y]);
      }
    }
  }

  /** @param {{ nodes: [number, number], height: number }[]} merges */
  #connect(merges) {
    const { leaves, areas, boxes, parents, starts, ends } = this;
    const sizes = new Uint32Array(parents.length).fill(1, 0, leaves);
    const sum = (/** @type {Uint32Array} */ of, /** @type {[number, number]} */ [one, other]) => (of[one] ?? 0) + (of[other] ?? 0);
    merges.forEach(({ nodes, height }, index) => {
      const node = leaves + index;
      this.strengths[node] = height;
      sizes[node] = sum(sizes, nodes);
      areas[node] = sum(areas, nodes);
      boxes.set(boxes.subarray(4 * nodes[0], 4 * nodes[0] + 4), 4 * node);
      widen(boxes, 4 * node, boxes.subarray(4 * nodes[1], 4 * nodes[1] + 4));
      for (const child of nodes) parents[child] = node;
    });
    ends[parents.length - 1] = leaves;
    merges.toReversed().forEach(({ nodes: [one, other] }, index) => {
      const node = parents.length - 1 - index;
      const [start = 0, end = 0] = [starts[node], ends[node]];
      const middle = start + (sizes[one] ?? 0);
      starts[one] = start;
      ends[one] = starts[other] = middle;
      ends[other] = end;
    });
  }

  /** The node, and every one that contains it. @param {number} node */
  *ancestors(node) {
    for (let at = node; at >= 0; at = this.parents[at] ?? -1) yield at;
  }

  /** The pixel of the map at a place of the photo, or -1 outside of the part. @param {Point} point */
  pixelAt({ x, y }) {
    const { part, width, height } = this;
    const [across, down] = [(x - part.left) / part.width, (y - part.top) / part.height];
    if (across < 0 || down < 0 || across > 1 || down > 1) return -1;
    return Math.min(height - 1, Math.floor(down * height)) * width + Math.min(width - 1, Math.floor(across * width));
  }

  /**
   * Which leaves are in any of the nodes.
   * @param {number[]} nodes
   */
  leavesOf(nodes) {
    const inside = new Uint8Array(this.leaves);
    for (const node of nodes) inside.fill(1, this.starts[node], this.ends[node]);
    // From positions to leaves.
    return Uint8Array.from({ length: this.leaves }, (_, leaf) => inside[this.starts[leaf] ?? 0] ?? 0);
  }
}

/** @type {(boxes: Uint16Array, at: number, by: ArrayLike<number>) => void} */
function widen(boxes, at, by) {
  for (let side = 0; side < 4; side += 1) {
    const [old = 0, one = 0] = [boxes[at + side], by[side]];
    if (side < 2 ? one < old : one > old) boxes[at + side] = one;
  }
}

/**
 * Reads the file. Rejects if it has another version or is damaged.
 * @param {ArrayBuffer} bytes
 * @returns {Promise<Regions>}
 */
export async function readRegions(bytes) {
  if (bytes.byteLength < HEADER) throw new Error("damaged file of regions: it ends early");
  const view = new DataView(bytes);
  const magic = String.fromCharCode(...new Uint8Array(bytes, 0, 4), ...new Uint8Array(bytes, 13, 4));
  if (magic !== "CLRGCLRT" || view.getUint8(4) !== 1 || view.getUint8(17) !== 1) throw new Error("unknown file of regions");
  const [left = 0, top = 0, partWidth = 0, partHeight = 0] = [5, 7, 9, 11].map((at) => view.getUint16(at, true) / 65_535);
  const [width = 0, height = 0, leaves = 0] = [18, 20, 22].map((at) => view.getUint16(at, true));
  const packed = new Blob([bytes.slice(HEADER)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const content = await new Response(packed).arrayBuffer();
  const pixels = width * height;
  const listed = content.byteLength - pixels - MERGE * (leaves - 1);
  const isSound = width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE && leaves > 0 && partWidth > 0 && partHeight > 0;
  if (!isSound || listed < 0 || listed % 2 !== 0) throw new Error("damaged file of regions: its sizes contradict each other");
  const labels = readLabels(new Uint8Array(content, 0, pixels), new DataView(content, pixels, listed), width, leaves);
  const merges = readMerges(new DataView(content, pixels + listed), leaves);
  return new Regions({ left, top, width: partWidth, height: partHeight }, width, labels, merges);
}

/** @type {(steps: Uint8Array, listed: DataView, width: number, leaves: number) => Uint16Array} */
function readLabels(steps, listed, width, leaves) {
  const labels = new Uint16Array(steps.length);
  let [used, next] = [0, 0];
  for (let at = 0; at < steps.length; at += 1) {
    const step = steps[at];
    let label = -1;
    if (step === 0 && at % width > 0) label = labels[at - 1] ?? -1;
    else if (step === 1 && at >= width) label = labels[at - width] ?? -1;
    else if (step === 2) label = used++;
    else if (step === 3 && next + 2 <= listed.byteLength) {
      label = listed.getUint16(next, true);
      next += 2;
    }
    if (label < 0 || label >= leaves) throw new Error("damaged file of regions: a pixel without a region");
    labels[at] = label;
  }
  return labels;
}

/** @type {(view: DataView, leaves: number) => { nodes: [number, number], height: number }[]} */
function readMerges(view, leaves) {
  const isMerged = new Uint8Array(2 * leaves);
  return Array.from({ length: leaves - 1 }, (_, index) => {
    const at = MERGE * index;
    const nodes = /** @type {[number, number]} */ ([view.getUint16(at, true), view.getUint16(at + 2, true)]);
    for (const node of nodes) {
      if (node >= leaves + index || isMerged[node]) throw new Error("damaged file of regions: a merge of unknown nodes");
      isMerged[node] = 1;
    }
    return { nodes, height: view.getFloat32(at + 4, true) };
  });
}
