// The column of labels beside the lanes: only the rows in view have elements.

import { button, el } from "./dom.js";
import { go, hrefOf, place } from "./place.js";
import { SORTS } from "./rows.js";
import { clean, cleanTitle, shortFunction } from "./text.js";

export class Labels {
  /** @param {import("./rows.js").Rows} rows */
  constructor(rows) {
    this.rows = rows;
    this.element = el("div", { class: "labels", role: "list", "aria-label": "Lanes" });
    /** @type {Map<string, { element: HTMLElement, text: string }>} */
    this.shown = new Map();
  }

  /**
   * @param {Row[]} visible
   * @param {number} top
   */
  draw(visible, top) {
    const keys = new Set(visible.map((row) => row.key));
    for (const [key, { element }] of this.shown) {
      if (!keys.has(key)) {
        element.remove();
        this.shown.delete(key);
      }
    }
    for (const row of visible) {
      const text = `${row.label} ${row.detail} ${row.open} ${row.height} ${place().sort}`;
      let known = this.shown.get(row.key);
      if (!known || known.text !== text) {
        const focused = known?.element.contains(document.activeElement);
        const element = this.make(row);
        if (known) known.element.replaceWith(element);
        else this.element.append(element);
        known = { element, text };
        this.shown.set(row.key, known);
        if (focused) element.querySelector("button")?.focus({ preventScroll: true });
      }
      known.element.style.transform = `translateY(${row.y - top}px)`;
    }
  }

  /** @param {Row} row */
  make(row) {
    const element = el("div", {
      class: `label ${row.kind} depth${row.depth}`,
      role: "listitem",
      title: cleanTitle(`${row.label}\n${row.detail}`),
    });
    element.style.height = `${row.height}px`;
    const toggle = () =>
      this.rows.toggle(this.rows.rows.find((other) => other.key === row.key) ?? row);
    const name = row.group && row.kind === "group" ? shortFunction(row.label) : row.label;
    if (row.kind === "more") {
      element.append(button(row.label, toggle, { class: "quiet" }));
      return element;
    }
    if (row.open !== null) {
      const arrow = row.open ? "▾" : "▸";
      element.append(
        button(arrow, toggle, {
          class: "toggle",
          "aria-expanded": String(row.open),
          "aria-label": clean(row.label),
        }),
      );
    }
    element.append(this.nameOf(row, name));
    if (row.detail) element.append(el("bdi", { class: "detail", text: clean(row.detail, 120) }));
    if (row.key === "section:groups") element.append(sortSelect());
    return element;
  }

  /**
   * @param {Row} row
   * @param {string} name
   */
  nameOf(row, name) {
    if (row.kind === "group" && row.group)
      return el(
        "a",
        { class: "name", href: hrefOf({ page: "group", id: row.group.id }) },
        el("bdi", { text: clean(name, 200) }),
      );
    if (row.goroutine !== null)
      return el(
        "a",
        { class: "name", href: hrefOf({ page: "goroutine", id: row.goroutine }) },
        el("bdi", { text: clean(name, 200) }),
      );
    return el("bdi", { class: "name", text: clean(name, 200) });
  }
}

function sortSelect() {
  const select = /** @type {HTMLSelectElement} */ (
    el("select", { "aria-label": "Sort goroutines by", title: "Sort by" })
  );
  for (const { key, text } of SORTS) select.append(el("option", { value: key, text }));
  select.value = place().sort;
  select.addEventListener("change", () => go({ sort: select.value }));
  return select;
}
