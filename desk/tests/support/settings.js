// What `cargo xtask test desk` passes to the tests.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** @type {(name: string) => string} */
export function setting(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run cargo xtask test desk`);
  return value;
}

/** @type {(program: string) => string} */
function found(program) {
  if (path.isAbsolute(program)) return program;
  const candidates = (process.env.PATH ?? "").split(path.delimiter).map((folder) => path.join(folder, program));
  return candidates.find((candidate) => existsSync(candidate)) ?? program;
}

export const PROGRAM = setting("CUTLINE_TEST_PROGRAM");
export const MODELS = setting("CUTLINE_MODELS_DIR");
/** The browser's path. Playwright does not search for a name. */
export const CHROMIUM = found(setting("CUTLINE_TEST_CHROMIUM"));
export const PYTHON = setting("CUTLINE_TEST_PYTHON");

/** The JavaScript libraries of the tests. */
export const library = createRequire(path.join(setting("CUTLINE_TEST_NODE_MODULES"), "x.js"));

/** @type {(name: string) => string} */
export const example = (name) => path.join(import.meta.dirname, "../../../examples", name);
