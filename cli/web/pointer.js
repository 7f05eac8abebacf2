// Mouse and wheel on the lanes and the axis: zoom, pan, range selection, hover and click.

import { cycleAt, describe, Rest } from "./hover.js";
import { intervalAt } from "./intervals-draw.js";
import { go, onPlace } from "./place.js";
import { palette } from "./theme.js";
import { Tooltip, tooltipLines } from "./tooltip.js";

/** Movement below this, in CSS pixels, is a click. */
const CLICK = 4;

export class Pointer {
  /** @param {import("./timeline.js").Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    this.app = timeline.app;
    this.tooltip = new Tooltip();
    this.rest = new Rest(timeline.app);
    /** Time under the pointer, for the keys. @type {number | null} */
    this.time = null;
    /** @type {{ kind: "pan" | "range", x: number, y: number, at: number, moved: boolean } | null} */
    this.drag = null;
    const { canvas } = timeline.lanes;
    this.listen(canvas, "lanes");
    this.listen(timeline.axis.canvas, "axis");
    canvas.addEventListener("dblclick", () => this.app.view.zoom(this.time ?? 0, 0.25));
    timeline.overlay = (scene) => this.drawCursor(scene);
    onPlace((now, before) => {
      if (now.page !== before.page) this.hide();
    });
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {"lanes" | "axis"} place
   */
  listen(canvas, place) {
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      const kind = place === "axis" || event.shiftKey ? "range" : "pan";
      this.drag = {
        kind,
        x: event.clientX,
        y: event.clientY,
        at: this.timeline.timeAt(event.clientX),
        moved: false,
      };
      this.app.view.stop();
      this.hide();
    });
    canvas.addEventListener("pointermove", (event) => this.move(event, place));
    canvas.addEventListener("pointerup", (event) => this.release(event, place));
    canvas.addEventListener("pointercancel", () => {
      this.drag = null;
    });
    canvas.addEventListener("pointerleave", () => {
      this.time = null;
      this.hide();
      this.timeline.schedule();
    });
    canvas.addEventListener("wheel", (event) => this.wheel(event, place), { passive: false });
  }

  /**
   * @param {PointerEvent} event
   * @param {"lanes" | "axis"} place
   */
  move(event, place) {
    const { timeline, drag } = this;
    this.time = timeline.timeAt(event.clientX);
    timeline.schedule();
    if (!drag) {
      if (place === "lanes") this.hover(event);
      return;
    }
    if (Math.abs(event.clientX - drag.x) > CLICK || Math.abs(event.clientY - drag.y) > CLICK)
      drag.moved = true;
    if (!drag.moved) return;
    if (drag.kind === "range") {
      const { view } = this.app;
      const at = Math.max(view.first, Math.min(view.last, this.time));
      go({ range: drag.at < at ? [drag.at, at] : [at, drag.at] });
      return;
    }
    this.app.view.pan((drag.at - this.time) / this.app.view.width);
    timeline.scroller.scrollTop -= event.movementY;
  }

  /**
   * @param {PointerEvent} event
   * @param {"lanes" | "axis"} place
   */
  release(event, place) {
    const { drag } = this;
    this.drag = null;
    if (!drag || drag.moved || place === "axis") return;
    this.click(event);
  }

  /** @param {PointerEvent} event */
  click(event) {
    const { timeline, app } = this;
    const row = timeline.rowAt(event.clientY);
    if (!row) return;
    const at = timeline.timeAt(event.clientX);
    if (row.kind === "group" || row.kind === "section" || row.kind === "more") {
      timeline.rows.toggle(row);
    } else if (row.kind === "intervals") {
      const y = event.clientY - timeline.plot.getBoundingClientRect().top + timeline.top - row.y;
      const interval = intervalAt(
        timeline.intervals.get(row.lane ?? "")?.answer ?? null,
        at,
        y,
        (app.view.width / timeline.width) * 3,
      );
      if (!interval) return;
      if (interval.end_ns > interval.start_ns)
        go({ range: [interval.start_ns, interval.end_ns], tab: "table" });
      if (interval.goroutine !== null)
        app.selection.select(`goroutine:${interval.goroutine}`, interval.start_ns);
    } else if (row.lane) {
      app.selection.select(row.lane, at, "stay");
    } else if (row.kind === "gc") {
      const slack = (app.view.width / timeline.width) * 2;
      const cycle = cycleAt(timeline.marks.answer, at, slack);
      if (cycle) go({ range: [cycle.start_ns, cycle.end_ns], tab: "table" });
    }
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const { timeline } = this;
    const row = timeline.rowAt(event.clientY);
    this.rest.stop();
    if (!row) {
      this.tooltip.hide();
      return;
    }
    const at = timeline.timeAt(event.clientX);
    const y = event.clientY - timeline.plot.getBoundingClientRect().top + timeline.top - row.y;
    const lines = describe(timeline, row, at, y);
    if (lines.length === 0) {
      this.tooltip.hide();
      return;
    }
    this.tooltip.show(event.clientX, event.clientY, tooltipLines(lines));
    this.rest.start(row, at, (more) =>
      this.tooltip.show(event.clientX, event.clientY, tooltipLines([...lines, ...more])),
    );
  }

  hide() {
    this.rest.stop();
    this.tooltip.hide();
  }

  /**
   * The wheel scrolls the lanes if they overflow, and zooms with Ctrl, on the axis, and if there
   * is nothing to scroll. Sideways, or with Shift, it pans.
   * @param {WheelEvent} event
   * @param {"lanes" | "axis"} place
   */
  wheel(event, place) {
    event.preventDefault();
    this.hide();
    const { timeline, app } = this;
    const unit = event.deltaMode === 1 ? 16 : 1;
    const [across, down] = event.shiftKey
      ? [event.deltaX + event.deltaY, 0]
      : [event.deltaX, event.deltaY];
    const { scroller } = timeline;
    const overflows = scroller.scrollHeight > scroller.clientHeight + 1;
    if (Math.abs(across) > Math.abs(down)) app.view.pan((across * unit) / timeline.width);
    else if (event.ctrlKey || event.metaKey || event.altKey || place === "axis" || !overflows)
      app.view.zoom(timeline.timeAt(event.clientX), 1.0025 ** (down * unit));
    else scroller.scrollTop += down * unit;
  }

  /** @param {import("./lanes-draw.js").Scene} scene */
  drawCursor(scene) {
    if (this.time === null) return;
    const { view } = this.app;
    scene.context.fillStyle = palette().faint;
    scene.context.globalAlpha = 0.55;
    scene.context.fillRect(
      Math.round(((this.time - view.start) / view.width) * scene.width),
      0,
      1,
      scene.height,
    );
    scene.context.globalAlpha = 1;
  }
}
