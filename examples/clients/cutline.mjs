#!/usr/bin/env node
// Cuts the subject out of a photo: uploads the photo, waits for the job, and saves the pictures in `cutouts/`.
//
//   export CUTLINE_URL=http://127.0.0.1:8787   # ends before /api/v1
//   export CUTLINE_API_KEY=...
//   node cutline.mjs PHOTO [MODE [FORMAT [PARAMS]]]
//
// MODE is clipping (the default), background or params; PARAMS names the parameter set. An empty FORMAT is the default.
// Needs Node.js 18 and no packages. Against the original API, only the two variables differ.

import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ATTEMPTS = 5;
const { CUTLINE_URL: baseUrl, CUTLINE_API_KEY: apiKey } = process.env;

/** Returns the response and its body. Tries again after a network error, 429 or 5xx. */
async function request(url, options = {}) {
  for (let attempt = 1; ; attempt++) {
    let delay = 2 ** (attempt - 1);
    let problem;
    try {
      // The key must not follow a redirect to another host.
      const response = await fetch(url, { ...options, redirect: "manual", signal: AbortSignal.timeout(300_000) });
      const body = Buffer.from(await response.arrayBuffer());
      const isTemporary = response.status === 429 || response.status >= 500;
      if (!isTemporary || attempt === ATTEMPTS) return { response, body };
      const retryAfter = response.headers.get("Retry-After") ?? "";
      if (/^\d+$/.test(retryAfter)) delay = Math.min(Number(retryAfter), 60);
      problem = `HTTP ${response.status}`;
    } catch (error) {
      problem = error.cause?.message || error.cause?.code || error.message;
      if (attempt === ATTEMPTS) throw new Error(`cannot reach ${new URL(url).host}: ${problem}; check CUTLINE_URL`);
    }
    console.error(`attempt ${attempt} failed: ${problem}; next in ${delay} s`);
    await sleep(delay * 1000);
  }
}

/** Returns the JSON answer of the API. */
async function api(resource, { headers, ...options } = {}) {
  const url = `${baseUrl.replace(/\/+$/, "")}/api/v1/${resource}`;
  const { response, body } = await request(url, { ...options, headers: { "X-API-Key": apiKey, ...headers } });
  if (response.ok) return JSON.parse(body);
  switch (response.status) {
    case 401:
      throw new Error(`unauthorized: ${JSON.parse(body).message}; check CUTLINE_API_KEY`);
    case 402:
      throw new Error("insufficient credits: the account has none left; add credits");
    case 422: {
      const details = Object.entries(JSON.parse(body).details);
      const lines = details.map(([field, messages]) => `  ${field}: ${messages.join(" ")}`);
      throw new Error(["invalid request:", ...lines].join("\n"));
    }
    default:
      throw new Error(`HTTP ${response.status}: ${body}`);
  }
}

/** Uploads the photo. Returns the job's id. */
async function upload(photo, fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (value) form.set(name, value);
  }
  const bytes = await readFile(photo).catch((error) => {
    throw new Error(`cannot read ${photo}: ${error.code}`);
  });
  form.set("file", new Blob([bytes]), path.basename(photo));
  // The same key on every attempt: if an answer is lost, the next attempt does not create a second job.
  const headers = { "Idempotency-Key": randomUUID() };
  const { job_id } = await api("upload", { method: "POST", headers, body: form });
  return job_id;
}

/** Polls at growing intervals, 2 to 5 seconds, until the job ends. Returns its status. */
async function wait(job) {
  const deadline = Date.now() + 1_800_000;
  for (let interval = 2; Date.now() < deadline; interval = Math.min(interval + 1, 5)) {
    await sleep(interval * 1000);
    const status = await api(`status?${new URLSearchParams({ job_id: job })}`);
    if (status.state === "done") return status;
  }
  throw new Error(`job ${job} has not ended after 30 minutes; ask for its status later`);
}

async function main([photo, mode, output_format, params]) {
  if (!photo) throw new Error("usage: cutline.mjs PHOTO [MODE [FORMAT [PARAMS]]]");
  if (!baseUrl || !apiKey) throw new Error("CUTLINE_URL or CUTLINE_API_KEY is missing; see the head of cutline.mjs");

  const job = await upload(photo, { mode, output_format, params });
  console.error(`job ${job}`);
  const status = await wait(job);
  if (status.status !== "done") {
    throw new Error(`job ${job} failed: ${status.error.code}: ${status.error.message}`);
  }

  // Links need no key, and expire within an hour. `final_url` is a single link instead of one for each picture.
  await mkdir("cutouts", { recursive: true });
  for (const link of Object.values(status.final_urls ?? { final_url: status.final_url })) {
    const { pathname } = new URL(link);
    const { response, body } = await request(link);
    if (!response.ok) throw new Error(`cannot download ${pathname}: HTTP ${response.status}`);
    const file = path.join("cutouts", `${path.parse(photo).name}-${path.posix.basename(pathname)}`);
    await writeFile(file, body);
    console.log(file);
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
