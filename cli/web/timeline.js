// The timeline: overview, axis, lanes. Draws once a frame if something changed.

import { drawAxis } from "./axis.js";
import { drawSelection } from "./arrows.js";
import { Surface } from "./canvas.js";
import { el, fill } from "./dom.js";
import { duration } from "./format.js";
import { hitTimes, onHits } from "./find.js";
import { drawIntervals } from "./intervals-draw.js";
import { Labels } from "./labels.js";
import { LaneStore } from "./lane-store.js";
import { drawGround, drawLane, drawMarks, drawRange } from "./lanes-draw.js";
import { Overview } from "./overview.js";
import { go, onPlace, place } from "./place.js";
import { RangeLoader } from "./range-loader.js";
import { Rows } from "./rows.js";
import { onTheme } from "./theme.js";

/** Height of the axis, in CSS pixels. */
const AXIS_HEIGHT = 22;

/** The address follows the view this long after it stops. */
const SETTLE_MS = 250;

export class Timeline {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.rows = new Rows(app);
    this.store = new LaneStore(app);
    this.labels = new Labels(this.rows);
    this.overview = new Overview(app);
    /** @type {RangeLoader<MarksAnswer>} */
    this.marks = new RangeLoader(app, "marks");
    /** @type {Map<string, RangeLoader<IntervalsAnswer>>} */
    this.intervals = new Map(
      ["tasks", "regions", "logs"].map((kind) => [
        kind,
        new RangeLoader(app, "intervals", { kind }),
      ]),
    );
    this.axis = new Surface("Time axis. Drag to select a range.");
    this.lanes = new Surface(
      "Lanes of the garbage collector, Ps, goroutines, threads and tasks. Press ? for the keys.",
    );
    this.lanes.canvas.tabIndex = 0;
    this.corner = el("div", { class: "corner" });
    this.spacer = el("div", { class: "spacer" });
    this.plot = el("div", { class: "plot" }, this.lanes.canvas);
    this.stage = el("div", { class: "stage" }, this.labels.element, this.plot);
    this.scroller = el("div", { class: "lanes" }, this.stage, this.spacer);
    this.element = el(
      "section",
      { class: "timeline", "aria-label": "Timeline" },
      this.overview.element,
      el(
        "div",
        { class: "strip axis" },
        this.corner,
        el("div", { class: "plot" }, this.axis.canvas),
      ),
      this.scroller,
    );
    this.frame = 0;
    this.settle = 0;
    /**
     * Draws over the lanes, as the pointer needs.
     * @type {((scene: import("./lanes-draw.js").Scene) => void) | null}
     */
    this.overlay = null;
    this.connect();
  }

  connect() {
    const { app } = this;
    const draw = () => this.schedule();
    app.view.listen(() => {
      this.schedule();
      clearTimeout(this.settle);
      this.settle = setTimeout(() => go({ start: app.view.start, end: app.view.end }), SETTLE_MS);
    });
    app.selection.listen(() => this.rows.update());
    app.names.arrived = () => {
      this.store.repaint();
      this.rows.update();
    };
    this.rows.changed = draw;
    this.store.arrived = draw;
    this.marks.arrived = draw;
    this.overview.changed = () => {
      draw();
      this.rows.measureIntervals();
    };
    for (const loader of this.intervals.values()) loader.arrived = draw;
    this.scroller.addEventListener("scroll", draw);
    new ResizeObserver(draw).observe(this.scroller);
    onTheme(draw);
    onHits(draw);
    onPlace((now, before) => {
      if (now.open.join() !== before.open.join() || now.sort !== before.sort) this.rows.update();
      if (
        now.start !== null &&
        now.end !== null &&
        (now.start !== before.start || now.end !== before.end)
      ) {
        const same =
          Math.abs(now.start - app.view.start) < 1 && Math.abs(now.end - app.view.end) < 1;
        if (!same && app.view.flight === 0) app.view.fly(now.start, now.end);
      }
      draw();
    });
  }

  schedule() {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  get width() {
    return Math.max(50, this.plot.clientWidth);
  }

  get top() {
    return this.scroller.scrollTop;
  }

  /** Rows in view. */
  visible() {
    return this.rows.between(this.top, this.top + this.scroller.clientHeight);
  }

  draw() {
    this.frame = 0;
    const { app, width } = this;
    const height = this.scroller.clientHeight;
    if (height === 0) return;
    this.spacer.style.height = `${Math.max(0, this.rows.height - height)}px`;
    this.stage.style.height = `${height}px`;
    fill(this.corner, el("span", { text: duration(app.view.width) }), " in view");
    this.overview.draw(width);
    const axis = this.axis.begin(width, AXIS_HEIGHT);
    if (axis) drawAxis(axis, app.view, width, AXIS_HEIGHT, place().range, hitTimes());
    const context = this.lanes.begin(width, height);
    if (!context) return;
    /** @type {import("./lanes-draw.js").Scene} */
    const scene = {
      app,
      context,
      store: this.store,
      width,
      height,
      density: this.lanes.density,
      top: this.top,
    };
    const rows = this.visible();
    this.labels.draw(rows, this.top);
    drawGround(scene, rows);
    for (const row of rows) {
      if (row.kind === "intervals" && row.lane)
        drawIntervals(scene, row, this.intervals.get(row.lane)?.answer ?? null);
      else if (row.lane) drawLane(scene, row);
    }
    drawMarks(scene, this.marks.answer, rows);
    drawRange(scene, place().range);
    drawSelection(scene, this.rows);
    this.overlay?.(scene);
    this.load(rows);
  }

  /** @param {Row[]} rows */
  load(rows) {
    const { width } = this;
    this.store.refresh(() => ({
      names: this.visible().flatMap((row) =>
        row.lane && row.kind !== "intervals" ? [row.lane] : [],
      ),
      pixels: this.width,
    }));
    this.marks.refresh(width);
    for (const row of rows) {
      if (row.kind === "intervals" && row.lane) this.intervals.get(row.lane)?.refresh(width);
    }
  }

  /**
   * Time at a horizontal place of the window.
   * @param {number} clientX
   */
  timeAt(clientX) {
    const box = this.plot.getBoundingClientRect();
    const { view } = this.app;
    return view.start + ((clientX - box.left) / this.width) * view.width;
  }

  /**
   * Row at a vertical place of the window.
   * @param {number} clientY
   */
  rowAt(clientY) {
    return this.rows.at(clientY - this.plot.getBoundingClientRect().top + this.top);
  }

  /**
   * Scrolls and zooms so that a span can be seen.
   * @param {string} lane
   * @param {Span} span
   * @param {"zoom" | "scroll" | "stay"} how
   */
  reveal(lane, { start_ns: start, end_ns: end }, how) {
    if (how === "stay") return;
    const { view } = this.app;
    const row = this.rows.showing(lane);
    const height = this.scroller.clientHeight;
    if (row && (row.y < this.top || row.y + row.height > this.top + height)) {
      this.scroller.scrollTo({ top: Math.max(0, row.y - height / 3) });
    }
    const width = end - start;
    const middle = (start + end) / 2;
    const outside = end < view.start || start > view.end;
    if (how === "zoom" && (outside || width < view.width / 400)) {
      const show = Math.max(width * (outside ? 3 : 20), 1000);
      view.fly(middle - show / 2, middle + show / 2);
    } else if (outside) view.fly(middle - view.width / 2, middle + view.width / 2);
  }
}
