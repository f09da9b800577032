// What all pages share: texts, theme, the banner about the connection.

import { find } from "./dom.js";
import { fillTexts, texts } from "./texts.js";

/**
 * Sets up the frame of the page.
 * @param {import("./connection.js").Connection} connection
 */
export function setUpShell(connection) {
  fillTexts(document);
  for (const link of document.querySelectorAll("nav a")) {
    if (link instanceof HTMLAnchorElement && link.pathname === location.pathname) link.setAttribute("aria-current", "page");
  }
  find("theme", HTMLButtonElement).addEventListener("click", switchTheme);
  const banner = find("connection", HTMLElement);
  connection.addEventListener("changed", () => {
    banner.hidden = !connection.isLost;
    banner.textContent = navigator.onLine ? texts.unreachable : texts.offline;
  });
}

function switchTheme() {
  const { dataset } = document.documentElement;
  const isDark = dataset.theme ? dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  dataset.theme = isDark ? "light" : "dark";
  try {
    localStorage.setItem("cutline-theme", dataset.theme);
  } catch {
    // Without storage the choice holds until the page is left.
  }
}
