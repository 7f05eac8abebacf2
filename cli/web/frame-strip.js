// The strip above a flame graph: GC cycles over the range, and when the
// hovered function was active.

import { FONT, Surface } from "./canvas.js";
import { el } from "./dom.js";
import { duration } from "./format.js";
import { fitText, shortFunction } from "./text.js";
import { palette } from "./theme.js";

const STRIP_HEIGHT = 26;

export class FrameStrip {
  /**
   * @param {App} app
   * @param {ProfileAnswer} profile
   * @param {{ start?: number, end?: number }} range
   */
  constructor(app, profile, range) {
    this.profile = profile;
    this.start = range.start ?? app.trace.start_ns;
    this.end = range.end ?? app.trace.end_ns;
    /** @type {number | null} */
    this.frame = null;
    /** @type {MarksAnswer | null} */
    this.marks = null;
    this.surface = new Surface(
      "GC cycles over the range, and when the hovered function was active",
    );
    this.element = el("div", { class: "framestrip" }, this.surface.canvas);
    new ResizeObserver(() => this.draw()).observe(this.element);
    this.load(app);
  }

  /** @param {App} app */
  async load(app) {
    try {
      this.marks = await app.provider.json("marks", {
        start: this.start,
        end: this.end,
        pixels: 1000,
      });
    } catch {
      this.marks = null;
    }
    this.draw();
  }

  /** @param {number | null} frame */
  follow(frame) {
    this.frame = frame;
    this.draw();
  }

  draw() {
    const width = this.element.clientWidth;
    if (width === 0) return;
    const context = this.surface.begin(width, STRIP_HEIGHT);
    if (!context) return;
    const colours = palette();
    const x = (/** @type {number} */ at) => ((at - this.start) / (this.end - this.start)) * width;
    context.font = FONT;
    context.textBaseline = "middle";
    for (const cycle of this.marks?.cycles ?? []) {
      context.fillStyle = colours.states[5] ?? "";
      context.globalAlpha = 0.45;
      context.fillRect(
        x(cycle.start_ns),
        0,
        Math.max(1, x(cycle.end_ns) - x(cycle.start_ns)),
        STRIP_HEIGHT - 8,
      );
    }
    context.globalAlpha = 1;
    context.fillStyle = colours.pause;
    for (const pause of this.marks?.pauses ?? [])
      context.fillRect(x(pause.start_ns), 0, 1, STRIP_HEIGHT - 4);
    const text =
      this.drawFrame(context, x) ??
      `GC cycles over ${duration(this.end - this.start)}; point at a function to see when it was active`;
    const fitting = fitText(context, text, width - 8);
    context.globalAlpha = 0.75;
    context.fillStyle = colours.background;
    context.fillRect(2, 2, context.measureText(fitting).width + 6, STRIP_HEIGHT - 10);
    context.globalAlpha = 1;
    context.fillStyle = colours.text;
    context.fillText(fitting, 5, STRIP_HEIGHT - 16);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {(at: number) => number} x
   * @returns {string | null}
   */
  drawFrame(context, x) {
    const { windows, frames } = this.profile;
    if (this.frame === null) return null;
    const values = windows?.frames[String(this.frame)];
    const name = shortFunction(frames[this.frame] ?? "");
    if (!windows || !values) return name;
    const most = Math.max(1, ...values);
    context.fillStyle = palette().accent;
    values.forEach((value, index) => {
      const start = windows.start_ns + index * windows.width_ns;
      const tall = (value / most) * (STRIP_HEIGHT - 2);
      context.globalAlpha = 0.55;
      context.fillRect(
        x(start),
        STRIP_HEIGHT - tall,
        Math.max(1, x(start + windows.width_ns) - x(start) - 0.5),
        tall,
      );
    });
    context.globalAlpha = 1;
    return name;
  }
}
