// What jobs are called, and how far they are, in words.

import { texts } from "../lib/texts.js";

/** @typedef {import("./jobs.js").Job} Job */

/** The caller's name for a job, or the end of its id. @type {(job: Job) => string} */
export function nameOf({ jobId, listed: { external_id, output_name } }) {
  return external_id ?? (output_name && !output_name.includes("{") ? output_name : texts.review.job(jobId.slice(-6)));
}

/** How far a job is. @type {(job: Job) => string} */
export function stepText({ step, choice, isCutting }) {
  const names = texts.review;
  if (isCutting) return names.cutting;
  if (step === "decided") return choice?.verdict === "approve" ? names.toApprove : names.toReject(reasonText(choice?.reason ?? ""));
  if (step === "rejected" && choice) return names.rejectedFor(reasonText(choice.reason));
  return names.steps[step];
}

/** A reason in words. @type {(reason: string) => string} */
export const reasonText = (reason) => texts.review.reasons[reason] ?? reason;
