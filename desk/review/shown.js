// Which file of a job is shown, and what it is about.

import { FINAL, linkOf } from "../lib/pictures.js";
import { texts } from "../lib/texts.js";

/** @typedef {import("./jobs.js").Job} Job */

/** Shows the result of a job, until one of its pictures is chosen. */
export const RESULT = "";

/**
 * What is on the stage.
 * @typedef {object} Shown
 * @property {string | undefined} content see `Content` of the stage
 * @property {boolean} isAlone whether the photo is not there
 * @property {[number, number, number, number] | undefined} crop what a cropped file shows of the photo
 * @property {string} variation
 */

/**
 * The part of the photo that is shown, in shares of it; `null` if the picture is on another canvas.
 * @param {Shown} shown
 * @param {{ x: number, y: number }} size of the photo
 * @returns {import("../lib/placement.js").Box | null}
 */
export function partOf({ content, isAlone, crop, variation }, size) {
  const whole = { left: 0, top: 0, right: 1, bottom: 1 };
  if (content === "before") return whole;
  if (!isOnPhoto(variation)) return null;
  // The result of a set may be on any canvas.
  const isKnown = variation !== RESULT;
  if (crop && isKnown) return { left: crop[0] / size.x, top: crop[1] / size.y, right: crop[2] / size.x, bottom: crop[3] / size.y };
  return content === "both" || (isAlone && isKnown) ? whole : null;
}

/** Whether a picture shows the photo in its place, and not on another canvas. @param {string} variation */
export const isOnPhoto = (variation) => [RESULT, FINAL, "background", "clipping"].includes(variation);

/** The picture that is shown first. @type {(job: Job, variation: string) => string} */
export const previewOf = (job, variation) =>
  variation === RESULT && linkOf(job, "preview") ? "preview" : fullOf(job, variation);

/** The picture that is the job's result; an empty text for a set, of which the API does not say it. @type {(job: Job) => string} */
export const resultOf = ({ listed }) => (listed.mode === "params" ? "" : listed.mode);

/**
 * The file of a picture. The result of a set is by default `clipping`, else the last one.
 * @type {(job: Job, variation: string) => string}
 */
export function fullOf(job, variation) {
  const names = variationsOf(job);
  const name = variation || resultOf(job);
  if (names.includes(name)) return name;
  return names.includes("clipping") ? "clipping" : (names.at(-1) ?? FINAL);
}

/**
 * The variation that is shown, as far as the API says it. The result of a set may be a part of the photo.
 * @type {(job: Job, variation: string) => string}
 */
export function shownOf(job, variation) {
  const name = variation || resultOf(job);
  return fullOf(job, name) === "framed" ? "framed" : name;
}

/** The variations of a job. @type {(job: Job) => string[]} */
export const variationsOf = ({ status }) => Object.keys(status?.final_urls ?? status?.draft?.final_urls ?? {});

/** Why a job has no picture. @type {(job: Job) => string} */
export function whyNothing({ status, step }) {
  if (status?.error) return status.error.message;
  return step === "queued" ? texts.review.notMade : texts.problems.expired;
}
