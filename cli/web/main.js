// Starts the page: waits until the files are loaded, then shows what they hold.

import { el, fill } from "./dom.js";
import { bytes, percent } from "./format.js";
import { findBox } from "./find.js";
import { header } from "./header.js";
import { listenToKeys } from "./keys.js";
import { Names } from "./names.js";
import { showPage } from "./pages.js";
import { onPlace, place, startPlace } from "./place.js";
import { Pointer } from "./pointer.js";
import { openProvider } from "./data.js";
import { logIn, NoAccess } from "./server.js";
import { RangePanel } from "./range-panel.js";
import { Selection } from "./selection.js";
import { SpanPanel } from "./span-panel.js";
import { splitter } from "./splitter.js";
import { clean } from "./text.js";
import { startTheme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { View } from "./range.js";

/** The state of loading is asked for this often. */
const POLL_MS = 150;

/**
 * Asks for the session until it is ready or failed, and shows the progress.
 * @param {Provider} provider
 * @param {HTMLElement} root
 * @returns {Promise<Session>}
 */
async function ready(provider, root) {
  for (;;) {
    const session = await provider.session();
    if (session.phase === "ready") return session;
    if (session.phase === "failed") throw new Error(session.error ?? "loading failed");
    fill(root, progress(session));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** @param {Session} session */
function progress(session) {
  const { bytes: read = 0, total, step = "loading" } = session;
  const bar = /** @type {HTMLProgressElement} */ (el("progress", { "aria-label": "Loading" }));
  if (total) {
    bar.max = total;
    bar.value = read;
  }
  const amount = total
    ? `${bytes(read)} of ${bytes(total)}, ${percent(read / total)}`
    : bytes(read);
  return el(
    "main",
    { class: "message" },
    el("h1", { text: "gotrace" }),
    el("p", { text: clean(step) }),
    bar,
    el("p", { class: "faint", text: amount }),
  );
}

/**
 * @param {HTMLElement} root
 * @param {string} title
 * @param {string} text
 */
function failure(root, title, text) {
  fill(
    root,
    el(
      "main",
      { class: "message" },
      el("h1", { text: title }),
      el("p", { text: clean(text, 2000) }),
    ),
  );
}

/**
 * A trace of nothing, for sessions that only have profiles or a GC log.
 * @returns {Trace}
 */
function noTrace() {
  return {
    version: "",
    start_ns: 0,
    end_ns: 1,
    wall_start_ns: null,
    gomaxprocs: null,
    procs: [],
    threads: [],
    goroutine_count: 0,
    span_count: 0,
    groups: [],
    reasons: [],
    gaps_ns: [],
    task_count: 0,
    region_count: 0,
    log_count: 0,
    gc_cycle_count: 0,
    pause_count: 0,
    warnings: [],
  };
}

/**
 * @param {Provider} provider
 * @param {Session} session
 * @param {HTMLElement} root
 */
function show(provider, session, root) {
  const trace = session.trace ?? noTrace();
  const groups = new Map(trace.groups.map((group) => [group.id, group]));
  const view = new View(trace.start_ns, trace.end_ns);
  const { start, end } = place();
  if (start !== null && end !== null && start < end) view.set(start, end);
  const live = el("div", { class: "hidden", "aria-live": "polite" });
  const trouble = el("div", { class: "trouble", role: "alert", hidden: true });
  /** @type {App} */
  const app = {
    provider,
    session,
    trace,
    groups,
    view,
    names: new Names(provider, groups),
    selection: new Selection(provider),
    announce: (text) => {
      live.textContent = text;
    },
    showRow: () => {},
    complain: (error) => {
      const text =
        error instanceof NoAccess
          ? "No access any more: open the address that gotrace printed."
          : error instanceof Error
            ? error.message
            : String(error);
      trouble.textContent = clean(text);
      trouble.hidden = false;
      setTimeout(() => {
        trouble.hidden = true;
      }, 6000);
    },
  };
  const find = findBox(app);
  const main = el("main", {});
  fill(root, header(app, find.element), main, trouble, live);
  document.title = `${clean(session.title ?? "trace", 80)} – gotrace`;
  const shown = session.trace ? makeTimeline(app) : null;
  listenToKeys(app, find.input, shown);
  const draw = () =>
    fill(main, place().page === "timeline" && shown ? shown.element : showPage(app));
  onPlace((now, before) => {
    if (
      now.page !== before.page ||
      now.id !== before.id ||
      now.type !== before.type ||
      (now.page !== "timeline" && now.sort !== before.sort)
    )
      draw();
  });
  draw();
  app.selection.load();
}

/**
 * The timeline with its panels.
 * @param {App} app
 */
function makeTimeline(app) {
  const timeline = new Timeline(app);
  const pointer = new Pointer(timeline);
  const panel = el(
    "div",
    { class: "panel" },
    new SpanPanel(app).element,
    new RangePanel(app).element,
  );
  app.showRow = (key) => {
    const row = timeline.rows.rows.find((candidate) => candidate.key === key);
    if (row) timeline.scroller.scrollTo({ top: row.y });
  };
  app.selection.listen(() => {
    const span = app.selection.answer?.span;
    if (!span || !app.selection.selected || app.selection.loading) return;
    timeline.reveal(app.selection.selected.lane, span, app.selection.reveal);
    app.announce(app.selection.summary());
  });
  const element = el("div", { class: "timelinepage" }, timeline.element, splitter(panel), panel);
  return { element, timeline, pointer };
}

async function start() {
  const root = document.getElementById("page");
  if (!root) return;
  startTheme();
  try {
    const provider = openProvider();
    if (!provider.embedded) await logIn();
    startPlace();
    show(provider, await ready(provider, root), root);
  } catch (error) {
    if (error instanceof NoAccess)
      failure(
        root,
        "No access",
        "Open the address that gotrace printed: it holds the token for this page.",
      );
    else
      failure(
        root,
        "gotrace cannot show this",
        error instanceof Error ? error.message : String(error),
      );
  }
}

start();
