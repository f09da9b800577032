// Whether a job can be corrected now, and its correction: the one that the page knows, or a new one.

import { linkOf } from "../lib/pictures.js";
import { texts } from "../lib/texts.js";
import { wishOf } from "./draft.js";
import { Session } from "./session.js";

/** @typedef {import("../review/jobs.js").Job} Job */

const words = texts.correct;

/**
 * Throws `NotNow` if the job cannot be corrected.
 * @param {Job} job
 * @param {import("../review/decisions.js").Parts & { pictures: import("../lib/pictures.js").Pictures<Job> }} parts
 * @param {import("./send.js").Sender} sender
 * @param {Session | null} known the last correction of the page
 * @returns {Promise<Session>}
 */
export async function openSession(job, { api, persistence, statuses, pictures }, sender, known) {
  const record = await persistence.run(() => api.job(job.jobId));
  statuses.take(job, record);
  const pending = sender.pending(job);
  const isOpen = record.status === "pending_review" || record.status === "done" || pending;
  if (!isOpen) throw new NotNow(record.draft ? words.elsewhere : words.notNow);
  if (!linkOf(job, "source_preview")) throw new NotNow(words.noPhoto);
  if (pending && known?.job !== job) throw new NotNow(words.wait);
  // The earlier clicks are still there, with their undo.
  if (known?.job === job && (pending || known.revision === (record.draft?.revision ?? 0))) return known;
  sender.forget(job);
  return Session.open(job, wishOf(record.subject, record.path_inset), pictures);
}

/** The job cannot be corrected now. */
export class NotNow extends Error {}
