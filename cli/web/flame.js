// A flame graph from the outermost function at the top to the innermost. A click zooms in.

import { FONT, Surface } from "./canvas.js";
import { button, el } from "./dom.js";
import { inUnit, percent } from "./format.js";
import { hash } from "./intervals-draw.js";
import { clean, fitText, shortFunction } from "./text.js";
import { onTheme, palette } from "./theme.js";
import { Tooltip, tooltipLines } from "./tooltip.js";

/** Height of a line, in CSS pixels. */
const LINE = 18;

/** Narrowest box that is drawn, in CSS pixels. */
const NARROWEST_BOX = 0.4;

/**
 * @typedef {object} Box
 * @property {number} node
 * @property {number} depth
 * @property {number} left from 0 to 1 of the whole
 * @property {number} width
 */

/** @type {Tooltip | null} */
let sharedTooltip = null;

export class FlameGraph {
  /**
   * @param {ProfileAnswer} profile
   * @param {(frame: number | null) => void} [hovered]
   */
  constructor(profile, hovered = () => {}) {
    this.profile = profile;
    this.hovered = hovered;
    this.boxes = layOut(profile);
    this.zoomed = -1;
    this.over = -1;
    this.depth = 1 + this.boxes.reduce((most, box) => Math.max(most, box.depth), 0);
    this.surface = new Surface("Flame graph. The table shows the same numbers.");
    this.surface.canvas.tabIndex = 0;
    this.reset = button("show all", () => this.zoom(-1), { class: "quiet", hidden: true });
    this.holder = el("div", { class: "flame" }, this.surface.canvas);
    this.element = el("div", { class: "flamebox" }, this.reset, this.holder);
    sharedTooltip ??= new Tooltip();
    this.tooltip = sharedTooltip;
    new ResizeObserver(() => this.draw()).observe(this.holder);
    onTheme(() => this.draw());
    this.listen();
  }

  /** @param {number} node */
  zoom(node) {
    this.zoomed = node;
    this.reset.hidden = node < 0;
    this.draw();
  }

  /** Left end and width of what is zoomed to. */
  window() {
    const box = this.boxes.find((candidate) => candidate.node === this.zoomed);
    return box ? { left: box.left, width: box.width } : { left: 0, width: 1 };
  }

  draw() {
    const width = this.holder.clientWidth;
    if (width === 0) return;
    const context = this.surface.begin(width, this.depth * LINE + 1);
    if (!context) return;
    const colours = palette();
    const { left, width: share } = this.window();
    context.font = FONT;
    context.textBaseline = "middle";
    const hoveredFrame = this.over >= 0 ? this.profile.nodes.frame[this.over] : -1;
    for (const box of this.boxes) {
      const x = ((box.left - left) / share) * width;
      const wide = (box.width / share) * width;
      if (wide < NARROWEST_BOX || x + wide < 0 || x > width) continue;
      const from = Math.max(0, x);
      const to = Math.min(width, x + wide);
      const frame = this.profile.nodes.frame[box.node] ?? 0;
      const text = nameOf(this.profile, frame);
      context.fillStyle = frame < 0 ? colours.lane : functionColour(text);
      context.fillRect(from, box.depth * LINE, Math.max(0.5, to - from - 0.6), LINE - 1);
      if (frame === hoveredFrame) {
        context.strokeStyle = colours.accent;
        context.lineWidth = box.node === this.over ? 2 : 1;
        context.strokeRect(
          from + 0.5,
          box.depth * LINE + 0.5,
          Math.max(1, to - from - 1.6),
          LINE - 2,
        );
      }
      if (to - from < 28) continue;
      context.fillStyle = colours.text;
      context.fillText(
        fitText(context, shortFunction(text), to - from - 8),
        from + 4,
        box.depth * LINE + LINE / 2,
      );
    }
  }

  /**
   * @param {PointerEvent | MouseEvent} event
   * @returns {number}
   */
  nodeAt(event) {
    const area = this.surface.canvas.getBoundingClientRect();
    const { left, width } = this.window();
    const at = left + ((event.clientX - area.left) / area.width) * width;
    const depth = Math.floor((event.clientY - area.top) / LINE);
    return (
      this.boxes.find((box) => box.depth === depth && box.left <= at && at < box.left + box.width)
        ?.node ?? -1
    );
  }

  listen() {
    const { canvas } = this.surface;
    canvas.addEventListener("pointermove", (event) => {
      const node = this.nodeAt(event);
      if (node !== this.over) {
        this.over = node;
        this.hovered(node >= 0 ? (this.profile.nodes.frame[node] ?? null) : null);
        this.draw();
      }
      if (node < 0) this.tooltip.hide();
      else this.tooltip.show(event.clientX, event.clientY, tooltipLines(this.linesOf(node)));
    });
    canvas.addEventListener("pointerleave", () => {
      this.over = -1;
      this.hovered(null);
      this.tooltip.hide();
      this.draw();
    });
    canvas.addEventListener("click", (event) => {
      const node = this.nodeAt(event);
      this.zoom(node === this.zoomed ? -1 : node);
    });
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.zoomed >= 0) {
        event.stopPropagation();
        this.zoom(-1);
      }
    });
  }

  /** @param {number} node */
  linesOf(node) {
    const { nodes, unit, total } = this.profile;
    const [all, own] = [nodes.total[node] ?? 0, nodes.self[node] ?? 0];
    return [
      clean(nameOf(this.profile, nodes.frame[node] ?? 0), 200),
      `${inUnit(all, unit)} · ${percent(all / total)} of all`,
      own > 0 ? `itself ${inUnit(own, unit)}` : null,
    ];
  }
}

/**
 * Name of a function; the root of the tree has none.
 * @param {ProfileAnswer} profile
 * @param {number} frame
 */
function nameOf(profile, frame) {
  return frame < 0 ? "all" : (profile.frames[frame] ?? "");
}

/**
 * Places the nodes: children beside each other, the widest first.
 * @param {ProfileAnswer} profile
 * @returns {Box[]}
 */
function layOut(profile) {
  const { parent, total } = profile.nodes;
  /** @type {Map<number, number[]>} */
  const children = new Map();
  parent.forEach((above, node) => {
    const siblings = children.get(above);
    if (siblings) siblings.push(node);
    else children.set(above, [node]);
  });
  for (const siblings of children.values())
    siblings.sort((left, right) => (total[right] ?? 0) - (total[left] ?? 0));
  const whole = Math.max(
    1,
    (children.get(-1) ?? []).reduce((sum, node) => sum + (total[node] ?? 0), 0),
  );
  /** @type {Box[]} */
  const boxes = [];
  /** @type {{ above: number, depth: number, left: number }[]} */
  const stack = [{ above: -1, depth: 0, left: 0 }];
  for (let item = stack.pop(); item; item = stack.pop()) {
    let { left } = item;
    for (const node of children.get(item.above) ?? []) {
      const width = (total[node] ?? 0) / whole;
      boxes.push({ node, depth: item.depth, left, width });
      stack.push({ above: node, depth: item.depth + 1, left });
      left += width;
    }
  }
  return boxes;
}

/**
 * Colour of a function: by package, grey for the runtime.
 * @param {string} text
 */
function functionColour(text) {
  const colours = palette();
  if (/^(runtime|internal\/)/.test(text)) return colours.line;
  const short = shortFunction(text);
  const dot = short.indexOf(".");
  return (
    colours.flame[
      hash(dot > 0 ? text.slice(0, text.length - short.length + dot) : text) % colours.flame.length
    ] ?? colours.line
  );
}
