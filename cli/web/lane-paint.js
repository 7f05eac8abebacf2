// Paints a lane into a canvas with one pixel a cell. Each state has its colour and its shape:
// running is solid, runnable striped, waiting a thin bar, a system call a bar of half the height,
// GC work hollow. The shapes vary only in height, so stretching keeps them.

import { FAMILIES, familyOf } from "./states.js";
import { GC_WORK, LONG_SYSCALL, RUNNABLE, RUNNING, SYSCALL, WAITING } from "./states.js";
import { channels, palette } from "./theme.js";

/** Share of the colour that the shortest span in a cell gets. */
const FAINTEST = 0.42;

/**
 * @param {RunLane | GroupLane} lane
 * @param {number} cells
 * @param {number} height
 * @param {number} scale of a group
 * @param {App} app
 * @returns {HTMLCanvasElement}
 */
export function paintLane(lane, cells, height, scale, app) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, cells);
  canvas.height = Math.max(1, height);
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  if (lane.form === 0) paintRuns(lane, pixels, canvas.width, height, app);
  else paintStack(lane, pixels, canvas.width, height, scale);
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Blue, green and red of the colours met so far. @type {Map<string, number>} */
const packed = new Map();

/**
 * A colour as a pixel of an ImageData on a little-endian machine.
 * @param {string} colour
 * @param {number} alpha from 0 to 1
 */
function pixelOf(colour, alpha) {
  let base = packed.get(colour);
  if (base === undefined) {
    const [red, green, blue] = channels(colour);
    base = (blue << 16) | (green << 8) | red;
    packed.set(colour, base);
  }
  return ((Math.round(alpha * 255) << 24) | base) >>> 0;
}

/**
 * Rows of a lane that a state covers: 1 full colour, 0 nothing, between: paler.
 * @param {number} state
 * @param {number} height
 * @returns {Float32Array}
 */
function shapeOf(state, height) {
  const shape = new Float32Array(height);
  const unit = height / 16;
  for (let y = 0; y < height; y += 1) {
    const at = (y + 0.5) / unit;
    if (state === RUNNING) shape[y] = 1;
    else if (state === RUNNABLE) shape[y] = at % 4 < 2.5 ? 1 : 0.35;
    else if (state === WAITING) shape[y] = at > 6 && at < 10 ? 1 : 0;
    else if (state === SYSCALL) shape[y] = at > 3.5 && at < 12.5 ? 1 : 0;
    else if (state === GC_WORK) shape[y] = at < 4.5 || at > 11.5 ? 1 : 0.4;
  }
  return shape;
}

/**
 * Colour of a run.
 * @param {RunLane} lane
 * @param {number} index
 * @param {App} app
 */
function runColour(lane, index, app) {
  const colours = palette();
  const state = lane.state[index] ?? 0;
  const what = Number(lane.what[index] ?? 0n);
  if (state === WAITING) {
    const reason = app.trace.reasons[what - 1];
    return (
      colours.waits[reason === undefined ? FAMILIES.length - 1 : familyOf(reason)] ??
      colours.states[WAITING] ??
      "#000000"
    );
  }
  if (state === RUNNING && what > 0 && !lane.name.startsWith("goroutine:")) {
    const group = app.names.groupOf(what);
    return colours.running[group ? group.id % colours.running.length : 0] ?? "#000000";
  }
  return colours.states[state] || "#000000";
}

/**
 * @param {RunLane} lane
 * @param {Uint32Array} pixels
 * @param {number} width
 * @param {number} height
 * @param {App} app
 */
function paintRuns(lane, pixels, width, height, app) {
  const shapes = [0, 1, 2, 3, 4, 5].map((state) => shapeOf(state, height));
  const mark = pixelOf(palette().states[SYSCALL] ?? "#000000", 1);
  for (let index = 0; index < lane.first.length; index += 1) {
    const state = lane.state[index] ?? 0;
    if (state === 0) continue;
    const first = lane.first[index] ?? 0;
    const end = Math.min(width, first + (lane.length[index] ?? 0));
    const alpha = FAINTEST + (1 - FAINTEST) * ((lane.share[index] ?? 0) / 255);
    const colour = runColour(lane, index, app);
    const shape = shapes[state];
    let before = -1;
    let pixel = 0;
    for (let y = 0; y < height; y += 1) {
      const strength = shape?.[y] ?? 0;
      if (strength === 0) continue;
      if (strength !== before) pixel = pixelOf(colour, strength * alpha);
      before = strength;
      if (end - first === 1) pixels[y * width + first] = pixel;
      else pixels.fill(pixel, y * width + first, y * width + end);
    }
    const hidden = ((lane.flags[index] ?? 0) & LONG_SYSCALL) !== 0 && state !== SYSCALL;
    if (hidden) {
      for (let y = 0; y < Math.max(2, height / 6); y += 1)
        pixels.fill(mark, y * width + first, y * width + end);
    }
  }
}

/**
 * Goroutines in each state, stacked: running at the bottom, waiting on top. What runs or could
 * run gets at least one pixel, however many wait.
 * @param {GroupLane} lane
 * @param {Uint32Array} pixels
 * @param {number} width
 * @param {number} height
 * @param {number} scale
 */
function paintStack(lane, pixels, width, height, scale) {
  const colours = palette();
  const pixel = (/** @type {number} */ state) => pixelOf(colours.states[state] ?? "#000000", 1);
  const layers = /** @type {[Float32Array, number, number][]} */ ([
    [lane.running, pixel(RUNNING), 1],
    [lane.gc, pixel(GC_WORK), 1],
    [lane.syscall, pixel(SYSCALL), 1],
    [lane.runnable, pixel(RUNNABLE), 1],
    [lane.waiting, pixelOf(colours.states[WAITING] ?? "#000000", 0.5), 0],
  ]);
  const unit = height / Math.max(scale, 1);
  for (let cell = 0; cell < width; cell += 1) {
    let bottom = height;
    for (const [values, colour, least] of layers) {
      const value = values[cell] ?? 0;
      if (value <= 0) continue;
      const rows = Math.max(least, Math.round(value * unit));
      const top = Math.max(0, bottom - rows);
      for (let y = top; y < bottom; y += 1) pixels[y * width + cell] = colour;
      bottom = top;
    }
  }
}
