// The page of user tasks and regions, and of the program's latencies, each with its distribution.

import { bdi, el } from "./dom.js";
import { distributionCell } from "./distribution.js";
import { count, duration } from "./format.js";
import { missing, subpage } from "./subpage.js";
import { table } from "./table.js";
import { clean } from "./text.js";

/** What /api/latency tells about, in the order of the page. */
const LATENCIES = [
  { key: "scheduler", text: "scheduler latency (runnable)" },
  { key: "wake", text: "scheduler latency after a wake-up" },
  { key: "syscall", text: "system calls" },
  { key: "network", text: "waits for the network" },
  { key: "gc_pause", text: "GC pauses" },
];

/** @param {App} app */
export function tasksPage(app) {
  const both = Promise.all([
    app.provider.json("tasks"),
    app.provider.json("latency").catch(() => null),
  ]);
  return subpage("Tasks and latencies", both, ([tasks, latency]) => [
    el("h2", { text: `Tasks · ${count(tasks.task_count)}` }),
    tasks.task_count === 0
      ? missing(
          "The trace has no tasks. The program makes them with runtime/trace:",
          'ctx, task := trace.NewTask(ctx, "checkout"); defer task.End()',
        )
      : timesTable(tasks.tasks, "Tasks", true),
    el("h2", { text: `Regions · ${count(tasks.region_count)}` }),
    tasks.region_count === 0
      ? missing(
          "The trace has no regions. The program makes them with runtime/trace:",
          'defer trace.StartRegion(ctx, "price").End()',
        )
      : timesTable(tasks.regions, "Regions", false),
    el("h2", { text: "Latencies" }),
    latency
      ? latencyTable(latency)
      : missing("Latencies are not in this report: gotrace view FILE shows them."),
  ]);
}

/**
 * @param {any[]} rows
 * @param {string} label
 * @param {boolean} tasks
 */
function timesTable(rows, label, tasks) {
  const [least, most] = ends(rows.map((row) => row.latency));
  const time = (/** @type {string} */ title, /** @type {string} */ key) => ({
    title,
    number: true,
    value: (/** @type {any} */ row) => row.times[key],
    cell: (/** @type {any} */ row) => duration(row.times[key]),
  });
  /** @type {import("./table.js").Column<any>[]} */
  const columns = [
    { title: "name", value: (row) => row.name, cell: (row) => bdi(row.name) },
    { title: "times", number: true, value: (row) => row.count, cell: (row) => count(row.count) },
    ...latencyColumns(
      (/** @type {any} */ row) => row.latency,
      (row) => row.histogram,
      least,
      most,
    ),
    time("running", "execution_ns"),
    time("runnable", "sched_wait_ns"),
    time("blocked", "block_ns"),
    time("system calls", "syscall_ns"),
  ];
  if (tasks) {
    columns.push(
      { title: "open", number: true, value: (row) => row.open, hint: "not ended within the trace" },
      { title: "logs", number: true, value: (row) => row.logs, cell: (row) => count(row.logs) },
      {
        title: "goroutines",
        number: true,
        value: (row) => row.goroutines,
        cell: (row) => count(row.goroutines),
      },
    );
  }
  return table(columns, rows, { label, sort: 5 });
}

/** @param {any} latency */
function latencyTable(latency) {
  const rows = LATENCIES.map(({ key, text }) => ({ text, times: latency[key] })).filter(
    (row) => row.times,
  );
  const pauses = (latency.pauses ?? []).map((/** @type {any} */ row) => ({
    text: `pause: ${clean(row.reason)}`,
    times: row.total,
  }));
  const all = [...rows, ...pauses];
  const [least, most] = ends(all.map((row) => row.times));
  return table(
    /** @type {import("./table.js").Column<any>[]} */ ([
      { title: "what", value: (row) => row.text },
      {
        title: "times",
        number: true,
        value: (row) => row.times.count,
        cell: (row) => count(row.times.count),
      },
      ...latencyColumns(
        (/** @type {any} */ row) => row.times,
        (row) => row.times.histogram,
        least,
        most,
      ),
    ]),
    all,
    { label: "Latencies" },
  );
}

/**
 * Median, 90 %, 99 %, greatest, and the distribution on an axis that all rows share.
 * @param {(row: any) => any} of
 * @param {(row: any) => any} histogram
 * @param {number} least
 * @param {number} most
 * @returns {import("./table.js").Column<any>[]}
 */
function latencyColumns(of, histogram, least, most) {
  const time = (/** @type {string} */ title, /** @type {string} */ key) => ({
    title,
    number: true,
    value: (/** @type {any} */ row) => of(row)[key],
    cell: (/** @type {any} */ row) => (of(row).count === 0 ? "–" : duration(of(row)[key])),
  });
  return [
    time("median", "p50_ns"),
    time("90 %", "p90_ns"),
    time("99 %", "p99_ns"),
    time("longest", "max_ns"),
    {
      title: `${duration(least)} to ${duration(most)}`,
      hint: "logarithmic; the box is from the median to 90 %, the line from least to greatest",
      value: (row) => of(row).p50_ns,
      cell: (row) => distributionCell(of(row), histogram(row), least, most),
    },
  ];
}

/**
 * The least and greatest value of all rows.
 * @param {any[]} all
 * @returns {[number, number]}
 */
function ends(all) {
  const used = all.filter((times) => times.count > 0);
  const least = Math.min(...used.map((times) => Math.max(1, times.min_ns)), 1e12);
  const most = Math.max(...used.map((times) => times.max_ns), 1);
  return least < most ? [least, most] : [Math.max(1, most / 2), most * 2];
}
