// The deployment of `cargo xtask lambda` as a child process: the functions of the template, whose links lead to a
// bucket of another origin.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { PATIENCE } from "./page.js";
import { setting } from "./settings.js";

/** The program behind `cargo xtask lambda`. It reads the paths of its tools from the environment. */
const PROGRAM = setting("CUTLINE_TEST_DEPLOYMENT");

export class Deployment {
  #folder = mkdtempSync(path.join(tmpdir(), "cutline-desk-lambda-"));
  #child;

  /** A new deployment on free ports. */
  static async start() {
    const deployment = new Deployment();
    await deployment.#start();
    return deployment;
  }

  async #start() {
    const log = openSync(path.join(this.#folder, "up.log"), "a");
    const words = ["--folder", this.#folder, "up", "--listen", "127.0.0.1:0", "--aws", "127.0.0.1:0"];
    this.#child = spawn(PROGRAM, words, { stdio: ["ignore", log, log] });
    const state = path.join(this.#folder, "state.json");
    for (const end = Date.now() + PATIENCE; !existsSync(state); ) {
      assert.ok(this.#child.exitCode === null && Date.now() < end, `the deployment does not start:\n${this.#log()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { base_url, api_key, report } = JSON.parse(readFileSync(state, "utf8"));
    this.base = `${base_url}/`;
    this.key = api_key;
    this.pageKey = api_key;
    this.link = `${this.base}#key=${api_key}`;
    /** The origin of the bucket. */
    this.store = report.endpoint;
  }

  #log() {
    return readFileSync(path.join(this.#folder, "up.log"), "utf8");
  }

  /** A request of the API. */
  async api(route, init = {}) {
    const headers = { "X-API-Key": this.key, ...init.headers };
    const response = await fetch(new URL(`api/v1/${route}`, this.base), { ...init, headers });
    assert.ok(response.ok, `${route}: ${response.status}\n${this.#log()}`);
    return response.json();
  }

  async remove() {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    if (this.#child.exitCode === null) {
      const { status, stderr } = spawnSync(PROGRAM, ["--folder", this.#folder, "down"], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
