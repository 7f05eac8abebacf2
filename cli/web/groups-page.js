// The pages of all groups of goroutines and of one group.

import { bdi, el, link } from "./dom.js";
import { count, duration, moment, percent, plural } from "./format.js";
import { go, hrefOf, place } from "./place.js";
import { subpage } from "./subpage.js";
import { table } from "./table.js";
import { clean, NO_STACK } from "./text.js";

/** Goroutines of a group that its page lists. */
const LISTED = 500;

/** @typedef {Omit<Totals, "waiting">} Times */

/** @param {Times} times */
function sumOf(times) {
  return Math.max(1, times.running_ns + times.runnable_ns + times.waiting_ns + times.syscall_ns);
}

/**
 * The shares of the states as one bar.
 * @param {Times} times
 */
export function statesBar(times) {
  const total = sumOf(times);
  const parts = /** @type {[string, string, number][]} */ ([
    ["running", "running", times.running_ns],
    ["syscall", "system calls", times.syscall_ns],
    ["runnable", "runnable", times.runnable_ns],
    ["waiting", "waiting", times.waiting_ns],
  ]);
  const text = parts.map(([, word, value]) => `${word} ${percent(value / total)}`).join(", ");
  const bar = el("span", { class: "states", role: "img", "aria-label": text, title: text });
  for (const [kind, , value] of parts) {
    if (value <= 0) continue;
    const part = el("i", { class: kind });
    part.style.width = `${(value / total) * 100}%`;
    bar.append(part);
  }
  return bar;
}

/**
 * Columns of the time in each state.
 * @template T
 * @param {(row: T) => Times} times
 * @returns {import("./table.js").Column<T>[]}
 */
function timeColumns(times) {
  /** @type {[string, keyof Times, string | undefined][]} */
  const columns = [
    ["running", "running_ns", undefined],
    ["runnable", "runnable_ns", "ready, but no P ran it yet"],
    ["waiting", "waiting_ns", undefined],
    ["system calls", "syscall_ns", undefined],
  ];
  return [
    ...columns.map(([title, key, hint]) => ({
      title,
      hint,
      number: true,
      value: (/** @type {T} */ row) => times(row)[key],
      cell: (/** @type {T} */ row) => duration(times(row)[key]),
    })),
    {
      title: "shares",
      value: (row) => times(row).running_ns / sumOf(times(row)),
      cell: (row) => statesBar(times(row)),
    },
  ];
}

/** @param {App} app */
export function groupsPage(app) {
  const { trace } = app;
  return subpage("Goroutines", Promise.resolve(trace.groups), (groups) => [
    el("p", {
      class: "lead",
      text: `${plural(trace.goroutine_count, "goroutine")} in ${plural(groups.length, "group")}: goroutines that started in the same function.`,
    }),
    table(
      /** @type {import("./table.js").Column<Group>[]} */ ([
        {
          title: "function",
          value: (group) => group.name,
          cell: (group) =>
            link(hrefOf({ page: "group", id: group.id }), bdi(group.name || NO_STACK)),
        },
        {
          title: "goroutines",
          number: true,
          value: (group) => group.count,
          cell: (group) => count(group.count),
        },
        {
          title: "alive at end",
          number: true,
          value: (group) => group.alive_at_end,
          cell: (group) => count(group.alive_at_end),
        },
        ...timeColumns((/** @type {Group} */ group) => group),
      ]),
      groups,
      {
        label: "Groups of goroutines",
        sort: 3,
        onrow: (group) => go({ page: "group", id: group.id }, { push: true }),
        empty: "The trace has no goroutines.",
      },
    ),
  ]);
}

/** @param {App} app */
export function groupPage(app) {
  const id = place().id ?? 0;
  const group = app.groups.get(id);
  const load = app.provider.json("group", { id, sort: place().sort, offset: 0, limit: LISTED });
  return subpage(
    group ? group.name || NO_STACK : `group ${id}`,
    load,
    (/** @type {GroupAnswer} */ answer) => [
      el(
        "p",
        { class: "lead" },
        plural(answer.count, "goroutine"),
        answer.rows.length < answer.count
          ? `; the first ${count(answer.rows.length)} by ${place().sort} are listed`
          : "",
        " · ",
        link(
          hrefOf({ page: "timeline", id: null, open: [...new Set([...place().open, id])] }),
          "show on the timeline",
        ),
      ),
      group ? statesBar(group) : null,
      table(
        /** @type {import("./table.js").Column<GroupRow>[]} */ ([
          {
            title: "goroutine",
            number: true,
            value: (row) => row.goroutine,
            cell: (row) =>
              link(hrefOf({ page: "goroutine", id: row.goroutine }), `G ${row.goroutine}`),
          },
          {
            title: "created",
            number: true,
            value: (row) => row.created_ns,
            cell: (row) => (row.created_ns === null ? "before" : moment(app.trace, row.created_ns)),
          },
          {
            title: "ended",
            number: true,
            value: (row) => row.ended_ns,
            cell: (row) => (row.ended_ns === null ? "alive" : moment(app.trace, row.ended_ns)),
          },
          ...timeColumns((/** @type {GroupRow} */ row) => row.totals),
          {
            title: "waited for",
            value: (row) => row.totals.waiting[0]?.reason ?? "",
            cell: (row) => el("bdi", { text: reasonsText(row.totals.waiting) }),
          },
          {
            title: "created by",
            number: true,
            value: (row) => row.created_by,
            cell: (row) =>
              row.created_by === null
                ? "–"
                : link(hrefOf({ page: "goroutine", id: row.created_by }), `G ${row.created_by}`),
          },
        ]),
        answer.rows,
        {
          label: "Goroutines of the group",
          onrow: (row) => go({ page: "goroutine", id: row.goroutine }, { push: true }),
        },
      ),
    ],
  );
}

/** @param {Reason[]} reasons */
function reasonsText(reasons) {
  return reasons.length === 0
    ? "–"
    : reasons
        .map(({ reason, total_ns: total }) => `${clean(reason, 40)} ${duration(total)}`)
        .join(", ");
}
