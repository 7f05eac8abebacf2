// The keys of the timeline. Fields and dialogs keep theirs.

import { stepHit } from "./find.js";
import { toggleHelp } from "./help.js";
import { go, place } from "./place.js";

/** Zoom and pan of one press. */
const ZOOM = 0.72;
const PAN = 0.18;

/**
 * @param {App} app
 * @param {HTMLInputElement} find
 * @param {{ timeline: import("./timeline.js").Timeline, pointer: import("./pointer.js").Pointer } | null} shown
 *   null without a trace
 */
export function listenToKeys(app, find, shown) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : null;
    // A dialog that was just closed has the focus for a moment.
    if (target?.closest("input, select, textarea, dialog[open]")) return;
    const onControl = target?.closest("button, a, summary") ?? null;
    if (onControl && (event.key === "Enter" || event.key === " ")) return;
    const done =
      everywhere(app, event.key, find) ||
      (shown !== null &&
        place().page === "timeline" &&
        onTimeline(app, shown.timeline, shown.pointer, event.key));
    if (done) event.preventDefault();
  });
}

/**
 * @param {App} app
 * @param {string} key
 * @param {HTMLInputElement} find
 * @returns {boolean} whether the key meant something
 */
function everywhere(app, key, find) {
  switch (key) {
    case "/":
      find.focus();
      find.select();
      return true;
    case "?":
      toggleHelp();
      return true;
    case "n":
      stepHit(app, 1);
      return true;
    case "N":
      stepHit(app, -1);
      return true;
    default:
      return false;
  }
}

/**
 * @param {App} app
 * @param {import("./timeline.js").Timeline} timeline
 * @param {import("./pointer.js").Pointer} pointer
 * @param {string} key
 * @returns {boolean}
 */
function onTimeline(app, timeline, pointer, key) {
  const { view, selection } = app;
  const at = pointer.time ?? (view.start + view.end) / 2;
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case "w":
    case "+":
      view.zoom(at, ZOOM);
      return true;
    case "s":
    case "-":
      view.zoom(at, 1 / ZOOM);
      return true;
    case "a":
      view.pan(-PAN);
      return true;
    case "d":
      view.pan(PAN);
      return true;
    case "0":
    case "Home":
      view.fly(view.first, view.last);
      return true;
    case "ArrowLeft":
      selection.step("previous");
      return true;
    case "ArrowRight":
      selection.step("next");
      return true;
    case "ArrowUp":
      return neighbour(app, timeline, -1);
    case "ArrowDown":
      return neighbour(app, timeline, 1);
    case "Enter":
      selection.follow();
      return true;
    case "Backspace":
      selection.back();
      return true;
    case "f":
      fit(app);
      return true;
    case "m":
      mark(app);
      return true;
    case "Escape":
      selection.clear();
      return true;
    default:
      return false;
  }
}

/**
 * Zooms to the selected range, or to the selected span with some of what is around it.
 * @param {App} app
 */
function fit(app) {
  const { range } = place();
  const span = app.selection.answer?.span;
  if (range) app.view.fly(range[0], range[1]);
  else if (span) {
    const around = Math.max((span.end_ns - span.start_ns) * 0.15, 100);
    app.view.fly(span.start_ns - around, span.end_ns + around);
  }
}

/**
 * Makes the selected span the selected range.
 * @param {App} app
 */
function mark(app) {
  const span = app.selection.answer?.span;
  if (span && span.end_ns > span.start_ns) go({ range: [span.start_ns, span.end_ns] });
}

/**
 * Selects the span at the same time on the next lane above or below.
 * @param {App} app
 * @param {import("./timeline.js").Timeline} timeline
 * @param {number} by
 */
function neighbour(app, timeline, by) {
  const lanes = timeline.rows.rows.filter((row) => row.kind === "runs" && row.lane !== null);
  const now = lanes.findIndex((row) => row.lane === app.selection.selected?.lane);
  const next = lanes[now < 0 ? 0 : now + by];
  if (!next?.lane) return false;
  const at = app.selection.selected?.at ?? (app.view.start + app.view.end) / 2;
  app.selection.select(next.lane, at, "scroll");
  return true;
}
