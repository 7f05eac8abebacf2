// Chooses the page to show beside the timeline.

import { el } from "./dom.js";

export class Pages {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
  }

  /** The page that the address names. @returns {HTMLElement} */
  show() {
    return el("div", { class: "subpage" }, el("h1", { text: "soon" }));
  }
}
