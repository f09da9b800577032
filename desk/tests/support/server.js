// `cutline serve` as a child process, on a port that it keeps when it is restarted.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import { MODELS, PROGRAM } from "./settings.js";

/** Longer than a start takes on a slow and busy machine. */
const START_SECONDS = 120;
/** In the last line that the server prints when it starts. */
const STARTED = "/api/v1/status?";

/** The environment without the settings of the machine. */
function environment(data) {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("CUTLINE_"));
  return { ...Object.fromEntries(others), CUTLINE_DATA_DIR: data, CUTLINE_MODELS_DIR: MODELS };
}

export class Server {
  #folder = mkdtempSync(path.join(tmpdir(), "cutline-desk-"));
  #child = null;
  #arguments;

  constructor(port, more) {
    this.port = port;
    this.base = `http://127.0.0.1:${port}/`;
    this.#arguments = ["serve", "--listen", `127.0.0.1:${port}`, "--log", "info", ...more];
  }

  /** A server in a new data folder. */
  static async start(...more) {
    const server = new Server(await freePort(), more);
    const printed = await server.restart();
    server.link = /http:\/\/\S+#key=\S+/.exec(printed)?.[0] ?? "";
    /** The key of the link, which may do what the pages do. */
    server.pageKey = server.link.split("#key=")[1] ?? "";
    /** The key that may do everything. */
    server.key = /^\s*(ck_\S+)$/m.exec(printed)?.[1] ?? "";
    assert.ok(server.pageKey.startsWith("ck_") && server.key, `the link or the key is missing: ${printed}`);
    return server;
  }

  get data() {
    return path.join(this.#folder, "data");
  }

  log() {
    return readFileSync(path.join(this.#folder, "log"), "utf8");
  }

  /** Starts it again in its folder. Returns what it printed. */
  async restart() {
    const log = openSync(path.join(this.#folder, "log"), "a");
    const options = { env: environment(this.data), stdio: ["ignore", "pipe", log] };
    const child = spawn(PROGRAM, this.#arguments, options);
    this.#child = child;
    const timer = setTimeout(() => child.kill("SIGKILL"), START_SECONDS * 1_000);
    let printed = "";
    for await (const line of createInterface(child.stdout)) {
      printed += `${line}\n`;
      if (line.includes(STARTED)) break;
    }
    clearTimeout(timer);
    child.stdout.resume();
    assert.ok(printed.includes(STARTED), `the server ended:\n${printed}${this.log()}`);
    return printed;
  }

  /** Ends it as a power cut would. */
  async kill() {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async remove() {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Runs a command of the program on the data folder. */
  command(...words) {
    return execFileSync(PROGRAM, words, { env: environment(this.data), encoding: "utf8" });
  }

  /** A request of the API. */
  async api(route, init = {}) {
    const response = await fetch(new URL(`api/v1/${route}`, this.base), {
      ...init,
      headers: { "X-API-Key": this.key, ...init.headers },
    });
    assert.ok(response.ok, `${route}: ${response.status}`);
    return response.json();
  }

  /** Makes the pictures of a file by the API alone, and returns its status. */
  async make(bytes, name, fields) {
    const form = new FormData();
    form.set("file", new Blob([bytes]), name);
    for (const [field, value] of Object.entries(fields)) form.set(field, value);
    const { job_id } = await this.api("upload", { method: "POST", body: form });
    for (;;) {
      const status = await this.api(`status?job_id=${job_id}`, { headers: { Prefer: "wait=10" } });
      if (status.state === "done") return status;
    }
  }
}

/** Whether a program could listen at this port. */
function isFree(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

/** A free port below those that the system gives to connections, one of which could take it before a server does. */
export async function freePort() {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    if (await isFree(port)) return port;
  }
  throw new Error("no port is free");
}
