// The page of garbage collection: heap and pauses by cycle, every cycle, and the MMU curve.

import { chart } from "./chart.js";
import { el } from "./dom.js";
import { bytes, count, duration, moment, percent, relative } from "./format.js";
import { go } from "./place.js";
import { factList, missing, subpage } from "./subpage.js";
import { table } from "./table.js";
import { clean } from "./text.js";

/** Points of a chart at most. */
const MOST_POINTS = 2000;

const NO_CYCLE = "No collection ran during the trace.";

/** @param {App} app */
export function gcPage(app) {
  return subpage("Garbage collection", app.provider.json("gc"), ({ gc, mmu }) => {
    const totals = gc.pause_totals;
    return [
      factList([
        ["collections", count(gc.cycle_count)],
        ["pauses", `${count(totals.count)}, ${duration(totals.total_ns)} in all`],
        ["longest pause", duration(totals.max_ns)],
        ["median, 99 %", `${duration(totals.p50_ns)}, ${duration(totals.p99_ns)}`],
        ["share of the trace", percent(totals.total_ns / gc.duration_ns)],
      ]),
      el(
        "div",
        { class: "columns" },
        heapChart(app, gc),
        pauseChart(app, gc),
        mmuChart(mmu),
        reasons(gc),
      ),
      el("h2", { text: "Cycles" }),
      cyclesTable(app, gc.cycles),
    ];
  });
}

/**
 * @param {App} app
 * @param {any} gc
 */
function heapChart(app, gc) {
  const cycles = thinned(gc.cycles);
  const known = cycles.filter(
    (cycle) => cycle.heap_start_bytes !== null || cycle.heap_live_bytes !== null,
  );
  const drawing =
    known.length === 0
      ? missing(
          cycles.length === 0
            ? NO_CYCLE
            : "The trace has no heap sizes: they are in traces of Go 1.21 and later.",
        )
      : chart(
          known.map((cycle) => cycle.start_ns - app.trace.start_ns),
          [
            { name: "heap when it starts", values: known.map((cycle) => cycle.heap_start_bytes) },
            { name: "live after it", values: known.map((cycle) => cycle.heap_live_bytes) },
            { name: "goal", values: known.map((cycle) => cycle.goal_bytes), dashed: true },
          ],
          { label: "Heap by cycle", x: relative, y: bytes, binary: true },
        );
  return el("section", {}, el("h2", { text: "Heap by cycle" }), drawing);
}

/**
 * @param {App} app
 * @param {any} gc
 */
function pauseChart(app, gc) {
  const cycles = thinned(gc.cycles);
  const drawing =
    cycles.length === 0
      ? missing(NO_CYCLE)
      : chart(
          cycles.map((cycle) => cycle.start_ns - app.trace.start_ns),
          [
            { name: "stop-the-world pauses", values: cycles.map((cycle) => cycle.pause_ns) },
            { name: "mark assists", values: cycles.map((cycle) => cycle.assist_ns) },
          ],
          { label: "Pauses and mark assists by cycle", x: relative, y: duration },
        );
  return el("section", {}, el("h2", { text: "Pauses and mark assists by cycle" }), drawing);
}

/** @param {any} mmu */
function mmuChart(mmu) {
  /** @type {any[]} */
  const points = mmu?.points ?? [];
  const drawing =
    points.length === 0
      ? missing("The trace is too short for a curve.")
      : chart(
          points.map((point) => point.window_ns),
          [
            { name: "worst window (MMU)", values: points.map((point) => point.mmu) },
            { name: "5 % of windows are worse", values: points.map((point) => point.p5) },
            { name: "median window", values: points.map((point) => point.p50), dashed: true },
          ],
          {
            label: "Minimum mutator utilisation by window",
            x: duration,
            y: percent,
            logarithmic: true,
            most: 1,
          },
        );
  return el(
    "section",
    {},
    el("h2", { text: "Utilisation (MMU)", title: "minimum mutator utilisation" }),
    el("p", {
      class: "lead",
      text: "Share of the Ps that the program keeps in the worst window of each length.",
    }),
    drawing,
  );
}

/** @param {any} gc */
function reasons(gc) {
  return el(
    "section",
    {},
    el("h2", { text: "Pauses by reason" }),
    table(
      /** @type {import("./table.js").Column<any>[]} */ ([
        { title: "reason", value: (row) => row.reason, cell: (row) => clean(row.reason) },
        {
          title: "pauses",
          number: true,
          value: (row) => row.count,
          cell: (row) => count(row.count),
        },
        {
          title: "total",
          number: true,
          value: (row) => row.total_ns,
          cell: (row) => duration(row.total_ns),
        },
        {
          title: "median",
          number: true,
          value: (row) => row.p50_ns,
          cell: (row) => duration(row.p50_ns),
        },
        {
          title: "99 %",
          number: true,
          value: (row) => row.p99_ns,
          cell: (row) => duration(row.p99_ns),
        },
        {
          title: "longest",
          number: true,
          value: (row) => row.max_ns,
          cell: (row) => duration(row.max_ns),
        },
      ]),
      gc.pauses_by_reason,
      { label: "Pauses by reason", sort: 2, empty: "Nothing stopped the world during the trace." },
    ),
  );
}

/**
 * @param {App} app
 * @param {any[]} cycles
 */
function cyclesTable(app, cycles) {
  const size = (/** @type {string} */ title, /** @type {string} */ key) => ({
    title,
    number: true,
    value: (/** @type {any} */ row) => row[key],
    cell: (/** @type {any} */ row) => bytes(row[key]),
  });
  const time = (/** @type {string} */ title, /** @type {string} */ key) => ({
    title,
    number: true,
    value: (/** @type {any} */ row) => row[key],
    cell: (/** @type {any} */ row) => duration(row[key]),
  });
  return table(
    [
      { title: "cycle", number: true, value: (row) => row.seq },
      {
        title: "at",
        number: true,
        value: (row) => row.start_ns,
        cell: (row) => moment(app.trace, row.start_ns),
      },
      {
        title: "took",
        number: true,
        value: (row) => row.end_ns - row.start_ns,
        cell: (row) => duration(row.end_ns - row.start_ns),
      },
      time("paused", "pause_ns"),
      time("mark assists", "assist_ns"),
      time("sweeping", "sweep_ns"),
      size("heap at start", "heap_start_bytes"),
      size("heap at end", "heap_end_bytes"),
      size("live", "heap_live_bytes"),
      size("goal", "goal_bytes"),
      size("swept", "swept_bytes"),
      size("reclaimed", "reclaimed_bytes"),
    ],
    cycles,
    {
      label: "Cycles",
      empty: "No collection ran during the trace. A longer trace, or runtime.GC(), would have one.",
      onrow: (row) =>
        go(
          {
            page: "timeline",
            id: null,
            range: [row.start_ns, row.end_ns],
            start: row.start_ns - (row.end_ns - row.start_ns),
            end: row.end_ns + (row.end_ns - row.start_ns),
          },
          { push: true },
        ),
    },
  );
}

/**
 * Every n-th cycle, so that a chart stays small.
 * @param {any[]} cycles
 * @returns {any[]}
 */
function thinned(cycles) {
  const step = Math.ceil(cycles.length / MOST_POINTS);
  return step <= 1 ? cycles : cycles.filter((_, index) => index % step === 0);
}
