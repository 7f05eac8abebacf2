// The box beside the pointer that says what is under it.

import { el, fill } from "./dom.js";

export class Tooltip {
  constructor() {
    this.element = el("div", { class: "tooltip", role: "tooltip", hidden: true });
    document.body.append(this.element);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {(Node | string)[]} content
   */
  show(x, y, content) {
    fill(this.element, ...content);
    this.element.hidden = false;
    const box = this.element.getBoundingClientRect();
    const left = x + 14 + box.width > innerWidth ? x - box.width - 10 : x + 14;
    const top = y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18;
    this.element.style.left = `${Math.max(2, left)}px`;
    this.element.style.top = `${Math.max(2, top)}px`;
  }

  hide() {
    this.element.hidden = true;
  }
}

/**
 * Lines of a tooltip: the first is bold.
 * @param {(string | null | undefined | false)[]} lines
 * @returns {Node[]}
 */
export function tooltipLines(lines) {
  return lines
    .filter(Boolean)
    .map((line, index) => el("bdi", { class: index === 0 ? "first" : "line", text: String(line) }));
}
