// The API key. It comes in the fragment of the link that `cutline serve` prints (`#key=…`), which a browser sends to no
// server, and is kept in the tab's session storage. The fragment is removed at once, from the history too.

const STORED = "cutline-key";

/** Holds the key, and lets others wait for another one. */
export class KeyStore extends EventTarget {
  /** @type {string} */
  #key = "";

  constructor() {
    super();
    const linked = fromFragment(location.hash);
    if (linked !== null) {
      history.replaceState(null, "", location.pathname + location.search);
      this.set(linked);
    } else {
      this.#key = read();
    }
  }

  /** The key, or an empty text. */
  get key() {
    return this.#key;
  }

  /**
   * Uses this key from now on.
   * @param {string} key
   */
  set(key) {
    this.#key = key.trim();
    try {
      sessionStorage.setItem(STORED, this.#key);
    } catch {
      // Without storage the key holds until the page is left.
    }
    this.dispatchEvent(new Event("changed"));
  }

  /**
   * Resolves once there is another key than this one. Asks for it.
   * @param {string} refused
   * @returns {Promise<void>}
   */
  another(refused) {
    if (this.#key !== refused) return Promise.resolve();
    const changed = new Promise((/** @type {(value: void) => void} */ resolve) => {
      this.addEventListener("changed", () => resolve(), { once: true });
    });
    this.dispatchEvent(new Event("refused"));
    return changed;
  }
}

/** Whether a text can be a key: visible ASCII. Anything else could not even be sent in a header. */
export const isKey = (/** @type {string} */ text) => /^[\x21-\x7e]+$/.test(text.trim());

/** @type {(fragment: string) => string | null} */
function fromFragment(fragment) {
  const encoded = /^#key=(.*)$/.exec(fragment)?.[1];
  if (encoded === undefined) return null;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function read() {
  try {
    return sessionStorage.getItem(STORED) ?? "";
  } catch {
    return "";
  }
}
