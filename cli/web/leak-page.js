// The page of the leak verdict: the judgement, its findings with their evidence, and what speaks
// against it or could not be judged.

import { chart } from "./chart.js";
import { bdi, el, link } from "./dom.js";
import { bytes, count, duration, inUnit, percent, seconds } from "./format.js";
import { hrefOf } from "./place.js";
import { stackList } from "./span-panel.js";
import { factList, missing, subpage } from "./subpage.js";
import { table } from "./table.js";
import { clean, shortFunction } from "./text.js";

/** The verdicts, as the command prints them. */
const VERDICTS = new Map([
  ["leak", "There is a leak"],
  ["no_leak", "No sign of a leak"],
  ["inconclusive", "It cannot be told from these files"],
]);

/** Goroutines of a finding that are linked. */
const LINKED = 20;

/** @param {App} app */
export function leakPage(app) {
  if (app.session.leak === false || (app.session.leak === undefined && !app.provider.embedded)) {
    return subpage("Leak", Promise.resolve(null), () => [
      missing(
        "These files do not show whether memory or goroutines leak. Heap profiles of at least two times, goroutine profiles or a GC log do; give them together with the trace:",
        "curl -o heap.1.pb.gz HOST/debug/pprof/heap; sleep 60; curl -o heap.2.pb.gz HOST/debug/pprof/heap; gotrace view trace.out heap.*.pb.gz",
      ),
    ]);
  }
  return subpage("Leak", app.provider.json("leak"), ({ verdict, charts }) => [
    head(verdict),
    chartsOf(charts),
    el("h2", { text: "Findings" }),
    ...(verdict.findings.length > 0
      ? verdict.findings.map((/** @type {any} */ found) => finding(found))
      : [el("p", { class: "empty", text: "none" })]),
    against(verdict.against),
    notJudged(verdict.not_judged),
    el("h2", { text: "Files" }),
    inputs(verdict.inputs),
  ]);
}

/** @param {any} verdict */
function head(verdict) {
  const title = VERDICTS.get(verdict.verdict) ?? clean(verdict.verdict);
  const parts = [
    `confidence ${percent(verdict.confidence)}`,
    clean(verdict.strength ?? ""),
    verdict.agree?.length > 0
      ? `based on ${verdict.agree.map((/** @type {string} */ source) => clean(source.replace(/_/g, " "))).join(", ")}`
      : "",
  ];
  return el(
    "div",
    { class: `verdict ${clean(verdict.verdict, 20)}` },
    el(
      "div",
      {},
      el("strong", { text: title }),
      el("span", { class: "faint", text: parts.filter(Boolean).join(" · ") }),
    ),
    health(verdict.health),
  );
}

/** @param {any} scores */
function health(scores) {
  if (!scores) return null;
  const parts = ["heap", "pauses", "blocking"]
    .filter((key) => scores[key])
    .map((key) =>
      el(
        "span",
        { class: "score" },
        el("b", { text: String(Math.round(scores[key].score)) }),
        el("span", { class: "faint", text: key }),
      ),
    );
  return el(
    "div",
    { class: "health" },
    el(
      "span",
      { class: "score whole" },
      el("b", { text: String(Math.round(scores.score)) }),
      el("span", { class: "faint", text: "health of 100" }),
    ),
    ...parts,
  );
}

/** @param {any} charts */
function chartsOf(charts) {
  if (!charts) return null;
  const sections = [];
  const over = (/** @type {any} */ data) =>
    data.times_ns
      ? data.times_ns.map((/** @type {number} */ time) => (time - data.times_ns[0]) / 1e9)
      : data.series[0].values.map(
          (/** @type {number} */ _, /** @type {number} */ index) => index + 1,
        );
  const across =
    (/** @type {any} */ data) =>
    (/** @type {number} */ value, /** @type {number | undefined} */ step) =>
      data.times_ns ? seconds(value, step) : `profile ${value}`;
  if (charts.heap?.series?.length > 0) {
    sections.push(
      el(
        "section",
        {},
        el("h2", { text: "Heap by function" }),
        chart(over(charts.heap), charts.heap.series, {
          label: "Heap in use by function over time",
          x: across(charts.heap),
          y: bytes,
          binary: true,
        }),
      ),
    );
  }
  if (charts.goroutines?.series?.length > 0) {
    sections.push(
      el(
        "section",
        {},
        el("h2", { text: "Goroutines by site" }),
        chart(over(charts.goroutines), charts.goroutines.series, {
          label: "Goroutines by site over time",
          x: across(charts.goroutines),
          y: count,
        }),
      ),
    );
  }
  if (charts.live_heap?.values?.length > 0) sections.push(liveHeap(charts.live_heap));
  return sections.length > 0 ? el("div", { class: "columns" }, ...sections) : null;
}

/** @param {any} live */
function liveHeap(live) {
  /** @type {number[]} */
  const times = live.times_s;
  const ahead = live.forecast?.times_s ? live.forecast : { times_s: [], values: [] };
  const xs = [...times, ...ahead.times_s];
  const lines = [{ name: "live heap after each collection", values: live.values, dashed: false }];
  if (ahead.times_s.length > 0)
    lines.push({
      name: "forecast",
      values: [...times.map(() => null), ...ahead.values],
      dashed: true,
    });
  const markers = (live.turning_points ?? []).map((/** @type {number} */ at) => ({
    at,
    text: "turning point",
  }));
  return el(
    "section",
    {},
    el("h2", { text: "Live heap" }),
    chart(xs, lines, {
      label: "Live heap over time, with its forecast",
      x: seconds,
      y: bytes,
      binary: true,
      markers,
    }),
  );
}

/** @param {any} found */
function finding(found) {
  const { place, evidence } = found;
  const values = Object.entries(evidence ?? {}).filter(
    ([, value]) => typeof value === "number" || typeof value === "string",
  );
  const facts = factList(
    values.map(([key, value]) => [
      key.replace(/_/g, " ").replace(/ (bytes|ns)\b/g, ""),
      evidenceText(key, value),
    ]),
  );
  const goroutines = (found.goroutines ?? [])
    .slice(0, LINKED)
    .flatMap((/** @type {number} */ id) => [
      link(hrefOf({ page: "goroutine", id }), `G ${id}`),
      " ",
    ]);
  return el(
    "article",
    { class: "finding" },
    el("h3", {}, el("bdi", { text: clean(found.title, 400) })),
    el("p", {
      class: "faint",
      text: `${clean(found.rule)} · confidence ${percent(found.confidence)} · ${clean(found.strength ?? "")}`,
    }),
    place
      ? el(
          "p",
          {},
          bdi(place.function),
          el("span", { class: "faint", text: ` ${clean(place.file)}:${place.line}` }),
        )
      : null,
    goroutines.length > 0 ? el("p", {}, ...goroutines) : null,
    el(
      "p",
      {},
      el("b", { text: "Next: " }),
      el("bdi", { text: clean(found.next_step ?? "", 600) }),
    ),
    el(
      "details",
      {},
      el("summary", { text: "Evidence" }),
      el("div", { class: "columns" }, facts, stackList(evidence?.stack ?? [], "Stack")),
    ),
  );
}

/**
 * @param {string} key
 * @param {unknown} value
 */
function evidenceText(key, value) {
  if (typeof value !== "number") return clean(shortFunction(String(value)), 200);
  if (/share|p$/.test(key)) return value < 0.001 ? value.toExponential(1) : percent(value);
  if (/bytes/.test(key)) return `${bytes(value)}${key.endsWith("per_second") ? "/s" : ""}`;
  if (/_ns$/.test(key)) return duration(value);
  return inUnit(value, "");
}

/** @param {any[]} rows */
function against(rows) {
  if (!rows || rows.length === 0) return null;
  return el(
    "section",
    {},
    el("h2", { text: "Against it" }),
    el(
      "ul",
      { class: "list" },
      ...rows.map((row) => el("li", {}, el("bdi", { text: clean(row.reason, 500) }))),
    ),
  );
}

/** @param {any[]} rows */
function notJudged(rows) {
  if (!rows || rows.length === 0) return null;
  return el(
    "section",
    {},
    el("h2", { text: "Not judged" }),
    el(
      "ul",
      { class: "list" },
      ...rows.map((row) =>
        el(
          "li",
          {},
          el("bdi", { text: clean(`${row.question}: ${row.why}`, 500) }),
          row.capture ? el("div", {}, el("code", { text: clean(row.capture, 500) })) : null,
        ),
      ),
    ),
  );
}

/** @param {any[]} rows */
function inputs(rows) {
  return table(
    /** @type {import("./table.js").Column<any>[]} */ ([
      {
        title: "file",
        value: (row) => row.name,
        cell: (row) => bdi(row.name.slice(row.name.lastIndexOf("/") + 1)),
      },
      {
        title: "kind",
        value: (row) => row.kind,
        cell: (row) => clean(row.kind.replace(/_/g, " ")),
      },
      { title: "from", value: (row) => row.start, cell: (row) => timeText(row.start) },
      { title: "to", value: (row) => row.end, cell: (row) => timeText(row.end) },
      { title: "used", value: (row) => (row.used ? "yes" : "no") },
      {
        title: "note",
        value: (row) => row.note ?? "",
        cell: (row) => el("bdi", { text: clean(row.note ?? "") }),
      },
    ]),
    rows ?? [],
    { label: "Files" },
  );
}

/** @param {string | null} time */
function timeText(time) {
  return time ? clean(time.replace("T", " ").replace(/\.\d+Z$/, " UTC"), 40) : "–";
}
