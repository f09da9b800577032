// Small helpers for the document. Text is always set as text: no page ever parses HTML at run time, and the policy of the
// pages (`require-trusted-types-for`) makes the browser refuse it.

/**
 * The element with this id, which must exist and be of this kind.
 * @template {Element} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function find(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`#${id} is not a ${kind.name}`);
  return element;
}

/**
 * The first element in `root` that matches, which must exist and be of this kind.
 * @template {Element} Kind
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function findIn(root, selector, kind) {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`${selector} is not a ${kind.name}`);
  return element;
}

/**
 * A new element. Strings among the children become text.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, string>} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/**
 * Sets the text of an element. Backticks enclose code.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  element.replaceChildren(...text.split("`").map((part, index) => (index % 2 === 1 ? make("code", {}, part) : part)));
}

/**
 * A button that does something.
 * @param {string} text
 * @param {() => void} action
 * @param {string} [className]
 */
export function button(text, action, className = "") {
  const element = make("button", { type: "button", class: className }, text);
  element.addEventListener("click", action);
  return element;
}

/**
 * Says something to assistive programs.
 * @param {string} text
 */
export function announce(text) {
  find("announcement", HTMLElement).textContent = text;
}

/**
 * Saves a blob as a file of this name.
 * @param {Blob} blob
 * @param {string} name
 */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  link.click();
  // The download has begun by then, and holds the blob itself.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** @type {(milliseconds: number) => Promise<void>} */
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
