// Draws tasks, regions and log messages: bars in packed rows.

import { xOf } from "./lanes-draw.js";
import { duration } from "./format.js";
import { fitText } from "./text.js";
import { palette } from "./theme.js";

/** Height of a row of bars, in CSS pixels. */
const BAR = 17;

/**
 * @param {import("./lanes-draw.js").Scene} scene
 * @param {Row} row
 * @param {IntervalsAnswer | null} answer
 */
export function drawIntervals(scene, row, answer) {
  const { context, width } = scene;
  const colours = palette();
  for (const interval of answer?.intervals ?? []) {
    const left = xOf(scene, interval.start_ns);
    const right = Math.max(left + 1.5, xOf(scene, interval.end_ns));
    const y = row.y - scene.top + 2 + interval.row * BAR;
    if (right < 0 || left > width || interval.row * BAR + BAR > row.height) continue;
    context.fillStyle = colours.flame[hash(interval.name) % colours.flame.length] ?? colours.accent;
    context.globalAlpha = interval.count > 1 ? 0.6 : 1;
    context.fillRect(left, y, right - left, BAR - 2);
    context.globalAlpha = 1;
    const inside = Math.min(right, width) - Math.max(0, left);
    if (inside < 30) continue;
    context.fillStyle = colours.text;
    const name = interval.name || "(no name)";
    const text =
      interval.count > 1
        ? `${interval.count} × ${name}`
        : `${name} ${interval.message ?? duration(interval.end_ns - interval.start_ns)}`;
    context.fillText(fitText(context, text, inside - 8), Math.max(0, left) + 4, y + BAR / 2 - 0.5);
  }
}

/**
 * The interval at a place of a row.
 * @param {IntervalsAnswer | null} answer
 * @param {number} at
 * @param {number} y within the row
 * @param {number} slack in ns
 */
export function intervalAt(answer, at, y, slack) {
  const line = Math.floor((y - 2) / BAR);
  return (
    answer?.intervals.find(
      (interval) =>
        interval.row === line && interval.start_ns - slack <= at && at <= interval.end_ns + slack,
    ) ?? null
  );
}

/**
 * A number for a name, the same on each visit.
 * @param {string} text
 */
export function hash(text) {
  let value = 7;
  for (let index = 0; index < Math.min(text.length, 200); index += 1)
    value = (value * 31 + text.charCodeAt(index)) >>> 0;
  return value;
}
