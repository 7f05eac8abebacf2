// The rows of the timeline from top to bottom: the GC, the Ps, goroutines by group, threads, tasks
// and regions. Only decides what is where; lane-store.js loads and lane-paint.js draws.

import { count, duration, percent, plural } from "./format.js";
import { go, place } from "./place.js";
import { NO_STACK, shortFunction } from "./text.js";

/** Heights in CSS pixels. */
const HEIGHTS = { section: 24, runs: 19, group: 34, more: 22, note: 22, gc: 19, intervals: 17 };

/** Goroutines of an open group that are asked for at a time. */
const PAGE = 100;

/** Rows of tasks or regions shown at most. */
const MOST_INTERVAL_ROWS = 16;

/** Ways to sort, and what they mean for groups and for the goroutines of a group. */
export const SORTS = [
  { key: "running", text: "running" },
  { key: "runnable", text: "runnable" },
  { key: "waiting", text: "waiting" },
  { key: "syscall", text: "system calls" },
  { key: "lifetime", text: "lifetime, number" },
  { key: "start", text: "start" },
  { key: "id", text: "ID, name" },
];

/** @typedef {{ rows: GroupRow[], loading: boolean, error: string | null }} Members */

export class Rows {
  /** @param {App} app */
  constructor(app) {
    this.app = app;
    /** @type {Row[]} */
    this.rows = [];
    this.height = 0;
    /** @type {Set<string>} sections that are closed */
    this.closed = new Set(["threads", "regions"]);
    /** @type {Map<string, Members>} by group and order */
    this.members = new Map();
    /** @type {Map<string, number>} rows that tasks, regions and logs take */
    this.intervalRows = new Map();
    /** @type {() => void} */
    this.changed = () => {};
    this.build();
  }

  /** Lays the rows out anew, and tells. */
  update() {
    this.build();
    this.changed();
  }

  build() {
    const { trace } = this.app;
    this.rows = [];
    this.height = 0;
    if (trace.gc_cycle_count > 0 || trace.pause_count > 0) {
      this.add({
        kind: "gc",
        key: "gc",
        label: "GC",
        detail: plural(trace.gc_cycle_count, "cycle"),
      });
    }
    this.addSelected();
    const procs = [...trace.procs].sort((left, right) => left - right);
    this.section("procs", "Ps (processors)", count(procs.length), () => {
      for (const proc of procs)
        this.add({ kind: "runs", key: `proc:${proc}`, lane: `proc:${proc}`, label: `P ${proc}` });
    });
    const groups = sortedGroups(trace.groups, place().sort);
    this.section("groups", "Goroutines", count(trace.goroutine_count), () => {
      for (const group of groups) this.addGroup(group);
    });
    for (const [kind, label, total] of /** @type {[string, string, number][]} */ ([
      ["tasks", "Tasks", trace.task_count],
      ["regions", "Regions", trace.region_count],
      ["logs", "Log messages", trace.log_count],
    ])) {
      if (total > 0) this.section(kind, label, count(total), () => this.addIntervals(kind));
    }
    if (trace.threads.length > 0) {
      this.section("threads", "Threads", count(trace.threads.length), () => {
        for (const thread of [...trace.threads].sort((left, right) => left - right)) {
          this.add({
            kind: "runs",
            key: `thread:${thread}`,
            lane: `thread:${thread}`,
            label: `thread ${thread}`,
          });
        }
      });
    }
  }

  /** The goroutines of the selected span and of the chain of its wakers. */
  addSelected() {
    const { selection, names } = this.app;
    const goroutines = selection.goroutines();
    if (goroutines.length === 0) return;
    this.section("selected", "Selected, and its wakers", "", () => {
      for (const goroutine of goroutines) {
        const group = names.groupOf(goroutine) ?? null;
        this.add({
          kind: "runs",
          key: `selected:${goroutine}`,
          lane: `goroutine:${goroutine}`,
          label: `G ${goroutine}`,
          detail: group ? shortFunction(group.name) : "",
          depth: 1,
          goroutine,
        });
      }
    });
  }

  /** @param {Group} group */
  addGroup(group) {
    const open = place().open.includes(group.id);
    const total = group.running_ns + group.runnable_ns + group.waiting_ns + group.syscall_ns;
    const detail = `${plural(group.count, "goroutine")} · ${percent(total > 0 ? group.running_ns / total : 0)} running`;
    this.add({
      kind: "group",
      key: `group:${group.id}`,
      lane: `group:${group.id}`,
      label: group.name || NO_STACK,
      detail,
      group,
      open,
    });
    if (!open) return;
    const members = this.membersOf(group.id);
    for (const row of members.rows) {
      this.app.names.learn(row.goroutine, group.id);
      this.add({
        kind: "runs",
        key: `goroutine:${row.goroutine}`,
        lane: `goroutine:${row.goroutine}`,
        label: `G ${row.goroutine}`,
        detail: memberDetail(row),
        depth: 1,
        group,
        goroutine: row.goroutine,
      });
    }
    if (members.error)
      this.add({ kind: "note", key: `note:${group.id}`, label: members.error, depth: 1 });
    else if (members.loading)
      this.add({ kind: "note", key: `note:${group.id}`, label: "loading …", depth: 1 });
    else if (members.rows.length < group.count) {
      const next = Math.min(PAGE, group.count - members.rows.length);
      this.add({
        kind: "more",
        key: `more:${group.id}`,
        label: `show ${count(next)} more of ${count(group.count - members.rows.length)}`,
        depth: 1,
        group,
      });
    }
  }

  /** @param {string} kind */
  addIntervals(kind) {
    const rows = Math.min(MOST_INTERVAL_ROWS, this.intervalRows.get(kind) ?? 1);
    this.add({
      kind: "intervals",
      key: kind,
      lane: kind,
      label: "",
      height: Math.max(1, rows) * HEIGHTS.intervals + 4,
    });
  }

  /**
   * @param {string} key
   * @param {string} label
   * @param {string} detail
   * @param {() => void} content
   */
  section(key, label, detail, content) {
    const open = !this.closed.has(key);
    this.add({ kind: "section", key: `section:${key}`, label, detail, open });
    if (open) content();
  }

  /** @param {Partial<Row> & Pick<Row, "kind" | "key">} row */
  add(row) {
    const height = row.height ?? HEIGHTS[row.kind];
    this.rows.push({
      lane: null,
      label: "",
      detail: "",
      depth: 0,
      group: null,
      goroutine: null,
      open: null,
      ...row,
      y: this.height,
      height,
    });
    this.height += height;
  }

  /**
   * Opens or closes a row.
   * @param {Row} row
   */
  toggle(row) {
    if (row.kind === "group" && row.group) {
      const id = row.group.id;
      const open = place().open;
      go({ open: open.includes(id) ? open.filter((other) => other !== id) : [...open, id] });
    } else if (row.kind === "section") {
      const key = row.key.slice("section:".length);
      if (!this.closed.delete(key)) this.closed.add(key);
      this.update();
    } else if (row.kind === "more" && row.group) {
      this.load(row.group.id, this.membersOf(row.group.id));
    }
  }

  /**
   * Goroutines of an open group, loaded if they are not there.
   * @param {number} group
   * @returns {Members}
   */
  membersOf(group) {
    const key = `${group} ${place().sort}`;
    const known = this.members.get(key);
    if (known) return known;
    /** @type {Members} */
    const members = { rows: [], loading: false, error: null };
    this.members.set(key, members);
    this.load(group, members);
    return members;
  }

  /**
   * @param {number} group
   * @param {Members} members
   */
  async load(group, members) {
    if (members.loading) return;
    members.loading = true;
    try {
      /** @type {GroupAnswer} */
      const answer = await this.app.provider.json("group", {
        id: group,
        sort: place().sort,
        offset: members.rows.length,
        limit: PAGE,
      });
      members.rows.push(...answer.rows);
    } catch (error) {
      members.error = error instanceof Error ? error.message : String(error);
    }
    members.loading = false;
    this.update();
  }

  /** Asks how many rows tasks, regions and log messages take in the whole trace. */
  async measureIntervals() {
    const { trace, provider } = this.app;
    const kinds = /** @type {[string, number][]} */ ([
      ["tasks", trace.task_count],
      ["regions", trace.region_count],
      ["logs", trace.log_count],
    ]);
    for (const [kind, total] of kinds) {
      if (total === 0) continue;
      try {
        /** @type {IntervalsAnswer} */
        const answer = await provider.json("intervals", {
          kind,
          start: trace.start_ns,
          end: trace.end_ns,
          pixels: 1000,
        });
        this.intervalRows.set(kind, answer.rows);
      } catch {
        this.intervalRows.set(kind, 1);
      }
    }
    this.update();
  }

  /**
   * Rows between two heights.
   * @param {number} top
   * @param {number} bottom
   */
  between(top, bottom) {
    return this.rows.filter((row) => row.y + row.height > top && row.y < bottom);
  }

  /**
   * The row at a height.
   * @param {number} y
   */
  at(y) {
    return this.rows.find((row) => y >= row.y && y < row.y + row.height) ?? null;
  }

  /**
   * The row that shows a lane; for a goroutine without one, the row of its group.
   * @param {string} lane
   */
  showing(lane) {
    const row = this.rows.find((candidate) => candidate.lane === lane);
    if (row || !lane.startsWith("goroutine:")) return row ?? null;
    const group = this.app.names.groupOf(Number(lane.slice("goroutine:".length)));
    return (group && this.rows.find((candidate) => candidate.lane === `group:${group.id}`)) ?? null;
  }
}

/** @param {GroupRow} row */
function memberDetail(row) {
  const longest = row.totals.waiting[0];
  const wait = longest ? ` · ${longest.reason} ${duration(longest.total_ns)}` : "";
  return `${duration(row.totals.running_ns)} running${wait}`;
}

/**
 * Groups in an order; those of the runtime are last.
 * @param {Group[]} groups
 * @param {string} sort
 */
function sortedGroups(groups, sort) {
  /** @param {Group} group */
  const key = (group) => {
    switch (sort) {
      case "runnable":
        return group.runnable_ns;
      case "waiting":
        return group.waiting_ns;
      case "syscall":
        return group.syscall_ns;
      case "lifetime":
        return group.count;
      default:
        return group.running_ns;
    }
  };
  const byName = sort === "id" || sort === "start";
  return [...groups].sort((left, right) => {
    if (left.runtime !== right.runtime) return left.runtime ? 1 : -1;
    if (byName) return left.name < right.name ? -1 : 1;
    return key(right) - key(left);
  });
}
