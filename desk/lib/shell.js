// What all pages share: the API and its key, texts, theme, the banner about the connection.

import { Api } from "./api.js";
import { Connection } from "./connection.js";
import { find } from "./dom.js";
import { KeyDialog } from "./key-dialog.js";
import { KeyStore } from "./key.js";
import { Persistence } from "./persist.js";
import { fillTexts, texts } from "./texts.js";

/** Sets up the frame of the page. The page calls `keyDialog.check()` once it listens to the dialog. */
export function setUpShell() {
  const keys = new KeyStore();
  const api = new Api(keys);
  const connection = new Connection();
  setUpFrame(connection);
  const keyDialog = new KeyDialog(api, connection, keys);
  return { api, keyDialog, persistence: new Persistence(connection, keys) };
}

/** @param {Connection} connection */
function setUpFrame(connection) {
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
