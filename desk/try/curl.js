// The requests of this page as commands. The key is a variable, so that the command can be shown and shared.

/**
 * The commands that make the pictures of a photo.
 * @param {(path: string) => string} url of a path of the API
 * @param {string} fileName
 * @param {import("../lib/api.js").Settings} settings
 * @param {string} jobId of its job, if it has one
 */
export function command(url, fileName, settings, jobId) {
  const header = '-H "X-API-Key: $KEY"';
  // curl splits the value of a form at `;` and `,` outside of double quotes.
  const path = /^[\w.-]+$/.test(fileName) ? fileName : `"${fileName.replace(/[\\"]/g, "\\$&")}"`;
  const fields = [`-F ${quoted(`file=@${path}`)}`, `-F mode=${quoted(settings.mode)}`];
  if (settings.params) fields.push(`-F params=${quoted(settings.params)}`);
  if (settings.output_format) fields.push(`-F output_format=${quoted(settings.output_format)}`);
  if (settings.crop) fields.push(`-F crop=${quoted(settings.crop)}`);
  if (settings.depth) fields.push(`-F depth=${quoted(settings.depth)}`);
  if (settings.color) fields.push(`-F color=${quoted(settings.color)}`);
  const upload = ["curl " + header, ...fields, quoted(url("upload"))];
  const status = ["curl " + header, quoted(url(`status?job_id=${jobId || "JOB_ID"}`))];
  return `${upload.join(" \\\n  ")}\n\n${status.join(" \\\n  ")}`;
}

/**
 * A word for a shell.
 * @param {string} text
 */
export function quoted(text) {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
