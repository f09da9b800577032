// Writes tables as CSV (RFC 4180), for spreadsheets too.

/** A spreadsheet would calculate with a text that begins like this. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * The rows as a file.
 * @param {string[][]} rows
 * @returns {string}
 */
export function table(rows) {
  // The mark at the start tells spreadsheets that this is UTF-8.
  return `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

/** @type {(text: string) => string} */
function cell(text) {
  const isNumber = /^-?[\d.]+$/.test(text);
  const safe = FORMULA.test(text) && !isNumber ? `'${text}` : text;
  return /[",\r\n]|^ | $/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
