// The bar between the timeline and the panel below it: drag it, or move it with the arrow keys.

import { el } from "./dom.js";

/** Heights of the panel, in CSS pixels. */
const LEAST = 90;
const STEP = 24;

/**
 * @param {HTMLElement} panel
 */
export function splitter(panel) {
  const bar = el("div", {
    class: "splitter",
    role: "separator",
    "aria-orientation": "horizontal",
    "aria-label": "Height of the panel",
    tabindex: "0",
  });
  const resize = (/** @type {number} */ height) => {
    panel.style.height = `${Math.max(LEAST, Math.min(innerHeight * 0.75, height))}px`;
  };
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    const from = { y: event.clientY, height: panel.clientHeight };
    const move = (/** @type {PointerEvent} */ moved) =>
      resize(from.height + from.y - moved.clientY);
    bar.addEventListener("pointermove", move);
    bar.addEventListener("pointerup", () => bar.removeEventListener("pointermove", move), {
      once: true,
    });
  });
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.stopPropagation();
    event.preventDefault();
    resize(panel.clientHeight + (event.key === "ArrowUp" ? STEP : -STEP));
  });
  return bar;
}
