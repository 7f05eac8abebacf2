// The selected span and, as arrows, who woke whom along the chain of its wakers.

import { xOf } from "./lanes-draw.js";
import { stateNumber, WAITING } from "./states.js";
import { palette } from "./theme.js";

/**
 * @param {import("./lanes-draw.js").Scene} scene
 * @param {import("./rows.js").Rows} rows
 */
export function drawSelection(scene, rows) {
  const { app, context } = scene;
  const { selected, answer } = app.selection;
  const span = answer?.span;
  if (!selected || !span) return;
  const colours = palette();
  for (const row of rows.rows) {
    if (row.lane !== selected.lane && row.lane !== `goroutine:${span.goroutine}`) continue;
    const left = Math.max(-4, xOf(scene, span.start_ns));
    const right = Math.min(scene.width + 4, xOf(scene, span.end_ns));
    context.strokeStyle = colours.accent;
    context.lineWidth = 2;
    context.strokeRect(left, row.y - scene.top + 1, Math.max(3, right - left), row.height - 2);
  }
  drawKnown(scene, rows, [answer.previous, span, answer.next, ...answer.chain]);
  context.lineWidth = 1.5;
  const chain = answer.chain.length > 0 ? answer.chain : [span];
  chain.forEach((link, index) => drawWake(scene, rows, link, index));
}

/**
 * Spans of goroutines that have no picture, as in a report: only these spans are known.
 * @param {import("./lanes-draw.js").Scene} scene
 * @param {import("./rows.js").Rows} rows
 * @param {(Span | null)[]} spans
 */
function drawKnown(scene, rows, spans) {
  const colours = palette();
  for (const span of spans) {
    const row =
      span && rows.rows.find((candidate) => candidate.lane === `goroutine:${span.goroutine}`);
    if (!span || !row || scene.store.picture(`goroutine:${span.goroutine}`, 1)) continue;
    const state = stateNumber(span.state);
    const inset = state === WAITING ? row.height * 0.38 : 3;
    const left = xOf(scene, span.start_ns);
    scene.context.fillStyle = colours.states[state] || colours.faint;
    scene.context.fillRect(
      left,
      row.y - scene.top + inset,
      Math.max(1, xOf(scene, span.end_ns) - left),
      row.height - 2 * inset,
    );
  }
}

/**
 * An arrow from the lane of the waker to the lane of the goroutine it woke.
 * @param {import("./lanes-draw.js").Scene} scene
 * @param {import("./rows.js").Rows} rows
 * @param {Span} span
 * @param {number} index in the chain
 */
function drawWake(scene, rows, span, index) {
  const waker = span.woken_by;
  if (!waker || waker.goroutine === null || span.woken_ns === null) return;
  const x = xOf(scene, span.woken_ns);
  if (x < -20 || x > scene.width + 20) return;
  const from = rows.showing(`goroutine:${waker.goroutine}`);
  const to = rows.showing(`goroutine:${span.goroutine}`);
  if (!from || !to || from === to) return;
  const { context } = scene;
  const colours = palette();
  const start = from.y + from.height / 2 - scene.top;
  const end = to.y + to.height / 2 - scene.top;
  context.strokeStyle = colours.accent;
  context.fillStyle = colours.accent;
  context.globalAlpha = index === 0 ? 1 : 0.6;
  const bend = Math.min(22, 8 + Math.abs(end - start) / 12);
  context.beginPath();
  context.moveTo(x, start);
  context.bezierCurveTo(x + bend, start, x + bend, end, x + 2, end);
  context.stroke();
  context.beginPath();
  context.moveTo(x, end);
  context.lineTo(x + 8, end - 4);
  context.lineTo(x + 8, end + 4);
  context.fill();
  context.beginPath();
  context.arc(x, start, 3, 0, 7);
  context.fill();
  context.globalAlpha = 1;
}
