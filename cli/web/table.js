// A table that sorts by any column. Long tables show their first rows, and a button for more.

import { button, el, fill } from "./dom.js";
import { count } from "./format.js";

/** Rows shown at first, and added by the button. */
const ROWS_STEP = 200;

/**
 * @template T
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: T) => number | string | null | undefined} value what is sorted by
 * @property {(row: T) => Node | string} [cell] what is shown; the value by default
 * @property {boolean} [number] numbers are aligned right and sort from large to small
 * @property {string} [hint] longer explanation of the title
 */

/**
 * @template T
 * @typedef {object} TableOptions
 * @property {string} label for readers of the screen
 * @property {number} [sort] the column that is sorted by at first
 * @property {boolean} [ascending]
 * @property {(row: T) => void} [onrow] what a click on a row does
 * @property {string} [empty] text if there are no rows
 * @property {(row: T) => boolean} [marked] whether a row stands out
 */

/**
 * @template T
 * @param {Column<T>[]} columns
 * @param {T[]} rows
 * @param {TableOptions<T>} options
 * @returns {HTMLElement}
 */
export function table(columns, rows, options) {
  let sorted = options.sort ?? -1;
  let ascending = options.ascending ?? false;
  let limit = ROWS_STEP;
  const body = el("tbody");
  const heads = columns.map((column, index) => {
    const head = button(
      column.title,
      () => {
        ascending = sorted === index ? !ascending : !column.number;
        sorted = index;
        draw();
      },
      { title: column.hint },
    );
    return el("th", { scope: "col", class: column.number ? "number" : "" }, head);
  });
  const more = button(
    "",
    () => {
      limit += ROWS_STEP * 5;
      draw();
    },
    { class: "quiet more" },
  );
  const draw = () => {
    heads.forEach((head, index) => {
      head.setAttribute(
        "aria-sort",
        index !== sorted ? "none" : ascending ? "ascending" : "descending",
      );
    });
    const order =
      sorted < 0
        ? rows
        : [...rows].sort((left, right) => {
            const column = columns[sorted];
            const result = column ? compare(column.value(left), column.value(right)) : 0;
            return ascending ? result : -result;
          });
    fill(body, ...order.slice(0, limit).map((row) => line(columns, row, options)));
    more.textContent = `show more of ${count(rows.length)}`;
    more.hidden = rows.length <= limit;
  };
  draw();
  if (rows.length === 0)
    return el("p", { class: "empty", text: options.empty ?? "nothing to show" });
  return el(
    "div",
    { class: "tablebox" },
    el("table", { "aria-label": options.label }, el("thead", {}, el("tr", {}, ...heads)), body),
    more,
  );
}

/**
 * @template T
 * @param {Column<T>[]} columns
 * @param {T} row
 * @param {TableOptions<T>} options
 */
function line(columns, row, options) {
  const cells = columns.map((column) => {
    const shown = column.cell ? column.cell(row) : column.value(row);
    return el(
      "td",
      { class: column.number ? "number" : "" },
      typeof shown === "object" ? shown : String(shown ?? "–"),
    );
  });
  const element = el("tr", { class: options.marked?.(row) ? "marked" : "" }, ...cells);
  const { onrow } = options;
  if (onrow) {
    element.classList.add("link");
    element.tabIndex = 0;
    element.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("a, button")) return;
      // After a click with the mouse, Enter is for the timeline: it follows the waker.
      element.blur();
      onrow(row);
    });
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === element) {
        event.stopPropagation();
        onrow(row);
      }
    });
  }
  return element;
}

/**
 * @param {number | string | null | undefined} left
 * @param {number | string | null | undefined} right
 */
function compare(left, right) {
  if (left === null || left === undefined) return right === null || right === undefined ? 0 : -1;
  if (right === null || right === undefined) return 1;
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * A share as a bar with its number, for a cell.
 * @param {number} share
 * @param {string} text
 */
export function barCell(share, text) {
  const bar = el("i", { class: "bar" });
  bar.style.width = `${Math.max(0, Math.min(1, share)) * 100}%`;
  return el("span", { class: "barcell" }, bar, el("span", { text }));
}
