// Photos that are dropped, pasted or picked, single or in folders.

import { find } from "../lib/dom.js";

/** Kinds that the server reads and browsers may have no media type for. The server decides by the content in any case. */
const ENDINGS = /\.(avif|gif|jfif|jpe|jpe?g|png|psb|psd|svg|tiff?|webp)$/i;

/**
 * @typedef {object} Found
 * @property {File[]} files
 * @property {number} skipped files of a folder that are no pictures
 */

/**
 * Calls `take` with what the user brings.
 * @param {(found: Found) => void} take
 */
export function setUpIntake(take) {
  const files = find("files", HTMLInputElement);
  const folder = find("folder", HTMLInputElement);
  for (const id of ["pick", "add"]) find(id, HTMLButtonElement).addEventListener("click", () => files.click());
  find("pick-folder", HTMLButtonElement).addEventListener("click", () => folder.click());
  files.addEventListener("change", () => {
    take({ files: [...(files.files ?? [])], skipped: 0 });
    // So that the same file can be picked again.
    files.value = "";
  });
  folder.addEventListener("change", () => {
    take(picturesOf([...(folder.files ?? [])]));
    folder.value = "";
  });
  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length > 0) take({ files: pasted, skipped: 0 });
  });
  setUpDrop(take);
}

/** @type {(take: (found: Found) => void) => void} */
function setUpDrop(take) {
  const { dataset } = document.documentElement;
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    dataset.dragging = "";
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) delete dataset.dragging;
  });
  document.addEventListener("drop", (event) => {
    delete dataset.dragging;
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    void dropped(event.dataTransfer).then(take);
  });
}

/** @type {(transfer: DataTransfer) => Promise<Found>} */
async function dropped(transfer) {
  // Before the first await: the list is empty afterwards.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const files = [...transfer.files];
  const folders = entries.filter((entry) => entry?.isDirectory);
  if (folders.length === 0) return { files, skipped: 0 };
  const single = entries.filter((entry) => entry?.isFile);
  const found = picturesOf((await Promise.all(folders.map((folder) => (folder ? inside(folder) : [])))).flat());
  const alone = await Promise.all(single.map((entry) => (entry ? inside(entry) : [])));
  return { files: [...alone.flat(), ...found.files], skipped: found.skipped };
}

/**
 * The files of a folder and its folders, by name. Without those that cannot be read.
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function inside(entry) {
  if (entry.isFile) {
    const file = /** @type {FileSystemFileEntry} */ (entry);
    return new Promise((resolve) => file.file((read) => resolve([read]), () => resolve([])));
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const entries = [];
  // A reader gives a part of the folder each time, and then nothing.
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const more = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (more.length === 0) break;
    entries.push(...more);
  }
  entries.sort((one, other) => one.name.localeCompare(other.name));
  const files = [];
  for (const child of entries) files.push(...(await inside(child)));
  return files;
}

/** @type {(files: File[]) => Found} */
function picturesOf(files) {
  const visible = files.filter(({ name }) => !name.startsWith(".") && name !== "Thumbs.db");
  const pictures = visible.filter(({ name, type }) => type.startsWith("image/") || ENDINGS.test(name));
  return { files: pictures, skipped: visible.length - pictures.length };
}
