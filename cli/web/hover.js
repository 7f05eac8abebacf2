// What is under the pointer on the lanes, as lines of a tooltip.

import { bytes, count, duration, percent, relative, wall } from "./format.js";
import { intervalAt } from "./intervals-draw.js";
import { runLabel } from "./lanes-draw.js";
import { HAS_PAUSE, HIDES_SPANS, LONG_SYSCALL, STATE_WORDS } from "./states.js";
import { wakerText } from "./span-panel.js";
import { clean } from "./text.js";

/** The pointer rests this long before the exact span is asked for. */
const REST_MS = 120;

/**
 * @param {import("./timeline.js").Timeline} timeline
 * @param {Row} row
 * @param {number} at
 * @param {number} y within the row
 * @returns {string[]}
 */
export function describe(timeline, row, at, y) {
  const { app, store } = timeline;
  const pixel = app.view.width / timeline.width;
  const time = timeLine(app.trace, at, pixel);
  if (row.kind === "intervals") {
    const interval = intervalAt(
      timeline.intervals.get(row.lane ?? "")?.answer ?? null,
      at,
      y,
      pixel * 3,
    );
    if (!interval) return [];
    const length =
      interval.end_ns > interval.start_ns ? duration(interval.end_ns - interval.start_ns) : "";
    const many = interval.count > 1 ? `${count(interval.count)} in this place` : "";
    return [
      clean(interval.name),
      length,
      interval.message ? clean(interval.message) : "",
      interval.goroutine !== null ? `G ${interval.goroutine}` : "",
      many,
      time,
    ].filter(Boolean);
  }
  if (row.kind === "gc") return cycleLines(cycleAt(timeline.marks.answer, at, pixel * 2), time);
  if (row.kind === "group" && row.lane && row.group) {
    const counts = store.countsAt(row.lane, at);
    if (!counts) return [];
    const states = /** @type {[string, number][]} */ ([
      ["running", counts.running],
      ["runnable", counts.runnable],
      ["waiting", counts.waiting],
      ["in system calls", counts.syscall],
      ["GC work", counts.gc],
    ]);
    const lines = states
      .filter(([, value]) => value > 0)
      .map(([text, value]) => `${value.toFixed(value < 10 ? 2 : 0)} ${text}`);
    return [clean(row.label), ...lines, `mean of ${duration(counts.cell)} · ${time}`];
  }
  const run = row.lane ? store.runAt(row.lane, at) : null;
  const where = clean(`${row.label} ${row.detail}`, 120);
  if (!run || run.state === 0)
    return row.lane
      ? [where, row.lane.startsWith("proc:") ? "idle" : "not alive or not known", time]
      : [];
  const label = clean(runLabel(app, row, run));
  const share =
    run.share < 0.995
      ? `${percent(run.share)} of ${duration(run.end - run.start)}`
      : duration(run.end - run.start);
  const flags = [
    run.flags & HIDES_SPANS ? "several spans here: zoom in" : "",
    run.flags & LONG_SYSCALL ? "a system call of 1 ms or more" : "",
    run.flags & HAS_PAUSE ? "a stop-the-world pause" : "",
  ];
  const word = STATE_WORDS[run.state] ?? "";
  return [
    label === word ? `${word} · ${share}` : `${label} · ${share}`,
    label === word || label.startsWith(word) ? "" : word,
    where,
    ...flags,
    time,
  ].filter(Boolean);
}

/**
 * The collection at a time.
 * @param {MarksAnswer | null} marks
 * @param {number} at
 * @param {number} slack in ns
 */
export function cycleAt(marks, at, slack) {
  const near = (/** @type {Cycle} */ cycle) =>
    cycle.start_ns - slack <= at && at <= cycle.end_ns + slack;
  return marks?.cycles.find(near) ?? null;
}

/**
 * @param {Cycle | null} cycle
 * @param {string} time
 */
function cycleLines(cycle, time) {
  if (!cycle) return ["no collection", time];
  const heap = cycle.heap_start === null ? "" : `heap ${bytes(cycle.heap_start)} at its start`;
  const live = cycle.heap_live === null ? "" : `${bytes(cycle.heap_live)} live after it`;
  const goal = cycle.goal === null ? "" : `goal ${bytes(cycle.goal)}`;
  const sizes = [heap, live, goal].filter(Boolean).join(", ");
  return [`GC cycle ${cycle.seq} · ${duration(cycle.end_ns - cycle.start_ns)}`, sizes, time].filter(
    Boolean,
  );
}

/**
 * @param {Trace} trace
 * @param {number} at
 * @param {number} step
 */
function timeLine(trace, at, step) {
  const clock = wall(trace, at);
  return clock
    ? `${relative(at - trace.start_ns, step)} · ${clock}`
    : relative(at - trace.start_ns, step);
}

/** Asks for the exact span once the pointer rests. */
export class Rest {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    this.timer = 0;
  }

  /**
   * @param {Row} row
   * @param {number} at
   * @param {(lines: string[]) => void} then
   */
  start(row, at, then) {
    this.stop();
    if (row.kind !== "runs" || !row.lane) return;
    const [kind = "", id = ""] = row.lane.split(":");
    this.timer = setTimeout(async () => {
      const timer = this.timer;
      try {
        /** @type {SpanAnswer} */
        const { span } = await this.app.provider.json("span", { [kind]: id, at: Math.floor(at) });
        if (span && timer === this.timer) then(spanLines(span));
      } catch {
        // The lines from the picture stay.
      }
    }, REST_MS);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
  }
}

/** @param {Span} span */
function spanLines(span) {
  const top = span.stack[0];
  return [
    `this span: ${clean(span.reason ?? span.state)} for ${duration(span.end_ns - span.start_ns)}`,
    `G ${span.goroutine} ${clean(span.function, 100)}`,
    top ? `at ${clean(top.function, 100)}:${top.line}` : "",
    span.woken_by ? `woken by ${wakerText(span)}` : "",
    "click for details",
  ].filter(Boolean);
}
