// The picture of the whole trace: drawn once for a width, then only copied.

import { FONT } from "./canvas.js";
import { palette } from "./theme.js";

/** Heights of the parts, in CSS pixels. */
const RUNNING_HEIGHT = 30;
const HEAP_HEIGHT = 30;
const MARKS_HEIGHT = 10;

/** Height of the strip. */
export const OVERVIEW_HEIGHT = RUNNING_HEIGHT + HEAP_HEIGHT + MARKS_HEIGHT + 6;

/**
 * @typedef {object} Picturing
 * @property {CanvasRenderingContext2D} context in CSS pixels
 * @property {number} width
 * @property {number} density
 * @property {import("./range.js").View} view
 * @property {SeriesAnswer} answer
 */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} width
 * @param {number} density
 * @param {import("./range.js").View} view
 * @param {SeriesAnswer | null} answer
 * @param {MarksAnswer | null} marks
 */
export function drawOverview(context, width, density, view, answer, marks) {
  const colours = palette();
  context.font = FONT;
  context.fillStyle = colours.line;
  context.fillRect(0, RUNNING_HEIGHT + 1, width, 1);
  if (!answer) {
    context.fillStyle = colours.faint;
    context.fillText("loading …", 8, OVERVIEW_HEIGHT / 2);
    return;
  }
  const { series } = answer;
  const picturing = { context, width, density, view, answer };
  const procs = Math.max(1, maximum(series.running), maximum(series.gomaxprocs));
  drawArea(
    picturing,
    series.running,
    0,
    RUNNING_HEIGHT / procs,
    RUNNING_HEIGHT,
    colours.states[2] ?? "",
    0.75,
  );
  const memory = Math.max(1, maximum(series.heap), maximum(series.goal));
  const bottom = RUNNING_HEIGHT + 2 + HEAP_HEIGHT;
  drawArea(
    picturing,
    series.heap,
    RUNNING_HEIGHT + 2,
    HEAP_HEIGHT / memory,
    bottom,
    colours.heap,
    0.35,
  );
  drawDashes(picturing, series.goal, HEAP_HEIGHT / memory, bottom, colours.goal);
  if (marks) drawOverviewMarks(picturing, marks);
}

/**
 * @param {Picturing} picturing
 * @param {MarksAnswer} marks
 */
function drawOverviewMarks({ context, width, view }, marks) {
  const colours = palette();
  const x = (/** @type {number} */ at) => ((at - view.first) / (view.last - view.first)) * width;
  const top = OVERVIEW_HEIGHT - MARKS_HEIGHT - 1;
  context.fillStyle = colours.states[5] ?? "";
  for (const cycle of marks.cycles) {
    const left = x(cycle.start_ns);
    context.fillRect(left, top, Math.max(1, x(cycle.end_ns) - left), MARKS_HEIGHT);
  }
  context.fillStyle = colours.pause;
  const crowded = marks.pauses.length > width / 6;
  for (const pause of marks.pauses)
    context.fillRect(x(pause.start_ns), top - 4, 1, crowded ? 4 : MARKS_HEIGHT + 4);
}

/**
 * The greatest value and, darker, the mean of each pixel column.
 * @param {Picturing} picturing
 * @param {Series | undefined} series
 * @param {number} top
 * @param {number} unit height of a value of 1
 * @param {number} bottom
 * @param {string} colour
 * @param {number} strength
 */
function drawArea(picturing, series, top, unit, bottom, colour, strength) {
  if (!series) return;
  const { context, density, width } = picturing;
  context.fillStyle = colour;
  for (let column = 0; column < width * density; column += 1) {
    const [first, last] = cellsOf(picturing, column);
    let most = 0;
    let sum = 0;
    let known = 0;
    for (let cell = first; cell <= last; cell += 1) {
      const mean = series.mean[cell];
      if (mean === null || mean === undefined) continue;
      most = Math.max(most, series.max[cell] ?? mean);
      sum += mean;
      known += 1;
    }
    if (known === 0) continue;
    const x = column / density;
    const peak = Math.max(top, bottom - most * unit);
    const level = Math.max(top, bottom - (sum / known) * unit);
    context.globalAlpha = strength * 0.45;
    context.fillRect(x, peak, 1 / density, level - peak);
    context.globalAlpha = strength;
    context.fillRect(x, level, 1 / density, bottom - level);
  }
  context.globalAlpha = 1;
}

/**
 * @param {Picturing} picturing
 * @param {Series | undefined} series
 * @param {number} unit
 * @param {number} bottom
 * @param {string} colour
 */
function drawDashes(picturing, series, unit, bottom, colour) {
  if (!series) return;
  const { context, width, density } = picturing;
  context.fillStyle = colour;
  for (let x = 0; x < width; x += 6) {
    const value = series.mean[cellsOf(picturing, x * density)[0]];
    if (value !== null && value !== undefined) context.fillRect(x, bottom - value * unit, 4, 1);
  }
}

/**
 * First and last cell of a column of device pixels.
 * @param {Picturing} picturing
 * @param {number} column
 * @returns {[number, number]}
 */
function cellsOf({ answer, density, view, width }, column) {
  const pixel = (view.last - view.first) / (width * density);
  const at = view.first + column * pixel - answer.start_ns;
  const cell = 2 ** answer.shift;
  const first = Math.floor(at / cell);
  return [Math.max(0, first), Math.max(first, Math.ceil((at + pixel) / cell) - 1)];
}

/**
 * Greatest value of a series.
 * @param {Series | undefined} series
 */
export function maximum(series) {
  let most = 0;
  for (const value of series?.max ?? []) if (value !== null && value > most) most = value;
  return most;
}
