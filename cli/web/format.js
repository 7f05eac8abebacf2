// Numbers as text: in units that fit, with three digits, as the command prints them.

/** @type {[number, string][]} */
const DURATIONS = [
  [3.6e12, "h"],
  [6e10, "min"],
  [1e9, "s"],
  [1e6, "ms"],
  [1e3, "µs"],
  [1, "ns"],
];

/** @type {[number, string][]} */
const SIZES = [
  [2 ** 40, "TiB"],
  [2 ** 30, "GiB"],
  [2 ** 20, "MiB"],
  [2 ** 10, "KiB"],
  [1, "B"],
];

/**
 * @param {number} value
 */
function threeDigits(value) {
  const size = Math.abs(value);
  if (size >= 99.95) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 9.995 ? 1 : 2);
}

/**
 * @param {number} value
 * @param {[number, string][]} units
 */
function inUnits(value, units) {
  const size = Math.abs(value);
  for (const [unit, text] of units) {
    if (size >= unit * 0.9995) {
      const scaled = value / unit;
      return unit === 1 ? `${Math.round(scaled)} ${text}` : `${threeDigits(scaled)} ${text}`;
    }
  }
  const last = units[units.length - 1];
  return `${value === 0 ? 0 : threeDigits(value)} ${last ? last[1] : ""}`;
}

/** @param {number | null | undefined} ns */
export function duration(ns) {
  return ns === null || ns === undefined ? "–" : inUnits(ns, DURATIONS);
}

/** @param {number | null | undefined} value */
export function bytes(value) {
  return value === null || value === undefined ? "–" : inUnits(value, SIZES);
}

/** @param {number | null | undefined} value */
export function count(value) {
  return value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en-US");
}

/** @param {number | null | undefined} share */
export function percent(share) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  const value = share * 100;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  return `${value.toFixed(value >= 99.95 ? 0 : 1)} %`;
}

/**
 * A value with the unit of a profile or series.
 * @param {number | null | undefined} value
 * @param {string} unit
 */
export function inUnit(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "ns" || unit === "nanoseconds") return duration(value);
  if (unit === "bytes") return bytes(value);
  if (unit === "share") return percent(value);
  return value < 10 && !Number.isInteger(value) ? value.toFixed(2) : count(value);
}

/**
 * A time relative to the start of the trace, precise enough for a step.
 * @param {number} ns since the start of the trace
 * @param {number} [step] the smallest difference that must show, in ns
 */
export function relative(ns, step = 1) {
  const sign = ns < 0 ? "−" : "+";
  const size = Math.abs(ns);
  const [unit, text] =
    step >= 1e9 || size >= 1e9
      ? [1e9, "s"]
      : size >= 1e6
        ? [1e6, "ms"]
        : size >= 1e3
          ? [1e3, "µs"]
          : [1, "ns"];
  const digits = Math.min(
    9,
    Math.max(0, Math.ceil(Math.log10(Number(unit)) - Math.log10(Math.max(step, 1)) - 1e-9)),
  );
  const most = Math.round(Math.log10(Number(unit)));
  return `${sign}${(size / Number(unit)).toFixed(Math.min(digits, most))} ${text}`;
}

/**
 * A time of the trace for tables: all in the unit that fits the whole trace, so that they align.
 * @param {Trace} trace
 * @param {number} ns
 */
export function moment(trace, ns) {
  const length = trace.end_ns - trace.start_ns;
  const [unit, text] = length >= 1e9 ? [1e9, "s"] : length >= 1e6 ? [1e6, "ms"] : [1e3, "µs"];
  return `+${((ns - trace.start_ns) / Number(unit)).toFixed(length >= 1e9 ? 4 : 3)} ${text}`;
}

/**
 * Seconds, as precise as the steps of an axis.
 * @param {number} value
 * @param {number} [step]
 */
export function seconds(value, step = 0.001) {
  const digits = Math.max(0, Math.min(9, Math.ceil(-Math.log10(step) - 1e-9)));
  return `${value.toFixed(digits)} s`;
}

/**
 * A time on the wall, if the trace has it.
 * @param {Trace} trace
 * @param {number} ns
 */
export function wall(trace, ns) {
  if (trace.wall_start_ns === null || trace.wall_start_ns === undefined) return null;
  const milliseconds = (trace.wall_start_ns + (ns - trace.start_ns)) / 1e6;
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime())
    ? null
    : date.toISOString().replace("T", " ").replace("Z", " UTC");
}

/**
 * Singular or plural.
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
