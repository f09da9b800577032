// The requests of this page as commands. The key is a variable, so that the command can be shown and shared.

/**
 * The commands that make the pictures of a photo.
 * @param {(path: string) => string} url of a path of the API
 * @param {string} fileName
 * @param {import("./settings.js").Choice} settings
 * @param {string} jobId of its job, if it has one
 */
export function command(url, fileName, settings, jobId) {
  const header = '-H "X-API-Key: $KEY"';
  const fields = [`-F ${quoted(`file=@${formPath(fileName)}`)}`, `-F mode=${quoted(settings.mode)}`];
  if (settings.params) fields.push(`-F params=${quoted(settings.params)}`);
  if (settings.output_format) fields.push(`-F output_format=${quoted(settings.output_format)}`);
  if (settings.crop) fields.push(`-F crop=${quoted(settings.crop)}`);
  if (settings.depth) fields.push(`-F depth=${quoted(settings.depth)}`);
  if (settings.color) fields.push(`-F color=${quoted(settings.color)}`);
  if (settings.mask) fields.push(`-F ${quoted(`mask=@${formPath(settings.mask.name)}`)}`);
  if (settings.mask_source) fields.push(`-F mask_source=${quoted(settings.mask_source)}`);
  const upload = ["curl " + header, ...fields, quoted(url("upload"))];
  const status = ["curl " + header, quoted(url(`status?job_id=${jobId || "JOB_ID"}`))];
  return `${upload.join(" \\\n  ")}\n\n${status.join(" \\\n  ")}`;
}

/** A path in the value of a form: curl splits it at `;` and `,` outside of double quotes. @param {string} path */
const formPath = (path) => (/^[\w.-]+$/.test(path) ? path : `"${path.replace(/[\\"]/g, "\\$&")}"`);

/**
 * A word for a shell.
 * @param {string} text
 */
export function quoted(text) {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
