// An external set of photos with known masks: a folder with `index.tsv`, `SOURCE/images/STEM.*` and `SOURCE/masks/STEM.*`.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";

/**
 * The photos of a set whose truth is a hard mask.
 * @type {(folder: string) => { source: string, stem: string, photo: string, mask: string }[]}
 */
export function photosOf(folder) {
  const [names, ...lines] = readFileSync(path.join(folder, "index.tsv"), "utf8").trimEnd().split("\n").map((line) => line.split("\t"));
  const column = (name) => {
    assert.ok(names.includes(name), `index.tsv has no column ${name}`);
    return names.indexOf(name);
  };
  const [source, stem, kind] = ["source", "stem", "gt_kind"].map(column);
  const rows = lines.filter((line) => line[kind] !== "alpha");
  return rows.map((line) => ({
    source: line[source],
    stem: line[stem],
    photo: fileWithStem(path.join(folder, line[source], "images"), line[stem]),
    mask: fileWithStem(path.join(folder, line[source], "masks"), line[stem]),
  }));
}

/** @type {(folder: string, stem: string) => string} */
function fileWithStem(folder, stem) {
  const found = readdirSync(folder).find((name) => path.parse(name).name === stem);
  assert.ok(found, `no file ${stem} in ${folder}`);
  return path.join(folder, found);
}
