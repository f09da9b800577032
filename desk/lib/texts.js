// Every text of the pages, except the one for browsers without JavaScript, which cannot come from here.
// HTML names a text with `data-text`, and with `data-label` one for assistive programs.

import { setText } from "./dom.js";
import { counted, percent } from "./numbers.js";
import { correct, correctLabels, review } from "./texts-review.js";

/** Rounded up, so that a file above a limit never seems to keep it. @type {(bytes: number) => string} */
const megabytes = (bytes) => `${Math.ceil(bytes / 1e5) / 10} MB`;

export const texts = {
  // The frame of every page.
  home: "Cutline, start page",
  pages: "Pages",
  tryPage: "Try",
  reviewPage: "Review",
  apiDocs: "API",
  shortcuts: "Shortcuts",
  theme: "Switch between light and dark",
  account: "API key",
  accountWith: (/** @type {string} */ owner, /** @type {number | null} */ credits) =>
    credits === null ? owner : `${owner} · ${counted(credits, "credit", "credits")}`,
  offline: "You are offline. Your photos wait here and continue on their own.",
  unreachable: "The server does not answer. Your photos wait here and continue on their own once it is back.",
  close: "Close",

  // The key.
  keyTitle: "Enter your API key",
  keyHint:
    "`cutline serve` printed it at its first start, with a link. For another, or on AWS, run `cutline keys create`.",
  keyLabel: "API key",
  keyPrivacy: "It stays in this tab until you close it, and never appears in an address.",
  keySave: "Use this key",
  keyRefused: "This key is not accepted. Check for missing characters, or create another with `cutline keys create`.",
  keyMalformed: "This is not a key: it has characters that keys never have. Copy it again.",

  // Adding photos.
  welcomeTitle: "Drop a photo. Keep the subject.",
  welcomeHint: "Product shots, portraits, anything with a subject. One photo or a whole folder.",
  pickPhotos: "Choose photos",
  pickFolder: "Choose a folder",
  pasteHint: "Or paste a picture with Ctrl + V. Photos go only to the service that this page belongs to.",
  addPhotos: "Add",
  dropHint: "Drop to cut out",
  skipped: (/** @type {number} */ count) => `${counted(count, "file", "files")} in the folder skipped: not a picture.`,
  noPictures: "No pictures found. Drop photos, or a folder that has some.",

  // Settings.
  settingsTitle: "For the next photos",
  mode: "Cut",
  modeBackground: "Soft",
  modeClipping: "Path",
  modeParams: "Set",
  modeHints: {
    background: "Soft edges: keeps hair, fur and glass.",
    clipping: "Hard edges along a Bézier path, also as a file.",
    params: "All pictures of a parameter set: canvas, margins, background, shadows.",
  },
  set: "Parameter set",
  setBuiltIn: (/** @type {string} */ name) => `${name} (built in)`,
  setNone: "Sets could not be loaded",
  format: "Format",
  formatAutomatic: "Standard",
  formatJpg: "JPEG, no transparency",
  crop: "Crop to the subject",
  faithful: "Keep 16 bits and the photo's own colors",
  maskChosen: (/** @type {string} */ name) => `${name} goes with every next photo. It has the photo's size; white is kept.`,
  cutAgain: "Cut this photo again",

  // The photo.
  photos: "Photos",
  details: "Details and settings",
  picture: "Picture",
  waiting: "Waiting",
  uploading: (/** @type {number} */ ratio) => `Uploading ${percent(ratio)}`,
  queued: "In the queue",
  making: "Cutting out",
  waitingFor: {
    server: "Waiting for the server",
    key: "Waiting for a key",
    turn: (/** @type {number} */ seconds) => `The server is busy. Next try in ${seconds} s`,
  },
  done: (/** @type {number | undefined} */ confidence) =>
    confidence === undefined ? "Cut out" : `Cut out · certainty ${percent(confidence)}`,
  doneUncertain: (/** @type {number} */ confidence) => `Cut out · certainty ${percent(confidence)}: have a close look`,
  failed: "Not cut out",
  held: "Cut out · held for review",
  reviewIt: "Review it",
  announceDone: (/** @type {string} */ name) => `${name}: cut out`,
  announceFailed: (/** @type {string} */ name, /** @type {string} */ why) => `${name}: ${why}`,
  tryAgain: "Try again",
  remove: "Remove",
  variations: /** @type {Record<string, string>} */ ({
    background: "Soft cut-out",
    clipping: "Path cut-out",
    compose: "Composed",
    shadowTop: "Shadow from above",
    shadow_wall: "Shadow on the wall",
    framed: "Framed photo",
  }),
  noPreview: (/** @type {string} */ format) =>
    `Browsers cannot show ${format} files. Download it, or choose PNG and cut the photo again.`,
  noBefore: "Your browser cannot show this kind of photo, so there is only the result.",
  firstFrame: "Of an animation, only the first frame is cut out.",
  ownCanvas: "This picture has another size than the photo, so it cannot lie over it.",
  foreignLinks: (/** @type {string} */ origin) =>
    `The server's links lead to ${origin}. Open this page there, or start the server with --public-url.`,

  // The viewer.
  viewer: "Picture",
  viewKeys: "Picture. Arrow keys move it, plus and minus zoom.",
  before: "Photo",
  after: "Cut-out",
  altBefore: (/** @type {string} */ name) => `The photo ${name}`,
  altAfter: (/** @type {string} */ name) => `The cut-out of ${name}`,
  divider: "Border between photo and cut-out",
  dividerAt: (/** @type {number} */ value) => `${value} % photo`,
  zoom: "Zoom",
  zoomOut: "Zoom out",
  zoomIn: "Zoom in",
  zoomFit: "Fit",
  zoom100: "100 %",
  zoom400: "400 %",
  backdrop: "Behind it",
  backdropChecker: "Transparent",
  backdropWhite: "White",
  backdropBlack: "Black",
  backdropColor: "Any color",
  backdropGray: "Gray",
  backdropMagenta: "Magenta",
  showPath: "Path",

  // Taking pictures away.
  download: "Download",
  downloadAll: (/** @type {number} */ count) => `All ${count} as ZIP`,
  packing: (/** @type {number} */ done, /** @type {number} */ count) => `Packing ${done} of ${count}`,
  zipTooLarge: "These pictures exceed 4 GB, the limit of a ZIP file. Remove some photos, or choose JPEG or WebP.",
  command: "The same with curl",
  copy: "Copy",
  copied: "Copied",
  copyByHand: "Selected. Press Ctrl + C",

  // The review page.
  percent,
  reviewTitle: "Review",
  jobs: "Jobs. Arrow keys choose one, Enter shows it.",
  filters: "Filters",
  filterState: "State",
  filterWaiting: "Waiting for review",
  filterApproved: "Approved",
  filterRejected: "Rejected",
  filterExpired: "Expired",
  filterAll: "All jobs",
  filterConfidence: "Certainty",
  filterAny: "Any",
  filterProduct: "Product (external id)",
  filterAfter: "From",
  filterBefore: "To",
  filterReset: "Clear",
  approveAll: "Approve all…",
  back: "All jobs",
  previous: "Previous job",
  next: "Next job",
  approve: "Approve",
  reject: "Reject",
  whyReject: "Why? Press a digit, or Esc to go back.",
  overlays: "Over it",
  showMatte: "Matte",
  showMarks: "Not pure white",
  showPlaces: "Doubtful places",
  lookHere: "Look here",
  compare: "Compare",
  undo: "Undo",
  unsent: "Decisions that can be taken back",
  ...correctLabels,
  correct,
  review,

  // What can go wrong, with the remedy.
  problems: {
    noCredits: "No credits left. Add some with `cutline owners set OWNER --credits +100`, then try again.",
    forbidden: "This key may not upload. Use a key of scope desk or full.",
    tooLarge: (/** @type {number} */ size, /** @type {number} */ limit) =>
      `This file has ${megabytes(size)}, and the limit is ${megabytes(limit)}. Save a smaller copy, and drop that.`,
    empty: "This file is empty. Export it again, and drop that.",
    fileGone: "The file was changed or moved on your disk meanwhile. Drop it again.",
    unknownJob: "The server no longer has this photo. Try again to send it once more.",
    expired: "This picture has expired on the server. Try again to make another.",
    refused: (/** @type {string} */ messages) => `The server refused it. ${messages}`,
    unexpected: (/** @type {string} */ detail) =>
      `Something went wrong: ${detail}. Try again, or look into the server's log.`,
    unexpectedStatus: (/** @type {number} */ status, /** @type {string | null} */ request) =>
      `answer ${status}` + (request ? `, request ${request}` : ""),
  },

  // Shortcuts.
  shortcutsOn: "Single keys work",
  shortcutKeys: [
    ["← ↑ → ↓", "move the picture, or the border when it has the focus"],
    ["+ − 0", "zoom in, out, fit"],
    ["1 or Z, 4", "100 %, 400 %"],
    ["hold X", "the photo alone"],
    ["B", "next color behind it"],
    ["P", "the path"],
    ["J K", "next, previous photo"],
    ["D", "download"],
    ["Del", "remove the photo from the list"],
    ["Ctrl + V", "add a picture"],
    ["?", "this list"],
  ],
};

/** @typedef {{ [Name in keyof typeof texts]: (typeof texts)[Name] extends string ? Name : never }[keyof typeof texts]} TextName */

/**
 * Fills in the texts that the HTML names.
 * @param {ParentNode} root
 */
export function fillTexts(root) {
  const named = /** @type {Record<string, unknown>} */ (texts);
  for (const element of root.querySelectorAll("[data-text], [data-label]")) {
    if (!(element instanceof HTMLElement || element instanceof SVGElement)) continue;
    const { text, label } = element.dataset;
    if (text) setText(element, plain(named, text));
    if (label) element.setAttribute("aria-label", plain(named, label));
  }
}

/** @type {(named: Record<string, unknown>, name: string) => string} */
function plain(named, name) {
  const text = named[name];
  if (typeof text !== "string") throw new Error(`texts.js has no text ${name}`);
  return text;
}
