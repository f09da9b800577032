// Names for requests, by which the server knows a repeated one.

/** A random identity. `crypto.randomUUID` exists in secure contexts only: not over plain HTTP from another machine. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
