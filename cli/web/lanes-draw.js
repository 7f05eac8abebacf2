// Draws the rows in view: pictures of lanes, stretched to the view, with labels on what is wide
// enough; pauses across all of them; the selected span and the arrows of its wakers.

import { FONT } from "./canvas.js";
import { ticks, tickStep } from "./axis.js";
import { runOf } from "./lane-store.js";
import { STATE_WORDS, GC_WORK, RUNNABLE, RUNNING, SYSCALL, WAITING } from "./states.js";
import { fitText, shortFunction } from "./text.js";
import { palette } from "./theme.js";

/** Space above and below a lane within its row, in CSS pixels. */
const INSET = 1.5;

/** Narrowest run that gets a label, in CSS pixels. */
const LABEL_FROM = 34;

/** Pauses nearer to each other than this, in CSS pixels, get paler lines. */
const PAUSES_APART = 30;

/** Most runs of a lane that are looked at for labels. */
const MOST_LABELS = 400;

/**
 * What drawing needs.
 * @typedef {object} Scene
 * @property {App} app
 * @property {CanvasRenderingContext2D} context
 * @property {import("./lane-store.js").LaneStore} store
 * @property {number} width
 * @property {number} height
 * @property {number} density
 * @property {number} top first height of the rows that is in view
 */

/**
 * Horizontal place of a time.
 * @param {Scene} scene
 * @param {number} at
 */
export function xOf(scene, at) {
  const { view } = scene.app;
  return ((at - view.start) / view.width) * scene.width;
}

/**
 * Lines of the axis and the ground of the rows.
 * @param {Scene} scene
 * @param {Row[]} rows
 */
export function drawGround(scene, rows) {
  const { context, app, width, height } = scene;
  const colours = palette();
  context.font = FONT;
  context.textBaseline = "middle";
  for (const row of rows) {
    const y = row.y - scene.top;
    if (row.kind === "section" || row.kind === "group") {
      context.fillStyle = colours.lane;
      context.fillRect(0, y, width, row.height);
    }
    context.fillStyle = colours.line;
    context.fillRect(0, y + row.height - 0.5, width, 0.5);
  }
  context.globalAlpha = 0.6;
  context.fillStyle = colours.line;
  for (const at of ticks(app.view, tickStep(app.view.width, width)))
    context.fillRect(Math.round(xOf(scene, at)), 0, 1, height);
  context.globalAlpha = 1;
}

/**
 * @param {Scene} scene
 * @param {Row} row
 */
export function drawLane(scene, row) {
  const { context, store, density } = scene;
  if (!row.lane) return;
  const tall = row.height - 2 * INSET;
  const picture = store.picture(row.lane, Math.round(tall * density));
  const y = row.y - scene.top + INSET;
  if (scene.app.provider.embedded && store.isMissing(row.lane)) {
    context.fillStyle = palette().faint;
    context.fillText("not in this report", 8, y + tall / 2);
  }
  if (!picture?.canvas || !picture.lane) return;
  const left = xOf(scene, picture.start);
  const right = xOf(scene, picture.start + picture.cells * picture.cell);
  // Blown up beyond recognition, smoothing only costs time.
  context.imageSmoothingEnabled = right - left < picture.cells * 1.5;
  drawPart(context, picture.canvas, left, right, y, tall, scene.width);
  if (picture.lane.form === 0) drawLabels(scene, row, picture, picture.lane, y, tall);
}

/**
 * Draws the part of a picture that is in view: coordinates far outside lose precision.
 * @param {CanvasRenderingContext2D} context
 * @param {HTMLCanvasElement} canvas
 * @param {number} left
 * @param {number} right
 * @param {number} y
 * @param {number} tall
 * @param {number} width
 */
function drawPart(context, canvas, left, right, y, tall, width) {
  if (right <= 0 || left >= width) return;
  const scale = canvas.width / (right - left);
  const from = Math.max(0, Math.floor(-left * scale));
  const to = Math.min(canvas.width, Math.ceil((width - left) * scale));
  if (to <= from) return;
  context.drawImage(
    canvas,
    from,
    0,
    to - from,
    canvas.height,
    left + from / scale,
    y,
    (to - from) / scale,
    tall,
  );
}

/**
 * @param {Scene} scene
 * @param {Row} row
 * @param {import("./lane-store.js").Picture} picture
 * @param {RunLane} lane
 * @param {number} y
 * @param {number} tall
 */
function drawLabels(scene, row, picture, lane, y, tall) {
  const { context, app } = scene;
  const colours = palette();
  const pixel = app.view.width / scene.width;
  const least = (LABEL_FROM * pixel) / picture.cell;
  const first = Math.max(0, firstVisible(lane, (app.view.start - picture.start) / picture.cell));
  const last = Math.min(lane.first.length, first + MOST_LABELS * 4);
  for (let index = first; index < last; index += 1) {
    if ((lane.length[index] ?? 0) < least) continue;
    const run = runOf(picture, lane, index);
    if (run.start > app.view.end) break;
    const left = Math.max(0, xOf(scene, run.start));
    const right = Math.min(scene.width, xOf(scene, run.end));
    if (run.state === RUNNING && run.start > app.view.start) {
      // Parts two goroutines of one group that ran after each other.
      context.fillStyle = colours.background;
      context.fillRect(left - 0.5, y, 1, tall);
    }
    if (run.state === 0 || run.share < 0.6 || right - left < LABEL_FROM) continue;
    const text = fitText(context, runLabel(app, row, run), right - left - 10);
    if (!text) continue;
    if (run.state === WAITING) {
      // The bar of a wait is thin: its text gets ground of its own.
      context.fillStyle = colours.background;
      context.fillRect(left + 4, y + 1, context.measureText(text).width + 6, tall - 2);
      context.fillStyle = colours.faint;
      context.fillText(text, left + 7, y + tall / 2 + 0.5);
    } else {
      if (run.state === RUNNABLE) {
        // Text on stripes cannot be read.
        context.fillStyle = colours.states[RUNNABLE] ?? colours.background;
        context.fillRect(left + 2, y, context.measureText(text).width + 6, tall);
      }
      context.fillStyle =
        run.state === GC_WORK ? colours.text : run.state === SYSCALL ? "#ffffff" : colours.onState;
      context.fillText(text, left + 5, y + tall / 2 + 0.5);
    }
  }
}

/**
 * Index of the first run that ends after a cell.
 * @param {RunLane} lane
 * @param {number} cell
 */
function firstVisible(lane, cell) {
  let low = 0;
  let high = lane.first.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lane.first[middle] ?? 0) + (lane.length[middle] ?? 0) <= cell) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * What a run shows, in a few words.
 * @param {App} app
 * @param {Row} row
 * @param {{ state: number, what: number }} run
 */
export function runLabel(app, row, run) {
  const ofGoroutine = row.lane?.startsWith("goroutine:") ?? false;
  if (run.state === WAITING) return app.trace.reasons[run.what - 1] ?? "waiting";
  if (run.state === RUNNING && ofGoroutine) return `running on P ${run.what}`;
  if ((run.state === RUNNING || run.state === GC_WORK) && run.what > 0 && !ofGoroutine) {
    const group = app.names.groupOf(run.what);
    return group ? `${shortFunction(group.name)} G ${run.what}` : `G ${run.what}`;
  }
  return STATE_WORDS[run.state] ?? "";
}

/**
 * Stop-the-world pauses as lines across all lanes, and gaps of the trace.
 * @param {Scene} scene
 * @param {MarksAnswer | null} marks
 * @param {Row[]} rows
 */
export function drawMarks(scene, marks, rows) {
  if (!marks) return;
  const { context, width, height } = scene;
  const colours = palette();
  const seen = marks.pauses
    .map((pause) => ({
      ...pause,
      left: xOf(scene, pause.start_ns),
      right: xOf(scene, pause.end_ns),
    }))
    .filter(({ left, right }) => right >= 0 && left <= width);
  const ground = rows.find((row) => row.kind === "gc");
  if (ground) drawCycles(scene, marks.cycles, ground);
  const crowd = Math.min(1, width / Math.max(1, seen.length) / PAUSES_APART);
  context.fillStyle = colours.pause;
  for (const { left, right, count } of seen) {
    // A pause that is wide enough to see keeps its line, however many there are.
    const wide = right - left > 1.5 && count === 1;
    context.globalAlpha = 0.16;
    if (wide) context.fillRect(left, 0, right - left, height);
    context.globalAlpha = wide ? 0.8 : 0.55 * crowd;
    context.fillRect(left, 0, 1, height);
    context.globalAlpha = 0.9;
    if (ground)
      context.fillRect(left, ground.y - scene.top, 1, ground.height * (crowd < 1 ? 0.3 : 1));
  }
  context.globalAlpha = 1;
  context.strokeStyle = colours.faint;
  context.setLineDash([2, 3]);
  for (const gap of marks.gaps_ns) {
    const x = Math.round(xOf(scene, gap)) + 0.5;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
  }
  context.setLineDash([]);
}

/**
 * The GC's row: a hollow bar for each cycle. Drawn from the marks, so that short
 * ones stay visible.
 * @param {Scene} scene
 * @param {Cycle[]} cycles
 * @param {Row} row
 */
function drawCycles(scene, cycles, row) {
  const { context, width } = scene;
  const colour = palette().states[GC_WORK] ?? "";
  const y = row.y - scene.top + INSET;
  const tall = row.height - 2 * INSET;
  for (const cycle of cycles) {
    const left = Math.max(-1, xOf(scene, cycle.start_ns));
    const right = Math.min(width + 1, Math.max(left + 1, xOf(scene, cycle.end_ns)));
    if (right < 0 || left > width) continue;
    context.fillStyle = colour;
    context.globalAlpha = 0.4;
    context.fillRect(left, y, right - left, tall);
    context.globalAlpha = 1;
    context.fillRect(left, y, right - left, tall * 0.28);
    context.fillRect(left, y + tall * 0.72, right - left, tall * 0.28);
    const text =
      right - left < LABEL_FROM ? "" : fitText(context, `cycle ${cycle.seq}`, right - left - 10);
    if (!text) continue;
    context.fillStyle = palette().text;
    context.fillText(text, Math.max(0, left) + 5, y + tall / 2 + 0.5);
  }
}

/**
 * The selected range, shaded outside of it.
 * @param {Scene} scene
 * @param {[number, number] | null} range
 */
export function drawRange(scene, range) {
  if (!range) return;
  const { context, width, height } = scene;
  const colours = palette();
  const left = Math.max(-1, Math.min(width + 1, xOf(scene, range[0])));
  const right = Math.max(-1, Math.min(width + 1, xOf(scene, range[1])));
  context.fillStyle = colours.accent;
  context.globalAlpha = 0.1;
  context.fillRect(left, 0, right - left, height);
  context.globalAlpha = 0.9;
  context.fillRect(left, 0, 1, height);
  context.fillRect(right - 1, 0, 1, height);
  context.globalAlpha = 1;
}
