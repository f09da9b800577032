// Asks for the API key, and shows whose it is.

import { ApiError } from "./api.js";
import { find, setText } from "./dom.js";
import { isKey } from "./key.js";
import { texts } from "./texts.js";

/** Sends `account` with the account as detail once the server has accepted a key. */
export class KeyDialog extends EventTarget {
  #dialog = find("key-dialog", HTMLDialogElement);
  #input = find("key", HTMLInputElement);
  #fault = find("key-fault", HTMLElement);
  #account = find("account", HTMLButtonElement);
  #api;
  #connection;
  #keys;

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./connection.js").Connection} connection
   * @param {import("./key.js").KeyStore} keys
   */
  constructor(api, connection, keys) {
    super();
    this.#api = api;
    this.#connection = connection;
    this.#keys = keys;
    this.#account.textContent = texts.account;
    this.#account.addEventListener("click", () => this.#ask(""));
    find("key-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    find("key-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    keys.addEventListener("refused", () => this.#ask(keys.key ? texts.keyRefused : ""));
    keys.addEventListener("changed", () => void this.check());
  }

  /** Looks up whose key it is. Asks for one if it is missing or refused. */
  async check() {
    const { key } = this.#keys;
    if (!key) return this.#ask("");
    if (!isKey(key)) return this.#ask(texts.keyMalformed);
    try {
      const account = await this.#api.account();
      this.#show(account);
      this.#dialog.close();
      this.dispatchEvent(new CustomEvent("account", { detail: account }));
    } catch (error) {
      if (error instanceof ApiError) {
        if (error.status === 401 && key === this.#keys.key) this.#ask(texts.keyRefused);
        return;
      }
      await this.#connection.back();
      await this.check();
    }
  }

  /** Shows the credits that are left. */
  async refresh() {
    try {
      this.#show(await this.#api.account());
    } catch {
      // The number is a convenience. Whatever is wrong, the next upload tells.
    }
  }

  /** @param {import("./api.js").Account} account */
  #show(account) {
    this.#account.textContent = texts.accountWith(account.owner, account.credits);
  }

  /** @param {string} fault */
  #ask(fault) {
    this.#tell(fault);
    if (!this.#dialog.open) {
      this.#input.value = "";
      this.#dialog.showModal();
    }
    this.#input.focus();
  }

  #submit() {
    const key = this.#input.value;
    if (!isKey(key)) return this.#tell(texts.keyMalformed);
    this.#tell("");
    this.#keys.set(key);
  }

  /** @param {string} fault */
  #tell(fault) {
    setText(this.#fault, fault);
    this.#fault.hidden = !fault;
    this.#input.setAttribute("aria-invalid", String(Boolean(fault)));
  }
}
