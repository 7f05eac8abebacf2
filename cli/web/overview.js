// The strip of the whole trace: running goroutines, heap with its goal, GC cycles, stop-the-world
// pauses; the view is a brush on it.

import { Surface } from "./canvas.js";
import { el } from "./dom.js";
import { bytes, count } from "./format.js";
import { drawOverview, maximum, OVERVIEW_HEIGHT } from "./overview-draw.js";
import { place } from "./place.js";
import { palette } from "./theme.js";

/** How near to an end of the brush the pointer takes it, in CSS pixels. */
const GRIP = 6;

export class Overview {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.surface = new Surface(
      "The whole trace: running goroutines, heap, garbage collections and stop-the-world pauses. The brush is the range in view.",
    );
    this.legend = el("div", { class: "corner legend" });
    /** The picture without the brush, and what it was drawn for. */
    this.ground = new Surface("");
    this.drawn = "";
    this.element = el(
      "div",
      { class: "strip overview" },
      this.legend,
      el("div", { class: "plot" }, this.surface.canvas),
    );
    /** @type {SeriesAnswer | null} */
    this.series = null;
    /** @type {MarksAnswer | null} */
    this.marks = null;
    /** @type {() => void} */
    this.changed = () => {};
    this.listen();
    this.load();
  }

  async load() {
    const { trace, provider } = this.app;
    const range = { start: trace.start_ns, end: trace.end_ns, pixels: 1200 };
    try {
      [this.series, this.marks] = await Promise.all([
        provider.json("series", {
          ...range,
          names: "heap,goal,goroutines,running,runnable,waiting,syscall,gc_cpu,gomaxprocs",
        }),
        provider.json("marks", range),
      ]);
    } catch (error) {
      this.app.complain(error);
    }
    this.writeLegend();
    this.changed();
  }

  writeLegend() {
    const series = this.series?.series ?? {};
    const most = (/** @type {string} */ key) => maximum(series[key]);
    const line = (
      /** @type {string} */ kind,
      /** @type {string} */ text,
      /** @type {string} */ value,
    ) =>
      el(
        "div",
        { class: "entry" },
        el("i", { class: `swatch ${kind}` }),
        el("span", { text }),
        el("b", { text: value }),
      );
    const { trace } = this.app;
    this.legend.replaceChildren(
      line("running", "running", `max ${count(most("running"))}`),
      line("heap", "heap", most("heap") ? `max ${bytes(most("heap"))}` : "not traced"),
      line("goal", "heap goal", most("goal") ? `max ${bytes(most("goal"))}` : "–"),
      line("gc", "GC", count(trace.gc_cycle_count)),
      line("pause", "stop-the-world", count(trace.pause_count)),
    );
  }

  /** @param {number} width */
  draw(width) {
    const context = this.surface.begin(width, OVERVIEW_HEIGHT);
    if (!context) return;
    const { view } = this.app;
    const { density } = this.surface;
    const drawn = [width, density, palette().background, this.series !== null].join();
    if (this.drawn !== drawn) {
      const ground = this.ground.begin(width, OVERVIEW_HEIGHT);
      if (ground) drawOverview(ground, width, density, view, this.series, this.marks);
      this.drawn = drawn;
    }
    context.drawImage(this.ground.canvas, 0, 0, width, OVERVIEW_HEIGHT);
    this.drawBrush(context, (at) => ((at - view.first) / (view.last - view.first)) * width, width);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {(at: number) => number} x
   * @param {number} width
   */
  drawBrush(context, x, width) {
    const { view } = this.app;
    const colours = palette();
    const [left, right] = [x(view.start), x(view.end)];
    context.globalAlpha = 0.72;
    context.fillStyle = colours.background;
    context.fillRect(0, 0, left, OVERVIEW_HEIGHT);
    context.fillRect(right, 0, width - right, OVERVIEW_HEIGHT);
    context.globalAlpha = 1;
    context.fillStyle = colours.accent;
    const range = place().range;
    if (range) {
      context.globalAlpha = 0.25;
      context.fillRect(x(range[0]), 0, Math.max(1, x(range[1]) - x(range[0])), OVERVIEW_HEIGHT);
      context.globalAlpha = 1;
    }
    context.fillRect(left, 0, 1.5, OVERVIEW_HEIGHT);
    context.fillRect(right - 1.5, 0, 1.5, OVERVIEW_HEIGHT);
    context.fillRect(left - 2, OVERVIEW_HEIGHT / 2 - 9, 4, 18);
    context.fillRect(right - 2, OVERVIEW_HEIGHT / 2 - 9, 4, 18);
  }

  /** Drags the brush, its ends, or a new one. */
  listen() {
    const { canvas } = this.surface;
    const { view } = this.app;
    /** @type {"left" | "right" | "move" | "new" | null} */
    let mode = null;
    let anchor = 0;
    const time = (/** @type {PointerEvent | WheelEvent} */ event) => {
      const box = canvas.getBoundingClientRect();
      return view.first + ((event.clientX - box.left) / box.width) * (view.last - view.first);
    };
    const grip = (/** @type {PointerEvent} */ event) => {
      const near = (GRIP / canvas.clientWidth) * (view.last - view.first);
      const at = time(event);
      if (Math.abs(at - view.start) < near) return "left";
      if (Math.abs(at - view.end) < near) return "right";
      const whole = view.width >= (view.last - view.first) * 0.999;
      return at > view.start && at < view.end && !whole && !event.shiftKey ? "move" : "new";
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      mode = grip(event);
      anchor = time(event);
      view.stop();
    });
    canvas.addEventListener("pointermove", (event) => {
      const at = time(event);
      if (!mode) {
        const over = grip(event);
        canvas.style.cursor = over === "move" ? "grab" : over === "new" ? "crosshair" : "ew-resize";
        return;
      }
      if (mode === "left") view.set(Math.min(at, view.end - 1), view.end);
      else if (mode === "right") view.set(view.start, Math.max(at, view.start + 1));
      else if (mode === "new") {
        if (Math.abs(at - anchor) > (GRIP / canvas.clientWidth) * (view.last - view.first))
          view.set(Math.min(anchor, at), Math.max(anchor, at));
      } else {
        view.pan((at - anchor) / view.width);
        anchor = at;
      }
    });
    canvas.addEventListener("pointerup", () => {
      mode = null;
    });
    canvas.addEventListener("dblclick", () => view.fly(view.first, view.last));
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        view.zoom(time(event), 1.002 ** event.deltaY);
      },
      { passive: false },
    );
  }
}
