// Loads what is asked for by range and resolution (marks, intervals), one request at a time, and
// keeps the last answer until a sharper one is there.

import { shiftFor } from "./lane-store.js";

/** Part of the view that is loaded beyond each of its ends. */
const BEYOND = 0.5;

/** @template T */
export class RangeLoader {
  /**
   * @param {App} app
   * @param {string} path
   * @param {Parameters_} parameters
   */
  constructor(app, path, parameters = {}) {
    this.app = app;
    this.path = path;
    this.parameters = parameters;
    /** @type {T | null} */
    this.answer = null;
    this.start = 0;
    this.end = 0;
    this.shift = -1;
    this.loading = false;
    /** @type {() => void} */
    this.arrived = () => {};
  }

  /**
   * Asks for the view if the answer at hand does not show it sharply.
   * @param {number} pixels
   */
  async refresh(pixels) {
    const { view, provider } = this.app;
    const shift = shiftFor(view.width, pixels);
    const fresh = this.shift === shift && this.start <= view.start && this.end >= view.end;
    if (this.loading || fresh || (provider.embedded && this.shift >= 0)) return;
    this.loading = true;
    const start = Math.max(view.first, view.start - view.width * BEYOND);
    const end = Math.min(view.last, view.end + view.width * BEYOND);
    const share = (end - start) / view.width;
    try {
      this.answer = await provider.json(this.path, {
        ...this.parameters,
        start: Math.floor(start),
        end: Math.ceil(end),
        pixels: Math.ceil(pixels * share),
      });
    } catch (error) {
      if (!provider.embedded) this.app.complain(error);
    }
    this.start = start;
    this.end = end;
    this.shift = shift;
    this.loading = false;
    this.arrived();
  }
}
