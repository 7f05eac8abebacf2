// The page of one goroutine: its life, its waits, its regions and log messages.

import { bdi, el, link } from "./dom.js";
import { count, duration, moment, percent, plural } from "./format.js";
import { statesBar } from "./groups-page.js";
import { go, hrefOf, place } from "./place.js";
import { goroutineLink, placeOf, stackList, wakerText } from "./span-panel.js";
import { factList, missing, subpage } from "./subpage.js";
import { barCell, table } from "./table.js";
import { clean, NO_STACK } from "./text.js";

/** @param {App} app */
export function goroutinePage(app) {
  const id = place().id ?? 0;
  return subpage(
    `G ${id}`,
    app.provider.json("goroutine", { id }),
    (/** @type {GoroutineAnswer} */ answer) => {
      const { trace } = app;
      const begin = answer.created_ns ?? trace.start_ns;
      const end = answer.ended_ns ?? trace.end_ns;
      const shown = hrefOf({
        page: "timeline",
        id: null,
        select: `goroutine:${id}@${Math.floor(begin)}`,
        start: begin,
        end: Math.max(end, begin + 1000),
      });
      const { totals } = answer;
      return [
        el(
          "p",
          { class: "lead" },
          bdi(answer.function || NO_STACK),
          " · ",
          link(shown, "show on the timeline"),
          " · ",
          link(hrefOf({ page: "group", id: answer.group }), "its group"),
        ),
        statesBar(totals),
        factList([
          [
            "created",
            answer.created_ns === null ? "before the trace" : moment(trace, answer.created_ns),
          ],
          [
            "created by",
            answer.created_by === null
              ? null
              : link(
                  hrefOf({ page: "goroutine", id: answer.created_by }),
                  `G ${answer.created_by}`,
                ),
          ],
          [
            "ended",
            answer.ended_ns === null ? "still alive at the end" : moment(trace, answer.ended_ns),
          ],
          ["lifetime", duration(end - begin)],
          ["running", duration(totals.running_ns)],
          ["runnable", duration(totals.runnable_ns)],
          ["waiting", duration(totals.waiting_ns)],
          ["system calls", duration(totals.syscall_ns)],
          ["labels", answer.labels.map((label) => clean(labelText(label), 120)).join(", ")],
          ["children", childrenLinks(answer)],
        ]),
        el(
          "div",
          { class: "columns" },
          el(
            "section",
            {},
            el("h2", { text: "Waited for" }),
            reasonTable(totals.waiting, totals.waiting_ns),
          ),
          el(
            "section",
            {},
            el("h2", { text: "Created at" }),
            stackList(answer.creation_stack, "") ??
              missing("The trace does not say where: the goroutine is older than the trace."),
          ),
        ),
        el("h2", { text: "Longest waits" }),
        waitsTable(app, answer.longest_waits),
        answer.regions.length > 0 ? el("h2", { text: "Regions" }) : null,
        answer.regions.length > 0 ? regionsTable(app, answer) : null,
        answer.logs.length > 0 ? el("h2", { text: "Log messages" }) : null,
        answer.logs.length > 0 ? logsTable(app, answer) : null,
      ];
    },
  );
}

/** @param {unknown} label */
function labelText(label) {
  return typeof label === "string" ? label : JSON.stringify(label);
}

/** @param {GoroutineAnswer} answer */
function childrenLinks(answer) {
  if (answer.children === 0) return null;
  const links = answer.first_children.flatMap((child) => [
    link(hrefOf({ page: "goroutine", id: child }), `G ${child}`),
    " ",
  ]);
  return el(
    "span",
    {},
    `${plural(answer.children, "goroutine")}: `,
    ...links,
    answer.children > answer.first_children.length ? "…" : null,
  );
}

/**
 * @param {Reason[]} reasons
 * @param {number} total
 */
function reasonTable(reasons, total) {
  return table(
    [
      {
        title: "reason",
        value: (row) => row.reason,
        cell: (row) => el("bdi", { text: clean(row.reason, 60) }),
      },
      { title: "times", number: true, value: (row) => row.count, cell: (row) => count(row.count) },
      {
        title: "total",
        number: true,
        value: (row) => row.total_ns,
        cell: (row) => duration(row.total_ns),
      },
      {
        title: "share",
        number: true,
        value: (row) => row.total_ns,
        cell: (row) =>
          barCell(row.total_ns / Math.max(1, total), percent(row.total_ns / Math.max(1, total))),
      },
    ],
    reasons,
    { label: "Reasons to wait", sort: 2, empty: "It never waited." },
  );
}

/**
 * @param {App} app
 * @param {Span[]} spans
 */
function waitsTable(app, spans) {
  return table(
    [
      {
        title: "waited",
        number: true,
        value: (span) => span.end_ns - span.start_ns,
        cell: (span) => duration(span.end_ns - span.start_ns),
      },
      {
        title: "at",
        number: true,
        value: (span) => span.start_ns,
        cell: (span) => moment(app.trace, span.start_ns),
      },
      {
        title: "for",
        value: (span) => span.reason ?? span.state,
        cell: (span) => clean(span.reason ?? span.state, 60),
      },
      {
        title: "in",
        value: (span) => placeOf(span),
        cell: (span) => el("bdi", { text: clean(placeOf(span)) }),
      },
      {
        title: "woken by",
        value: (span) => wakerText(span),
        cell: (span) =>
          span.woken_by && span.woken_by.goroutine !== null
            ? goroutineLink(span.woken_by.goroutine, span.waker_function ?? "")
            : wakerText(span),
      },
    ],
    spans,
    {
      label: "Longest waits",
      sort: 0,
      empty: "It never waited.",
      onrow: (span) =>
        go(
          { page: "timeline", id: null, select: `goroutine:${span.goroutine}@${span.start_ns}` },
          { push: true },
        ),
    },
  );
}

/**
 * @param {App} app
 * @param {GoroutineAnswer} answer
 */
function regionsTable(app, answer) {
  const { trace } = app;
  const rows = answer.regions.map((region) => ({
    name: region.name,
    start: region.start_ns ?? trace.start_ns,
    end: region.end_ns ?? trace.end_ns,
  }));
  return table(
    [
      { title: "region", value: (row) => row.name, cell: (row) => bdi(row.name) },
      {
        title: "at",
        number: true,
        value: (row) => row.start,
        cell: (row) => moment(trace, row.start),
      },
      {
        title: "took",
        number: true,
        value: (row) => row.end - row.start,
        cell: (row) => duration(row.end - row.start),
      },
    ],
    rows,
    {
      label: "Regions",
      onrow: ({ start, end }) =>
        go({ page: "timeline", id: null, range: [start, end], start, end }, { push: true }),
    },
  );
}

/**
 * @param {App} app
 * @param {GoroutineAnswer} answer
 */
function logsTable(app, answer) {
  return table(
    [
      {
        title: "at",
        number: true,
        value: (row) => row.at_ns,
        cell: (row) => moment(app.trace, row.at_ns),
      },
      {
        title: "category",
        value: (row) => row.category ?? "",
        cell: (row) => bdi(row.category ?? ""),
      },
      { title: "message", value: (row) => row.message, cell: (row) => bdi(row.message) },
    ],
    answer.logs,
    { label: "Log messages" },
  );
}
