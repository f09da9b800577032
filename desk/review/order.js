// The order of the page. The API lists the newest jobs first and cannot sort them otherwise, so the page collects them.

/** @typedef {import("./jobs.js").Job} Job */

/** Below every confidence: nobody knows how good the cut is. */
const UNKNOWN = -1;

/**
 * The most doubtful cut first, and with it all shots of its product (the same `external_id`), the worst of them first. Of
 * equals, the newest.
 * @param {Job[]} jobs
 * @returns {Job[]}
 */
export function ordered(jobs) {
  /** @type {Map<string, Job[]>} */
  const products = new Map();
  for (const job of jobs) {
    const product = job.listed.external_id === undefined ? `job ${job.jobId}` : `product ${job.listed.external_id}`;
    const shots = products.get(product);
    if (shots) shots.push(job);
    else products.set(product, [job]);
  }
  const sorted = [...products.values()].map((shots) => shots.sort(byDoubt));
  // No product is empty.
  sorted.sort(([one], [other]) => (one && other ? byDoubt(one, other) : 0));
  return sorted.flat();
}

/** @type {(one: Job, other: Job) => number} */
function byDoubt(one, other) {
  const doubt = (one.listed.confidence ?? UNKNOWN) - (other.listed.confidence ?? UNKNOWN);
  // The ids of jobs begin with their time.
  return doubt || (one.jobId < other.jobId ? 1 : -1);
}
