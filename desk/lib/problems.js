// Faults in plain words, with the remedy.

import { ApiError, ForeignLink } from "./api.js";
import { texts } from "./texts.js";

const { problems } = texts;

/** @typedef {{ text: string, canRetry: boolean }} Problem */

/** A fault that this page found itself. */
export class LocalFault extends Error {
  /**
   * @param {string} message
   * @param {boolean} [canRetry]
   */
  constructor(message, canRetry = false) {
    super(message);
    this.canRetry = canRetry;
  }
}

/**
 * Why the server did not change a job, for a person who reviews it.
 * @param {unknown} fault
 * @param {Record<string, string>} conflicts the texts for the codes of a 409
 * @returns {string}
 */
export function describeRefusal(fault, conflicts) {
  if (fault instanceof ApiError) {
    if (fault.status === 403) return texts.review.forbidden;
    const known = fault.status === 409 && conflicts[fault.code];
    if (known) return known;
  }
  return describe(fault).text;
}

/**
 * What to tell about a fault.
 * @param {unknown} fault
 * @returns {Problem}
 */
export function describe(fault) {
  if (fault instanceof LocalFault) return { text: fault.message, canRetry: fault.canRetry };
  if (fault instanceof ForeignLink) return { text: texts.foreignLinks(fault.origin), canRetry: true };
  if (!(fault instanceof ApiError)) return { text: problems.unexpected(String(fault)), canRetry: true };
  switch (fault.status) {
    case 402:
      return { text: problems.noCredits, canRetry: true };
    case 403:
      return { text: problems.forbidden, canRetry: true };
    case 404:
      return { text: problems.unknownJob, canRetry: true };
    case 422:
      return { text: problems.refused(Object.values(fault.details).flat().join(" ")), canRetry: false };
    case 400:
    case 413:
      return { text: problems.refused(fault.message), canRetry: true };
    case 507:
      return { text: fault.message, canRetry: true };
    default: {
      const detail = problems.unexpectedStatus(fault.status, fault.requestId);
      return { text: problems.unexpected(detail), canRetry: true };
    }
  }
}
