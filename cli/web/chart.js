// Line charts in SVG: axes, lines with points, markers, and a reading under the pointer.

import { el, fill, svg } from "./dom.js";
import { clean } from "./text.js";

/** Size of the drawing; it scales with its holder. */
const CHART = { width: 600, height: 200, left: 64, right: 12, top: 10, bottom: 24 };

/** Lines beyond these share the last colour. */
const LINE_COLOURS = 6;

/** Points of a line that get a dot each. */
const MOST_DOTS = 60;

/**
 * @typedef {object} ChartLine
 * @property {string} name
 * @property {(number | null)[]} values
 * @property {boolean} [dashed]
 */

/**
 * @typedef {object} ChartOptions
 * @property {string} label for readers of the screen
 * @property {(value: number) => string} y
 * @property {(value: number, step?: number) => string} x
 * @property {boolean} [binary] powers of two on the y axis
 * @property {boolean} [logarithmic] the x axis
 * @property {number} [most] top of the y axis
 * @property {{ at: number, text: string }[]} [markers]
 */

/**
 * @param {number[]} xs
 * @param {ChartLine[]} lines
 * @param {ChartOptions} options
 * @returns {HTMLElement}
 */
export function chart(xs, lines, options) {
  const values = lines.flatMap((line) => line.values).filter((value) => value !== null);
  const markers = options.markers ?? [];
  const spots = [...xs, ...markers.map(({ at }) => at)];
  if (xs.length === 0 || values.length === 0) return el("p", { class: "empty", text: "no values" });
  const most = options.most ?? niceAbove(Math.max(...values, 0), options.binary ?? false);
  const place = scale(Math.min(...spots), Math.max(...spots), options.logarithmic ?? false);
  const across = (/** @type {number} */ value) =>
    CHART.left + place(value) * (CHART.width - CHART.left - CHART.right);
  const up = (/** @type {number} */ value) =>
    CHART.height - CHART.bottom - (value / most) * (CHART.height - CHART.top - CHART.bottom);
  const picture = svg("svg", {
    viewBox: `0 0 ${CHART.width} ${CHART.height}`,
    role: "img",
    "aria-label": options.label,
    class: "chart",
  });
  drawAxes(picture, most, up, options);
  drawTicks(picture, spots, across, options);
  for (const { at, text } of markers) {
    const x = across(at);
    picture.append(
      svg("line", {
        class: "marker",
        x1: x,
        x2: x,
        y1: CHART.top,
        y2: CHART.height - CHART.bottom,
      }),
      svg("text", { class: "markertext", x: x + 4, y: CHART.top + 10 }, clean(text, 40)),
    );
  }
  lines.forEach((line, index) => drawLine(picture, xs, line, index, across, up));
  const reading = svg("line", { class: "reading", y1: CHART.top, y2: CHART.height - CHART.bottom });
  picture.append(reading);
  const legend = el("div", { class: "chartlegend" });
  const write = (/** @type {number | null} */ at) => {
    fill(legend, ...legendOf(xs, lines, at, options));
    reading.setAttribute("visibility", at === null ? "hidden" : "visible");
    if (at === null) return;
    const x = String(across(xs[at] ?? 0));
    reading.setAttribute("x1", x);
    reading.setAttribute("x2", x);
  };
  write(null);
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * CHART.width;
    write(nearest(xs.map(across), x));
  });
  picture.addEventListener("pointerleave", () => write(null));
  return el("figure", { class: "chartbox" }, picture, legend);
}

/**
 * @param {SVGElement} picture
 * @param {number} most
 * @param {(value: number) => number} up
 * @param {ChartOptions} options
 */
function drawAxes(picture, most, up, options) {
  for (let part = 0; part <= 4; part += 1) {
    const value = (most * part) / 4;
    const y = up(value);
    picture.append(
      svg("line", { class: "grid", x1: CHART.left, x2: CHART.width - CHART.right, y1: y, y2: y }),
      svg("text", { class: "tick end", x: CHART.left - 8, y: y + 4 }, options.y(value)),
    );
  }
}

/**
 * @param {SVGElement} picture
 * @param {number[]} spots
 * @param {(value: number) => number} across
 * @param {ChartOptions} options
 */
function drawTicks(picture, spots, across, options) {
  const [low, high] = [Math.min(...spots), Math.max(...spots)];
  const steps = options.logarithmic ? powers(low, high) : rounds(low, high);
  const step = (steps[1] ?? high) - (steps[0] ?? low);
  for (const value of steps) {
    const x = across(value);
    const side = x > CHART.width - 40 ? "end" : "middle";
    picture.append(
      svg(
        "text",
        { class: `tick ${side}`, x: side === "end" ? CHART.width - 2 : x, y: CHART.height - 7 },
        options.x(value, step),
      ),
    );
  }
}

/**
 * @param {SVGElement} picture
 * @param {number[]} xs
 * @param {ChartLine} line
 * @param {number} index
 * @param {(value: number) => number} across
 * @param {(value: number) => number} up
 */
function drawLine(picture, xs, line, index, across, up) {
  const colour = `series${index % LINE_COLOURS}`;
  /** @type {string[]} */
  const path = [];
  let drawing = false;
  line.values.forEach((value, at) => {
    const x = xs[at];
    if (value === null || x === undefined) {
      drawing = false;
      return;
    }
    path.push(`${drawing ? "L" : "M"}${across(x).toFixed(1)} ${up(value).toFixed(1)}`);
    drawing = true;
    if (line.values.length <= MOST_DOTS && !line.dashed) {
      picture.append(
        svg("circle", { class: `dot ${colour}`, cx: across(x), cy: up(value), r: 2.6 }),
      );
    }
  });
  picture.append(
    svg("path", { class: `line ${colour}${line.dashed ? " dashed" : ""}`, d: path.join("") }),
  );
}

/**
 * @param {number[]} xs
 * @param {ChartLine[]} lines
 * @param {number | null} at
 * @param {ChartOptions} options
 * @returns {Node[]}
 */
function legendOf(xs, lines, at, options) {
  const entries = lines.map((line, index) => {
    const value = at === null ? null : line.values[at];
    return el(
      "span",
      { class: "entry" },
      el("i", { class: `key series${index % LINE_COLOURS}${line.dashed ? " dashed" : ""}` }),
      el("bdi", { text: clean(line.name, 120) }),
      value === null || value === undefined ? null : el("b", { text: options.y(value) }),
    );
  });
  return at === null ? entries : [...entries, el("span", { text: `at ${options.x(xs[at] ?? 0)}` })];
}

/**
 * Maps values to shares from 0 to 1.
 * @param {number} low
 * @param {number} high
 * @param {boolean} logarithmic
 * @returns {(value: number) => number}
 */
function scale(low, high, logarithmic) {
  const of = (/** @type {number} */ value) =>
    logarithmic ? Math.log10(Math.max(value, 1e-12)) : value;
  const width = of(high) - of(low) || 1;
  return (value) => (of(value) - of(low)) / width;
}

/**
 * A round number that is not below a value.
 * @param {number} value
 * @param {boolean} binary
 */
function niceAbove(value, binary) {
  if (value <= 0) return 1;
  const base = binary
    ? 1024 ** Math.floor(Math.log2(value) / 10)
    : 10 ** Math.floor(Math.log10(value));
  const steps = binary
    ? [1, 2, 4, 8, 12, 16, 20, 32, 40, 64, 100, 128, 200, 256, 400, 512, 800, 1024]
    : [1, 2, 4, 5, 8, 10];
  return (steps.find((step) => step * base >= value) ?? 1024) * base;
}

/**
 * @param {number} low
 * @param {number} high
 */
function rounds(low, high) {
  const width = high - low || 1;
  const rough = width / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough) ?? width;
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step / 1000; value += step)
    found.push(value);
  return found;
}

/**
 * @param {number} low
 * @param {number} high
 */
function powers(low, high) {
  const found = [];
  for (let power = Math.ceil(Math.log10(low)); 10 ** power <= high; power += 1)
    found.push(10 ** power);
  return found;
}

/**
 * @param {number[]} places
 * @param {number} x
 */
function nearest(places, x) {
  let best = 0;
  places.forEach((place, index) => {
    if (Math.abs(place - x) < Math.abs((places[best] ?? 0) - x)) best = index;
  });
  return best;
}
