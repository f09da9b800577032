// Jobs that are held for review, and the page that shows them.

import assert from "node:assert/strict";

import { Desk } from "./page.js";

/** The review page of a server, for a key of its first owner: that of the printed link, unless the test names one. */
export const reviewOf = (server, key = server.pageKey) => ({ link: `${server.base}review#key=${key}`, key });

/** Accepts photos that are held for review, and returns their job ids once all of them are. */
export async function hold(server, files) {
  const ids = await Promise.all(
    files.map(async ({ bytes, name = "photo.jpg", ...fields }) => {
      const form = new FormData();
      form.set("file", new Blob([bytes]), name);
      for (const [field, value] of Object.entries({ mode: "clipping", review: "always", ...fields })) form.set(field, value);
      const { job_id } = await server.api("upload", { method: "POST", body: form });
      return job_id;
    }),
  );
  for (const id of ids) {
    for (let held = false; !held; ) {
      // A request that waits would wait for the decision, too.
      const status = await server.api(`status?job_id=${id}`);
      assert.notEqual(status.status, "failed", JSON.stringify(status));
      held = status.status === "pending_review";
      if (!held) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return ids;
}

/** The job as the API shows it, once it has ended. */
export async function ended(server, id) {
  for (;;) {
    const job = await server.api(`jobs/${id}`);
    if (job.state === "done") return job;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Runs a test on the review page. */
export const useReview = (server, options, test) =>
  Desk.use(reviewOf(server), options, async (desk, page) => {
    await page.locator("#grid .cell").first().waitFor();
    await test(desk, page);
  });

/** Waits until the picture of the job is shown that can be decided about. */
export const shown = (page) => page.locator("#stage:not([data-loading]) ~ .panel #approve:not(:disabled)").waitFor();

/** Opens the job with this id. */
export async function openJob(page, id) {
  await page.locator(`#job-${id}`).click();
  await shown(page);
}
