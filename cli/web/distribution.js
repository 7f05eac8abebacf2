// A distribution of durations as a small picture: the histogram if it is there, and the quantiles.

import { svg } from "./dom.js";
import { duration } from "./format.js";

const DISTRIBUTION_WIDTH = 140;
const DISTRIBUTION_HEIGHT = 18;

/**
 * @param {Distribution} times
 * @param {{ from_ns: number, to_ns: number, count: number }[] | null | undefined} histogram
 * @param {number} least left end of the axis
 * @param {number} most right end of the axis
 */
export function distributionCell(times, histogram, least, most) {
  const label = `from ${duration(times.min_ns)} to ${duration(times.max_ns)}, median ${duration(times.p50_ns)}`;
  const picture = svg("svg", {
    class: "distribution",
    width: DISTRIBUTION_WIDTH,
    height: DISTRIBUTION_HEIGHT,
    role: "img",
    "aria-label": label,
  });
  if (times.count === 0) return picture;
  const width = Math.log(most / least) || 1;
  const x = (/** @type {number} */ ns) => {
    const share = Math.log(Math.max(ns, least) / least) / width;
    return 2 + Math.max(0, Math.min(1, share)) * (DISTRIBUTION_WIDTH - 4);
  };
  const bars = histogram ?? [];
  const tallest = Math.max(1, ...bars.map((bar) => bar.count));
  for (const bar of bars) {
    const tall = Math.max(1, (bar.count / tallest) * (DISTRIBUTION_HEIGHT - 6));
    const left = x(bar.from_ns);
    picture.append(
      svg("rect", {
        class: "bar",
        x: left,
        y: DISTRIBUTION_HEIGHT - 5 - tall,
        width: Math.max(1, x(bar.to_ns) - left - 0.5),
        height: tall,
      }),
    );
  }
  const middle = bars.length > 0 ? DISTRIBUTION_HEIGHT - 3 : DISTRIBUTION_HEIGHT / 2;
  const thick = bars.length > 0 ? 4 : 8;
  picture.append(
    svg("line", {
      class: "whole",
      x1: x(times.min_ns),
      x2: x(times.max_ns),
      y1: middle,
      y2: middle,
    }),
    svg("rect", {
      class: "box",
      x: x(times.p50_ns),
      y: middle - thick / 2,
      width: Math.max(2, x(times.p90_ns) - x(times.p50_ns)),
      height: thick,
    }),
    svg("line", {
      class: "p99",
      x1: x(times.p99_ns),
      x2: x(times.p99_ns),
      y1: middle - thick / 2,
      y2: middle + thick / 2,
    }),
  );
  return picture;
}
