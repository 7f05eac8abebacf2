// The time axis: ticks at round times since the start of the trace, and the selected range.

import { FONT } from "./canvas.js";
import { duration, relative } from "./format.js";
import { palette } from "./theme.js";

/** Least distance of two labels, in CSS pixels. */
const APART = 92;

/**
 * A round step (1, 2 or 5 times a power of ten) so that labels are far enough apart.
 * @param {number} width of the view, in ns
 * @param {number} pixels
 */
export function tickStep(width, pixels) {
  const least = (width / Math.max(1, pixels)) * APART;
  const power = 10 ** Math.floor(Math.log10(least));
  const digit = least / power;
  return Math.max(1, power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10));
}

/**
 * Times of the ticks in view.
 * @param {import("./range.js").View} view
 * @param {number} step
 */
export function ticks(view, step) {
  /** @type {number[]} */
  const times = [];
  const first = Math.ceil((view.start - view.first) / step) * step;
  for (let at = first; at <= view.end - view.first; at += step) times.push(view.first + at);
  return times;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./range.js").View} view
 * @param {number} width
 * @param {number} height
 * @param {[number, number] | null} range
 * @param {number[]} hits times of search hits
 */
export function drawAxis(context, view, width, height, range, hits) {
  const colours = palette();
  const x = (/** @type {number} */ at) => ((at - view.start) / view.width) * width;
  context.font = FONT;
  context.textBaseline = "middle";
  const step = tickStep(view.width, width);
  for (const at of ticks(view, step)) {
    context.fillStyle = colours.line;
    context.fillRect(Math.round(x(at)), height - 6, 1, 6);
    context.fillStyle = colours.faint;
    const text = relative(at - view.first, step);
    const left = Math.round(x(at)) + 4;
    if (left + context.measureText(text).width < width) context.fillText(text, left, height / 2);
  }
  context.fillStyle = colours.states[1] ?? colours.accent;
  for (const hit of hits) {
    const at = x(hit);
    context.beginPath();
    context.moveTo(at - 4, 0);
    context.lineTo(at + 4, 0);
    context.lineTo(at, 7);
    context.fill();
  }
  if (!range) return;
  const [left, right] = [x(range[0]), x(range[1])];
  context.fillStyle = colours.accent;
  context.fillRect(left, height - 3, Math.max(1, right - left), 3);
  const text = duration(range[1] - range[0]);
  const wide = context.measureText(text).width + 10;
  const middle = Math.max(wide / 2, Math.min(width - wide / 2, (left + right) / 2));
  context.fillRect(middle - wide / 2, 2, wide, height - 5);
  context.fillStyle = colours.background;
  context.fillText(text, middle - wide / 2 + 5, height / 2 - 0.5);
}
