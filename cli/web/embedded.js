// The provider of a report: everything is in the page, and what is not there is refused.

import { decodeLanes } from "./binary.js";

/** The report does not hold what was asked for. */
class NotIncluded extends Error {
  /** @param {string} command */
  constructor(command) {
    super(`not in this report: ${command} shows it`);
  }
}

/**
 * The provider, if the page holds data.
 * @returns {Provider | null}
 */
export function embeddedProvider() {
  const holder = document.getElementById("data");
  if (!holder?.textContent) return null;
  /** @type {Embedded} */
  const data = JSON.parse(holder.textContent);
  const lanes = data.lanes ? decodeLanes(fromBase64(data.lanes), data.lane_names) : null;
  const byName = new Map((lanes?.lanes ?? []).map((lane) => [lane.name, lane]));
  return {
    embedded: true,
    async session() {
      return { ...data.session, command: data.command, left_out: data.left_out };
    },
    async lanes(_start, _end, _pixels, names) {
      if (!lanes) throw new NotIncluded(data.command);
      const found = names.flatMap((name) => byName.get(name) ?? []);
      return { ...lanes, lanes: found };
    },
    async json(path, parameters = {}) {
      const found = answer(data, path, parameters);
      if (found === undefined || found === null) throw new NotIncluded(data.command);
      return found;
    },
  };
}

/**
 * @param {Embedded} data
 * @param {string} path
 * @param {Parameters_} parameters
 */
function answer(data, path, parameters) {
  const documents = data.documents;
  switch (path) {
    case "series":
      return data.series;
    case "intervals":
      return documents[`intervals/${parameters.kind}`];
    case "group":
      return members(documents[`group/${parameters.id}`], parameters);
    case "goroutine":
      return documents[`goroutine/${parameters.id}`];
    case "profile":
      return isWhole(parameters) ? documents[`profile/${parameters.of}`] : null;
    case "pprof":
      return documents[`pprof/${parameters.id}/${parameters.type}`];
    case "span":
      return spanAt(documents, parameters);
    case "names":
      return documents.names ?? { names: [] };
    case "waits":
      return documents.waits && { waits: waitsWithin(documents.waits.waits, parameters) };
    case "find":
      return find(data.session, String(parameters.q ?? ""));
    default:
      return documents[path];
  }
}

/**
 * Whether a profile is that of all goroutines of the program over the whole trace.
 * @param {Parameters_} parameters
 */
function isWhole({ start, reason, group, goroutine, runtime }) {
  return (
    [start, reason, group, goroutine].every((value) => value === undefined) && runtime === "false"
  );
}

/**
 * The goroutines of a group that were asked for, if they are included.
 * @param {GroupAnswer | undefined} group
 * @param {Parameters_} parameters
 */
function members(group, { sort, offset, limit }) {
  if (!group) return null;
  const rows = [...group.rows].sort((left, right) => {
    const [of, than] = [sortKey(left, sort), sortKey(right, sort)];
    return than - of || left.goroutine - right.goroutine;
  });
  const first = Number(offset ?? 0);
  const asked = rows.slice(first, first + Number(limit ?? rows.length));
  return asked.length > 0 ? { ...group, rows: asked } : null;
}

/**
 * Goroutines with larger keys come first.
 * @param {GroupRow} row
 * @param {string | number | undefined} sort
 */
function sortKey({ goroutine, created_ns: created, ended_ns: ended, totals }, sort) {
  switch (sort) {
    case "runnable":
      return totals.runnable_ns;
    case "waiting":
      return totals.waiting_ns;
    case "syscall":
      return totals.syscall_ns;
    case "lifetime":
      return (ended ?? Number.MAX_SAFE_INTEGER) - (created ?? 0);
    case "start":
      return -(created ?? 0);
    case "id":
      return -goroutine;
    default:
      return totals.running_ns;
  }
}

/**
 * The waits that overlap a range.
 * @param {Span[]} waits
 * @param {Parameters_} parameters
 */
function waitsWithin(waits, { start, end, limit }) {
  const within = waits.filter(
    (wait) => wait.end_ns > Number(start ?? -Infinity) && wait.start_ns < Number(end ?? Infinity),
  );
  return within.slice(0, Number(limit ?? within.length));
}

/**
 * The span of a goroutine, P or thread at a time, if it is included.
 * @param {Record<string, any>} documents
 * @param {Parameters_} parameters
 */
function spanAt(documents, { goroutine, proc, thread, at }) {
  const time = Number(at);
  const prefix = goroutine === undefined ? "span/" : `span/${goroutine}/`;
  for (const key of Object.keys(documents)) {
    if (!key.startsWith(prefix)) continue;
    const span = documents[key].span;
    if (!span || (proc !== undefined && span.proc !== Number(proc))) continue;
    if (thread !== undefined && span.thread !== Number(thread)) continue;
    if (goroutine === undefined && span.state !== "running") continue;
    if (span.start_ns <= time && (time < span.end_ns || span.start_ns === time))
      return documents[key];
  }
  return null;
}

/**
 * Finds text in the names of groups and of reasons: all that a report can search.
 * @param {Session} session
 * @param {string} text
 * @returns {FindAnswer}
 */
function find(session, text) {
  const needle = text.toLowerCase();
  const none = { goroutine: null, group: null, start_ns: null, end_ns: null };
  const groups = (session.trace?.groups ?? [])
    .filter((group) => group.name.toLowerCase().includes(needle))
    .map((group) => ({ ...none, kind: "group", text: group.name, group: group.id }));
  const reasons = (session.trace?.reasons ?? [])
    .filter((reason) => reason.toLowerCase().includes(needle))
    .map((reason) => ({ ...none, kind: "reason", text: reason }));
  const hits = [...groups, ...reasons];
  return { hits: hits.slice(0, 50), total: hits.length };
}

/**
 * @param {string} text
 * @returns {ArrayBuffer}
 */
function fromBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let index = 0; index < characters.length; index += 1)
    bytes[index] = characters.charCodeAt(index);
  return bytes.buffer;
}
